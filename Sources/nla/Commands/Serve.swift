import ArgumentParser
import Autoencoder
import Foundation
import LanguageModel
import Logging
import Studio
import Tensors

struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Answer over HTTP: explanations, scores, activations, chat.",
        discussion: """
            Serves the interface of the hosted NLA service (GET /, POST /tokenize, /extract, /describe, /explain, /score, /compare, \
            /completion), /generate as SGLang does, and /v1/chat/completions and /v1/models on the target. docs/server.md shows each. \
            Standard output gets one line, the server's address; the log goes to standard error, without what is asked or answered.

            Only this machine can connect unless --host says otherwise, which needs a secret: in a file (--secret-file) or in the \
            environment (NLA_SECRET_KEY). Ctrl-C finishes what was begun; a second one does not.
            """)

    @Option(help: ArgumentHelp("Folder with av/, ar/ and, optionally, target/.", valueName: "dir"))
    var nla: String?

    @Option(help: ArgumentHelp("Without --nla: a verbalizer alone, a folder or org/name.", valueName: "dir"))
    var av: String?

    @Option(help: ArgumentHelp("The target, where the folder has none: a folder or org/name.", valueName: "dir"))
    var target: String?

    @Option(help: ArgumentHelp("The address to listen at.", valueName: "address"))
    var host = "127.0.0.1"

    @Option(help: ArgumentHelp("The port; 0 for any that is free.", valueName: "n"))
    var port = 8000

    @Option(help: ArgumentHelp("A file with the secret that clients send as X-SECRET-KEY.", valueName: "file"))
    var secretFile: String?

    @Option(help: ArgumentHelp("A further name that the server may be called by; may be repeated.", valueName: "name"))
    var allowHost: [String] = []

    @Option(
        help: ArgumentHelp(
            "An origin whose pages may call, such as https://lab.example; may be repeated.", valueName: "url"))
    var allowOrigin: [String] = []

    @Option(help: ArgumentHelp("Explanations that are written at once.", valueName: "n"))
    var maxConcurrent = 64

    @Option(help: ArgumentHelp("Requests of each kind at once; the next is turned away with 429.", valueName: "n"))
    var maxRequests = 16

    @Option(help: ArgumentHelp("Tokens of a text at most.", valueName: "n"))
    var maxInputTokens = 16384

    @Option(help: ArgumentHelp("Seconds that a request may take.", valueName: "s"))
    var timeLimit = 300

    @Option(help: "Arithmetic: f32 or bf16; by default f32 for float32 weights, else the CPU's native one.")
    var dtype: Dtype?

    @Option(help: ArgumentHelp("Threads to compute with; all cores by default.", valueName: "n"))
    var threads: Int?

    @Option(help: ArgumentHelp("Seed of everything random; without it every request draws its own.", valueName: "n"))
    var seed: UInt64?

    @Flag(help: "Log what is asked, too.")
    var logContents = false

    @Flag(help: "Log failures only.")
    var quiet = false

    func validate() throws {
        if (nla == nil) == (av == nil) { throw ValidationError("Give either --nla or --av.") }
        if av != nil, target != nil { throw ValidationError("--target goes with --nla.") }
        if let threads, !(1...64).contains(threads) { throw ValidationError("--threads must be between 1 and 64.") }
        for (name, value) in [
            ("--max-concurrent", maxConcurrent), ("--max-requests", maxRequests),
            ("--max-input-tokens", maxInputTokens),
            ("--time-limit", timeLimit),
        ] where !(1...1 << 20).contains(value) {
            throw ValidationError("\(name) must be between 1 and \(1 << 20).")
        }
        if !(0...65535).contains(port) { throw ValidationError("--port must be between 0 and 65535.") }
    }

    func run() throws {
        if let threads { Machine.threads = threads }
        var logger = Logger(label: "nla", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = quiet ? .error : .info
        let settings = try settings()
        try settings.check()
        let server = try StudioServer(models(), settings, logger: logger)
        let shown = host.contains(":") ? "[\(host)]" : host
        try waitFor {
            try await server.run { port in
                do { try Output.line("http://\(shown):\(port)") } catch { Output.fail("\(error)") }
            }
        } onInterrupt: {
            await server.shutDown()
        }
    }

    private func settings() throws -> StudioSettings {
        var settings = StudioSettings()
        settings.host = host
        settings.port = port
        settings.allowedHosts = allowHost
        settings.allowedOrigins = allowOrigin
        settings.secret = try secret()
        settings.maximumConcurrent = maxConcurrent
        settings.maximumExplains = maxRequests
        settings.maximumDescribes = maxRequests
        settings.maximumSourceRequests = maxRequests
        settings.maximumScores = maxRequests
        settings.maximumInputTokens = maxInputTokens
        settings.timeLimit = .seconds(timeLimit)
        settings.seed = seed
        settings.logsContents = logContents
        return settings
    }

    /// Not an argument: arguments can be read by everybody on the machine.
    private func secret() throws -> String? {
        if let secretFile { return try readText(secretFile).trimmingCharacters(in: .whitespacesAndNewlines) }
        return ProcessInfo.processInfo.environment["NLA_SECRET_KEY"]
    }

    private func models() throws -> ServedModels {
        let precision = try Dtype.asked(dtype)
        if let av {
            var models = ServedModels(
                verbalizer: try Verbalizer(folder: ModelLocation.resolve(av), precision: precision))
            models.verbalizerName = av
            return models
        }
        let folder = try ModelLocation.resolve(nla ?? "")
        let pair = try Pair(folder: folder, precision: precision)
        var own: Target?
        if target != nil || FileManager.default.fileExists(atPath: Pair.folders(folder).target.path) {
            own = try openTarget(pair, folder, named: target, quiet: quiet)
        } else if !quiet {
            Output.note("\(folder.path): has no folder target, and --target names none: texts are not read")
        }
        var models = ServedModels(
            verbalizer: pair.verbalizer, reconstructor: pair.reconstructor, target: own, targetPrecision: precision)
        if let target { models.targetName = target }
        return models
    }
}
