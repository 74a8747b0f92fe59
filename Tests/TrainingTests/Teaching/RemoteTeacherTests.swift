import Foundation
import JSON
import RemoteModels
import Runs
import ScriptedServer
import Synchronization
import Teaching
import Testing

@Suite struct RemoteTeacherTests {
    /// Runs a teacher on a scripted server with a journal and returns all there is to see.
    private func teach(
        _ texts: [String], journal: URL, by wire: RemoteProtocol = .anthropicMessages, failuresInARow: Int = 20,
        model name: String = "parrot",
        script: @escaping @Sendable (ScriptedServer.Request) async -> ScriptedServer.Reply
    ) async throws -> (
        outcome: Result<TeacherReport, any Error>, taught: [TaughtExplanation], requests: [ScriptedServer.Request],
        peak: Int
    ) {
        try await ScriptedServer.run(script) { server in
            var settings = try RemoteModelSettings(
                wire, model: name, baseURL: server.address,
                environment: ["ANTHROPIC_API_KEY": "secret-key", "OPENAI_API_KEY": "secret-key"])
            settings.concurrency = 4
            settings.retries.firstDelay = .milliseconds(1)
            settings.retries.maxAttempts = 3
            var options = RemoteTeacher.Options()
            options.mostFailuresInARow = failuresInARow
            let requests = texts.enumerated().map { TeacherRequest(id: "\($0)", textSoFar: $1) }
            let prompt = try TeacherPrompt(template: "{text}", source: "test")
            let journal = try TeacherJournal(journal)
            let (outcome, taught) = try await RemoteModel.connect(settings) { [options] model in
                var taught: [TaughtExplanation] = []
                let teacher = RemoteTeacher(model, prompt: prompt, journal: journal, options: options)
                do {
                    let report = try await teacher.explain(requests) { taught.append($0) }
                    return (Result<TeacherReport, any Error>.success(report), taught)
                } catch { return (.failure(error), taught) }
            }
            return (outcome, taught, server.requests, server.peak)
        }
    }

