import Activations
import ArgumentParser
import Autoencoder
import Foundation
import JSON
import LanguageModel
import RemoteModels
import Runs
import Teaching
import Tensors

struct DataTeach: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "teach",
        abstract: "Explain texts: from a file, or by a language model over HTTP.",
        discussion: """
            --texts has a line {"id", "text"} for each text up to a position; "document" and "position" may stand for "id". The \
            output has a line {"id", "explanation"} for each, in the same order. With --store the texts are those that the stored \
            activations stand behind.

            With --api the explanations come from a model. Its key comes from the environment, ANTHROPIC_API_KEY or \
            OPENAI_API_KEY; for a server of your own (--base-url), name another variable or none. Every answer is kept in \
            OUTPUT.journal as it comes: after an interruption the same command goes on, and nothing is asked twice.
            """)

    @Option(help: ArgumentHelp("Texts to explain.", valueName: "file.jsonl"))
    var texts: String?

    @Option(help: ArgumentHelp("Activation store whose rows to explain instead.", valueName: "dir"))
    var store: String?

    @Option(
        help: ArgumentHelp("With --store: splits to explain, with commas between; all by default.", valueName: "names"))
    var splits: String?

    @Option(help: ArgumentHelp("Explanations written elsewhere.", valueName: "file.jsonl"))
    var from: String?

    @Option(help: "The model's protocol: anthropic (messages) or openai (chat completions).")
    var api: RemoteProtocol?

    @Option(help: ArgumentHelp("The model's name for the server.", valueName: "name"))
    var teacherModel: String?

    @Option(help: ArgumentHelp("Server, instead of the protocol's own.", valueName: "url"))
    var baseURL: String?

    @Option(help: ArgumentHelp("Environment variable with the key.", valueName: "name"))
    var keyVariable: String?

    @Option(help: ArgumentHelp("Questions in flight at once.", valueName: "n"))
    var concurrency = 8

    @Option(help: ArgumentHelp("Attempts for each question.", valueName: "n"))
    var maxAttempts = 6

    @Option(help: ArgumentHelp("Seconds for one attempt.", valueName: "s"))
    var timeout = 120.0

    @Option(help: ArgumentHelp("Tokens after which an answer is cut off.", valueName: "n"))
    var maxTokens = 400

    @Option(help: ArgumentHelp("Sampling temperature; the server's own by default.", valueName: "t"))
    var temperature: Double?

    @Option(help: ArgumentHelp("Question to ask instead of ours, with {text} where the text goes.", valueName: "file"))
    var prompt: String?

    @Option(help: ArgumentHelp("File to write: JSON Lines, or Parquet if its name ends so.", valueName: "file"))
    var output: String

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        if (texts == nil) == (store == nil) { throw ValidationError("Give exactly one of --texts and --store.") }
        if splits != nil && store == nil { throw ValidationError("--splits goes with --store.") }
        if (from == nil) == (api == nil) { throw ValidationError("Give exactly one of --from and --api.") }
        if (api == nil) != (teacherModel == nil) { throw ValidationError("--api and --teacher-model go together.") }
        if api == nil, baseURL != nil || keyVariable != nil || prompt != nil || temperature != nil {
            throw ValidationError("--base-url, --key-variable, --prompt and --temperature go with --api.")
        }
        if !(1...256).contains(concurrency) { throw ValidationError("--concurrency must be between 1 and 256.") }
        if !(1...100).contains(maxAttempts) { throw ValidationError("--max-attempts must be between 1 and 100.") }
        if !(0.001...86_400).contains(timeout) { throw ValidationError("--timeout must be between 0.001 and 86400.") }
        if !(1...1_000_000).contains(maxTokens) { throw ValidationError("--max-tokens must be between 1 and 1000000.") }
        if let temperature, !(0...2).contains(temperature) {
            throw ValidationError("--temperature must be between 0 and 2.")
        }
    }

    func run() throws {
        let target = URL(fileURLWithPath: output)
        try AtomicFile.checkWritable(target)
        for input in [texts, from].compactMap({ $0 })
        where URL(fileURLWithPath: input).resolvingSymlinksInPath() == target.resolvingSymlinksInPath() {
            throw ModelError("\(output): is read too; name another --output")
        }
        do {
            let requests = try texts.map { try TeacherRequest.read(DataLocation.files($0)) } ?? storedRows()
            let (lines, report) = try from.map { try copied($0, requests) } ?? asked(requests)
            guard !lines.isEmpty else {
                throw ModelError("\(output): not written, since no text has an explanation (\(Self.reasons(report)))")
            }
            // Texts alone are of no activations; a sidecar that an earlier file of this name left goes.
            let sidecar = try store.map { try ActivationStore(folder: DataLocation.folder($0)).sidecar }
            try Sidecar.write(sidecar, beside: target) { try TaughtExplanation.write(lines.joined(), to: target) }
            try summarize(report)
        } catch let error as RemoteModelError {
            throw ModelError("\(error)")
        }
    }

    /// What the rows of the store stand behind.
    private func storedRows() throws -> [TeacherRequest] {
        let store = try ActivationStore(folder: DataLocation.folder(store ?? ""))
        let names = splits.map { $0.split(separator: ",").map(String.init) } ?? store.splits
        return try names.flatMap { try store.rows(ofSplit: $0) }.sorted().map {
            TeacherRequest(id: store.id(of: $0), textSoFar: store.textSoFar($0))
        }
    }

    private func copied(_ file: String, _ requests: [TeacherRequest]) throws -> ([String], TeacherReport) {
        let teacher = try JSONLTeacher(DataLocation.files(file))
        return try waitFor { try await Self.lines(teacher, requests, progress: nil) }
    }

    private func asked(_ requests: [TeacherRequest]) throws -> ([String], TeacherReport) {
        guard let api, let teacherModel else { throw ValidationError("Give --from or --api.") }
        var settings = try RemoteModelSettings(
            api, model: teacherModel, baseURL: baseURL, keyVariable: keyVariable)
        settings.concurrency = concurrency
        settings.retries.maxAttempts = maxAttempts
        settings.requestTimeout = .seconds(timeout)
        var options = RemoteTeacher.Options()
        options.maxTokens = maxTokens
        options.temperature = temperature
        let question = try prompt.map { try TeacherPrompt(template: readText($0), source: $0) } ?? .standard
        let journal = try TeacherJournal(URL(fileURLWithPath: output + ".journal"))
        let quiet = shared.quiet
        let advice = "what was answered is kept in \(output).journal: the same command goes on from there"
        do {
            return try waitFor { [settings, options] in
                try await RemoteModel.connect(settings) { model in
                    let teacher = RemoteTeacher(model, prompt: question, journal: journal, options: options)
                    return try await Self.lines(teacher, requests) { done in
                        if !quiet { Output.note("\(done) of \(requests.count)") }
                    }
                }
            }
        } catch is CancellationError {
            throw ModelError("stopped; \(advice)")
        } catch let error where error is TrainingError || error is RemoteModelError {
            throw ModelError("\(error); \(advice)")
        }
    }

    /// The output's lines in order. `progress` is called now and then with the number of explanations so far.
    private static func lines(
        _ teacher: some TextTeacher, _ requests: [TeacherRequest], progress: ((Int) -> Void)?
    ) async throws -> ([String], TeacherReport) {
        var lines: [String] = []
        let step = max(1, requests.count / 20)
        let report = try await teacher.explain(requests) { taught in
            lines.append(taught.line)
            if lines.count % step == 0 { progress?(lines.count) }
        }
        return (lines, report)
    }

    private func summarize(_ report: TeacherReport) throws {
        if shared.json {
            let skipped = JSONObject(report.skipped.sorted { $0.key < $1.key }.map { ($0.key, .integer($0.value)) })
            try Output.line(
                ([
                    "output": .string(output), "requested": .integer(report.requested), "asked": .integer(report.asked),
                    "answered": .integer(report.answered), "reused": .integer(report.reused),
                    "skipped": .object(skipped), "input_tokens": .integer(report.inputTokens),
                    "output_tokens": .integer(report.outputTokens),
                ] as JSONValue).serialized())
        }
        let skipped = report.skipped.isEmpty ? "" : " (\(Self.reasons(report)))"
        shared.note(
            "\(output): \(report.requested) texts, \(report.answered) answered, \(report.reused) reused, "
                + "\(report.skippedCount) skipped\(skipped); \(report.asked) asked, "
                + "\(report.inputTokens) + \(report.outputTokens) tokens")
    }

    private static func reasons(_ report: TeacherReport) -> String {
        report.skipped.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.value) × \($0.key)" }
            .joined(separator: ", ")
    }
}

extension RemoteProtocol: ExpressibleByArgument {}
