import Digests
import Foundation
import RemoteModels
import Runs

/// A language model as the teacher.
///
/// Equal texts are asked about once, and nothing that the journal answers is asked again, whichever run asked it first. What has no
/// answer after patient repetition is skipped and counted, and asked again by the next run. A refused key, or many failures in a
/// row, end the run; questions under way by then have some time to be answered, and every answer that came is in the journal.
public struct RemoteTeacher: TextTeacher {
    private let model: RemoteModel
    private let prompt: TeacherPrompt
    private let journal: TeacherJournal
    private let options: Options

    /// How to ask, and when to give up.
    public struct Options: Sendable {
        /// Tokens after which an answer is cut off; a model that reasons needs more.
        public var maxTokens = 400
        /// Sampling temperature; nil leaves it to the server.
        public var temperature: Double?
        /// Questions in a row that end without an answer, after which the run ends.
        public var mostFailuresInARow = 20
        /// How long a run that ends early waits for the questions under way: they may be paid for.
        public var patience = Duration.seconds(20)

        /// The usual.
        public init() {}
    }

    /// A teacher that keeps its answers in `journal`.
    public init(
        _ model: RemoteModel, prompt: TeacherPrompt = .standard, journal: TeacherJournal, options: Options = Options()
    ) {
        self.model = model
        self.prompt = prompt
        self.journal = journal
        self.options = options
    }

    private enum Outcome: Sendable {
        case explanation(String, isNew: Bool)
        case failure(RemoteModelError)
    }

    public func explain(
        _ requests: [TeacherRequest], deliver: (TaughtExplanation) throws -> Void
    ) async throws -> TeacherReport {
        let before = model.usage
        var progress = Progress(requests, keys: requests.map { key(question($0)) })
        progress.outcomes = await journal.all().filter { progress.wants($0.key) }
            .mapValues { .explanation($0, isNew: false) }
        // The first request of each text that no run has answered.
        var open = Set<String>()
        let questions = requests.indices.filter {
            progress.outcomes[progress.keys[$0]] == nil && open.insert(progress.keys[$0]).inserted
        }
        try progress.deliverReady(deliver)
        var failuresInARow = 0
        try await withThrowingTaskGroup(of: (String, Outcome)?.self) { group in
            var next = questions.makeIterator(), underWay = 0
            func add() {
                guard let index = next.next() else { return }
                let (request, key) = (requests[index], progress.keys[index])
                underWay += 1
                group.addTask { (key, try await ask(request, key)) }
            }
            /// Waits for what has been asked, so that the journal has the answers; no longer than the patience lasts.
            func drain() async {
                let patience = options.patience
                group.addTask {
                    try? await Task.sleep(for: patience)
                    return nil
                }
                while underWay > 0, let result = await group.nextResult() {
                    if case .success(nil) = result { break }
                    underWay -= 1
                }
                group.cancelAll()
            }
            func receive(_ key: String, _ outcome: Outcome) throws {
                if case .failure(let error) = outcome {
                    failuresInARow += 1
                    guard failuresInARow < options.mostFailuresInARow else {
                        throw TrainingError(
                            "\(failuresInARow) questions in a row had no answer; the last: \(error.description)")
                    }
                } else {
                    failuresInARow = 0
                }
                progress.outcomes[key] = outcome
                progress.report.asked += 1
                try progress.deliverReady(deliver)
            }
            for _ in 0..<max(1, model.settings.concurrency) { add() }
            while let result = await group.nextResult() {
                underWay -= 1
                do {
                    if let (key, outcome) = try result.get() { try receive(key, outcome) }
                    add()
                } catch {
                    await drain()
                    throw error
                }
            }
        }
        progress.report.inputTokens = model.usage.inputTokens - before.inputTokens
        progress.report.outputTokens = model.usage.outputTokens - before.outputTokens
        return progress.report
    }

    /// One question, to its end. Throws only what makes all further questions useless.
    private func ask(_ request: TeacherRequest, _ key: String) async throws -> Outcome {
        do {
            let explanation = try await model.complete(question(request), reading: TeacherPrompt.explanation)
            try await journal.record(explanation, key: key, id: request.id)
            return .explanation(explanation, isNew: true)
        } catch let error as RemoteModelError where error.kind != .refusesAll && error.kind != .settings {
            return .failure(error)
        }
    }

    private func question(_ request: TeacherRequest) -> RemotePrompt {
        prompt.question(request.textSoFar, maxTokens: options.maxTokens, temperature: options.temperature)
    }

    /// Names a question by everything that decides about its answer, other than where the server stands.
    private func key(_ question: RemotePrompt) -> String {
        let parts = [
            model.settings.wire.rawValue, model.settings.model, question.system ?? "", question.user,
            "\(question.maxTokens)", question.temperature.map { "\($0)" } ?? "",
        ]
        var hash = Digest(.sha256)
        for part in parts {
            hash.update("\(part.utf8.count):".utf8)
            hash.update(part.utf8)
        }
        return hash.finalize().hexadecimal
    }

    /// Brings outcomes, which come in any order, into the order of the requests.
    private struct Progress {
        let requests: [TeacherRequest]
        let keys: [String]
        private let wanted: Set<String>
        var outcomes: [String: Outcome] = [:]
        var report: TeacherReport
        private var next = 0
        /// Questions whose new answer has been given to a request.
        private var counted = Set<String>()

        init(_ requests: [TeacherRequest], keys: [String]) {
            self.requests = requests
            self.keys = keys
            wanted = Set(keys)
            report = TeacherReport(requested: requests.count)
        }

        func wants(_ key: String) -> Bool { wanted.contains(key) }

        mutating func deliverReady(_ deliver: (TaughtExplanation) throws -> Void) throws {
            while next < requests.count, let outcome = outcomes[keys[next]] {
                switch outcome {
                case .explanation(let explanation, let isNew):
                    if isNew && counted.insert(keys[next]).inserted {
                        report.answered += 1
                    } else {
                        report.reused += 1
                    }
                    try deliver(TaughtExplanation(id: requests[next].id, explanation: explanation))
                case .failure(let error): report.skipped[error.reason, default: 0] += 1
                }
                next += 1
            }
        }
    }
}