    private func withJournal(_ body: (URL) async throws -> Void) async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "teacher-test-\(UUID().uuidString).journal")
        defer { try? FileManager.default.removeItem(at: file) }
        try await body(file)
    }

    private static func answer(
        _ question: String, by wire: RemoteProtocol = .anthropicMessages
    ) -> ScriptedServer.Reply {
        wire.answer("<explanation>About \(question).</explanation>")
    }

    @Test func explanationsComeInTheOrderOfTheRequestsAndEqualTextsAreAskedOnce() async throws {
        try await withJournal { journal in
            let texts = (0..<40).map { "text \($0 % 25)" }
            let answered = Mutex(0)
            let run = try await teach(texts, journal: journal) { request in
                // The first is answered behind those that are asked beside it.
                while request.question == "text 0", answered.withLock({ $0 }) < 3 {
                    try? await Task.sleep(for: .milliseconds(1))
                }
                answered.withLock { $0 += 1 }
                return Self.answer(request.question)
            }
            let report = try run.outcome.get()
            #expect(run.taught.map(\.id) == (0..<40).map { "\($0)" })
            #expect(run.taught.map(\.explanation) == texts.map { "About \($0)." })
            #expect(Set(run.requests.map(\.question)).count == 25 && run.requests.count == 25)
            #expect(report.requested == 40 && report.asked == 25 && report.answered == 25 && report.reused == 15)
            #expect(report.inputTokens == 25 * 11 && report.outputTokens == 25 * 7)
            #expect(run.peak <= 4)
        }
    }

    @Test(arguments: RemoteProtocol.allCases)
    func aServerThatMisbehavesEveryOtherTimeLosesNothing(_ wire: RemoteProtocol) async throws {
        try await withJournal { journal in
            let replies: [ScriptedServer.Reply] = [
                .error(429, headers: ["retry-after-ms": "3"]), .closed, .error(500), .brokenOff, .answer("<html>"),
                wire.answer("<explanation>"), .answer(status: 529, ""), wire.cutOff("<explanation>About"),
                wire.filtered,
                wire.refusal,
            ]
            let seen = Mutex<Set<String>>([])
            let texts = (0..<30).map { "text \($0)" }
            let run = try await teach(texts, journal: journal, by: wire) { request in
                // Each text gets the reply of its number first, so that every reply has its turn.
                let isFirst = seen.withLock { $0.insert(request.question).inserted }
                let number = Int(request.question.dropFirst("text ".count)) ?? 0
                return isFirst ? replies[number % replies.count] : Self.answer(request.question, by: wire)
            }
            #expect(try run.outcome.get().answered == 30)
            #expect(run.taught.map(\.explanation) == texts.map { "About \($0)." })
            #expect(run.requests.count == 60)
        }
    }

    @Test func aSecondRunAsksNothingAndATornLineOnlyItsOwn() async throws {
        try await withJournal { journal in
            let texts = (0..<12).map { "text \($0)" }
            let first = try await teach(texts, journal: journal) { Self.answer($0.question) }
            let second = try await teach(texts, journal: journal) { _ in .error(500) }
            #expect(second.requests.isEmpty && second.taught == first.taught)
            #expect(try second.outcome.get().reused == 12)

            let handle = try FileHandle(forUpdating: journal)
            let length = try handle.seekToEnd()
            try handle.truncate(atOffset: length - 9)
            try handle.close()
            let third = try await teach(texts, journal: journal) { Self.answer($0.question) }
            #expect(third.requests.count == 1 && third.taught == first.taught)
            let fourth = try await teach(texts, journal: journal) { _ in .error(500) }
            #expect(fourth.requests.isEmpty && fourth.taught == first.taught)
            // Another model is another teacher.
            let other = try await teach(texts, journal: journal, model: "owl") { Self.answer($0.question) }
            #expect(other.requests.count == 12)
        }
    }

    @Test(arguments: RemoteProtocol.allCases)
    func whatHasNoAnswerIsCountedAndAskedAgainByTheNextRun(_ wire: RemoteProtocol) async throws {
        try await withJournal { journal in
            let texts = (0..<12).map { "text \($0)" } + ["text 3"]
            let run = try await teach(texts, journal: journal, by: wire) { request in
                switch request.question {
                case "text 3": wire.answer("<explanation></explanation>")
                case "text 5": .error(500)
                case "text 7": .error(400, "too long")
                case "text 9": wire.cutOff("<explanation>About")
                case "text 10": wire.filtered
                case "text 11": wire.refusal
                default: Self.answer(request.question, by: wire)
                }
            }
            let report = try run.outcome.get()
            #expect(
                report.skipped == [
                    "an empty explanation": 2, "HTTP 500": 1, "HTTP 400": 1, "cut off": 1, "refused": 2,
                ])
            #expect(report.requested == report.answered + report.reused + report.skippedCount)
            #expect(run.taught.map(\.id) == ["0", "1", "2", "4", "6", "8"])
            let next = try await teach(texts, journal: journal, by: wire) { Self.answer($0.question, by: wire) }
            #expect(next.requests.count == 6 && next.taught.count == 13)
        }
    }

    @Test(arguments: RemoteProtocol.allCases)
    func anAnswerCutOffBehindTheClosingTagIsWhole(_ wire: RemoteProtocol) async throws {
        try await withJournal { journal in
            let run = try await teach(["text 0"], journal: journal, by: wire) {
                wire.cutOff("<explanation>About \($0.question).</explanation> I hope that")
            }
            #expect(run.taught.map(\.explanation) == ["About text 0."] && run.requests.count == 1)
        }
    }

    @Test(arguments: RemoteProtocol.allCases)
    func aRefusedKeyEndsTheRunAndWhatWasAnsweredStays(_ wire: RemoteProtocol) async throws {
        try await withJournal { journal in
            let texts = (0..<50).map { "text \($0)" }
            let run = try await teach(texts, journal: journal, by: wire) {
                $0.number < 10 ? Self.answer($0.question, by: wire) : .error(401, "key revoked")
            }
            let error = #expect(throws: RemoteModelError.self) { try run.outcome.get() }
            #expect(error?.description.contains("key revoked") == true)
            #expect(error?.description.contains(wire.defaultKeyVariable) == true, "\(String(describing: error))")
            #expect(run.requests.count < 20)
            let next = try await teach(texts, journal: journal, by: wire) { Self.answer($0.question, by: wire) }
            #expect(next.requests.count == 40 && next.taught.count == 50)
        }
    }

    @Test func aQuestionUnderWayWhenTheRunEndsIsAnsweredAndNotAskedAgain() async throws {
        try await withJournal { journal in
            let texts = (0..<8).map { "text \($0)" }
            let run = try await teach(texts, journal: journal, failuresInARow: 2) { request in
                guard request.question == "text 0" else { return .error(400, "no") }
                try? await Task.sleep(for: .milliseconds(200))
                return Self.answer(request.question)
            }
            #expect(throws: TrainingError.self) { try run.outcome.get() }
            let next = try await teach(texts, journal: journal) { Self.answer($0.question) }
            #expect(next.taught.count == 8 && !next.requests.contains { $0.question == "text 0" })
        }
    }

    @Test(arguments: RemoteProtocol.allCases)
    func manyFailuresInARowEndTheRun(_ wire: RemoteProtocol) async throws {
        try await withJournal { journal in
            let texts = (0..<60).map { "text \($0)" }
            let run = try await teach(texts, journal: journal, by: wire, failuresInARow: 5) { _ in
                wire.answer("<explanation>")
            }
            let error = #expect(throws: TrainingError.self) { try run.outcome.get() }
            #expect(error?.description.contains("5 questions in a row") == true, "\(String(describing: error))")
            #expect(error?.description.contains("no closing tag") == true)
            #expect(run.requests.count <= 24)
        }
    }

    @Test func aJournalIsOneRunsAtATimeAndNoOtherFileIsTakenForOne() async throws {
        try await withJournal { file in
            do {
                let journal = try TeacherJournal(file)
                let error = #expect(throws: TrainingError.self) { try TeacherJournal(file) }
                #expect(error?.description.contains("another run") == true)
                try await journal.record("One.", key: "k", id: "a")
            }
            #expect(try await TeacherJournal(file).all() == ["k": "One."])
            for text in ["{\"id\": 1}\n", "precious", "{\"format\": \"teacher journal 1\"}\n{\"key\": 1}\n"] {
                try Data(text.utf8).write(to: file)
                #expect(throws: TrainingError.self) { try TeacherJournal(file) }
                #expect(try String(contentsOf: file, encoding: .utf8) == text)
            }
            try Data("{\"form".utf8).write(to: file)
            #expect(try await TeacherJournal(file).count == 0)
        }
    }
}

extension RemoteProtocol {
    /// An answer that ended by itself.
    fileprivate func answer(_ text: String) -> ScriptedServer.Reply {
        switch self {
        case .anthropicMessages: .message(text)
        case .openAIChatCompletions: .choice(text)
        }
    }

    /// An answer that ended at the limit of tokens.
    fileprivate func cutOff(_ text: String) -> ScriptedServer.Reply {
        switch self {
        case .anthropicMessages: .message(text, stop: "max_tokens")
        case .openAIChatCompletions: .choice(text, stop: "length")
        }
    }

    /// Nothing, because the server stopped the model.
    fileprivate var filtered: ScriptedServer.Reply {
        switch self {
        case .anthropicMessages: .message("", stop: "refusal")
        case .openAIChatCompletions: .choice("", stop: "content_filter")
        }
    }

    /// A refusal, which OpenAI's protocol gives beside the text and Anthropic's as the reason to stop.
    fileprivate var refusal: ScriptedServer.Reply {
        switch self {
        case .anthropicMessages: filtered
        case .openAIChatCompletions:
            .answer(
                #"{"choices": [{"finish_reason": "stop", "message": {"content": null, "refusal": "I cannot say."}}]}"#)
        }
    }
}
