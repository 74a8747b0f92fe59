#if Server
    import ArgumentParser
    import Autoencoder
    import Faithfulness
    import Foundation
    import LanguageModel
    import Logging
    import Studio
    import Tensors

    /// What `nla serve` and `nla studio` share: where to listen, whom to answer, how much at once.
    struct ServingOptions: ParsableArguments {
        @Option(help: ArgumentHelp("The address to listen at.", valueName: "address"))
        var host = "127.0.0.1"

        @Option(help: ArgumentHelp("The port; 0 for any that is free.", valueName: "n"))
        var port = 8000

        @Option(help: ArgumentHelp("A file with the secret that clients send as X-SECRET-KEY.", valueName: "file"))
        var secretFile: String?

        @Option(
            help: ArgumentHelp("A further name that the server may be called by; may be repeated.", valueName: "name"))
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

        @OptionGroup var opening: OpeningOptions

        @Option(
            help: "Arithmetic: f32 or bf16; by default f32 for float32 weights, else what this CPU multiplies faster.")
        var dtype: Dtype?

        @Option(help: ArgumentHelp("Threads to compute with; all cores by default.", valueName: "n"))
        var threads: Int?

        @Option(
            help: ArgumentHelp("Seed of everything random; without it every request draws its own.", valueName: "n"))
        var seed: UInt64?

        @Flag(help: "Log what is asked, too.")
        var logContents = false

        @Flag(help: "Log failures only.")
        var quiet = false

        func validate() throws {
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

        /// Writes to standard error.
        var logger: Logger {
            var logger = Logger(label: "nla", factory: { StreamLogHandler.standardError(label: $0) })
            logger.logLevel = quiet ? .error : .info
            return logger
        }

        /// Serves until it is interrupted. Standard output gets one line, the address, which `onListening` is told, too.
        func run(_ server: StudioServer, onListening: @escaping @Sendable (String) -> Void = { _ in }) throws {
            let shown = host.contains(":") ? "[\(host)]" : host
            try waitFor {
                try await server.run { port in
                    let address = "http://\(shown):\(port)"
                    do { try Output.line(address) } catch { Output.fail("\(error)") }
                    onListening(address)
                }
            } onInterrupt: {
                await server.shutDown()
            }
        }

        /// The settings; also sets the number of threads.
        func settings() throws -> StudioSettings {
            if let threads { Machine.threads = threads }
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

        /// The models of a pair's folder, named as `name=folder` if they are.
        ///
        /// - Parameter target: the target; without one the pair's own, or that of the pair `first`.
        func models(_ argument: String, target: TargetChoice, first: String? = nil) throws -> ServedModels {
            let (ownName, place) = ServingOptions.named(argument)
            let folder = try ModelLocation.resolve(place, need: .pair)
            func hasTarget(_ folder: URL) -> Bool {
                FileManager.default.fileExists(atPath: Pair.folders(folder).target.path)
            }
            let firstFolder = try first.map { try ModelLocation.resolve(ServingOptions.named($0).place, need: .pair) }
            let name = target.target ?? firstFolder.flatMap { hasTarget($0) ? Pair.folders($0).target.path : nil }
            guard target.adapter == nil || name != nil || hasTarget(folder) else {
                throw ModelError("\(folder.path): has no folder target that --adapter could go over; give --target")
            }
            let pair = try Pair(folder: folder, precision: Dtype.asked(dtype), opening.supplement())
            return try models(
                pair, folder,
                named: ownName ?? ModelLocation.Repository(snapshot: folder)?.id
                    ?? folder.standardizedFileURL.lastPathComponent,
                target: name ?? (hasTarget(folder) ? Pair.folders(folder).target.path : nil), target)
        }

        /// The models of two halves that were named apart.
        func models(
            verbalizer: URL, reconstructor: URL, named name: String, target: TargetChoice
        ) throws -> ServedModels {
            let pair = try Pair(
                verbalizer: verbalizer, reconstructor: reconstructor, precision: Dtype.asked(dtype),
                opening.supplement())
            guard target.adapter == nil || target.target != nil else {
                throw ModelError("--adapter goes over a target; give --target")
            }
            return try models(pair, verbalizer, named: name, target: target.target, target)
        }

        private func models(
            _ pair: Pair, _ folder: URL, named name: String, target place: String?, _ options: TargetChoice
        ) throws -> ServedModels {
            let precision = try Dtype.asked(dtype)
            if !quiet { pair.inferences.forEach(Output.note) }
            var own: Target?
            if let place {
                own = try openTarget(
                    pair, folder, named: place, adapter: options.adapterFolder(), base: opening.baseFolder(),
                    storage: opening.storage, quiet: quiet)
                if !quiet, let note = own?.storageNote { Output.note(note) }
            } else if !quiet {
                Output.note("\(folder.path): has no folder target, and --target names none: texts are not read")
            }
            var models = ServedModels(
                verbalizer: pair.verbalizer, reconstructor: pair.reconstructor, target: own, targetPrecision: precision)
            models.pairName = name
            if let asked = options.adapter ?? options.target { models.targetName = asked }
            models.confidence = try ConfidenceReader(folder, pair, precision: precision, seed: seed ?? 0)
            models.variance = pair.variance
            return models
        }

        /// `name=folder` in its parts; a folder alone has no name.
        private static func named(_ argument: String) -> (name: String?, place: String) {
            let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, !FileManager.default.fileExists(atPath: argument) else { return (nil, argument) }
            return (parts[0], parts[1])
        }
    }
#endif
