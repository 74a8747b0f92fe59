#if Server
    import ArgumentParser
    import Autoencoder
    import Foundation
    import LanguageModel
    import Studio

    struct Serve: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Answer over HTTP: explanations, scores, activations, chat.",
            discussion: """
                Serves the interface of the hosted NLA service (GET /, POST /tokenize, /extract, /describe, /explain, /score, /compare, \
                /completion), /generate as SGLang does, and /v1/chat/completions, /v1/completions and /v1/models on the target. docs/server.md shows each. \
                Standard output gets one line, the server's address; the log goes to standard error, without what is asked or answered.

                Only this machine can connect unless --host says otherwise, which needs a secret: in a file (--secret-file) or in the \
                environment (NLA_SECRET_KEY). Ctrl-C finishes what was begun; a second one does not.
                """)

        @Option(help: ArgumentHelp("Folder with av/, ar/ and, optionally, target/.", valueName: "dir"))
        var nla: String?

        @Option(
            help: ArgumentHelp(
                "Without --nla: the verbalizer, a folder or org/name; without --ar it is served alone.",
                valueName: "dir"))
        var av: String?

        @Option(help: ArgumentHelp("The reconstructor, with --av.", valueName: "dir"))
        var ar: String?

        @OptionGroup var target: TargetChoice

        @OptionGroup var serving: ServingOptions

        func validate() throws {
            if (nla == nil) == (av == nil) { throw ValidationError("Give either --nla or --av.") }
            if ar != nil, av == nil { throw ValidationError("--ar goes with --av.") }
            if av != nil, ar == nil, target.target != nil || target.adapter != nil {
                throw ValidationError("--target and --adapter go with --nla, or with --av and --ar.")
            }
        }

        func run() throws {
            let settings = try serving.settings()
            try settings.check()
            try serving.run(StudioServer(models(), settings, logger: serving.logger))
        }

        private func models() throws -> ServedModels {
            guard let av else { return try serving.models(nla ?? "", target: target) }
            if let ar {
                return try serving.models(
                    verbalizer: ModelLocation.resolve(av), reconstructor: ModelLocation.resolve(ar), named: av,
                    target: target)
            }
            var models = ServedModels(
                verbalizer: try Verbalizer(
                    folder: ModelLocation.resolve(av), precision: Dtype.asked(serving.dtype),
                    serving.opening.supplement()))
            if !serving.quiet { models.verbalizer.sidecar.inferences.forEach(Output.note) }
            models.verbalizerName = av
            return models
        }
    }
#endif
