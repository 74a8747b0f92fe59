#if !Server
    import ArgumentParser

    // The commands of a program that was built without the trait Server: one line that says how to build it with.

    struct Serve: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Answer over HTTP; this program was built without it.", discussion: WithoutServer.advice)

        @Argument(parsing: .captureForPassthrough, help: .hidden)
        var rest: [String] = []

        func run() throws { WithoutServer.fail("serve") }
    }

    struct StudioCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "studio", abstract: "Open the page in a browser; this program was built without it.",
            discussion: WithoutServer.advice)

        @Argument(parsing: .captureForPassthrough, help: .hidden)
        var rest: [String] = []

        func run() throws { WithoutServer.fail("studio") }
    }

    private enum WithoutServer {
        static let advice = "make build builds the program with its server and page, and takes some minutes more."

        static func fail(_ command: String) -> Never {
            Output.fail("nla \(command): this program was built without the server; \(advice)")
        }
    }
#endif
