#if Server
    import ArgumentParser
    import Foundation
    import LanguageModel
    import Logging
    import Studio

    struct StudioCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "studio",
            abstract: "Open the page: read, edit, steer and search in a browser.",
            discussion: """
                Everything that is explained is kept in a library, one file, and found again by its words. The page is part of the program; \
                nothing is fetched from elsewhere. Programs are answered as by nla serve. Several --nla show their layers side by side; \
                all read one target.

                Without --nla the models of the repository are opened, if nla is started in it. Ctrl-C ends it.
                """)

        @Option(
            help: ArgumentHelp(
                "Folder with av/, ar/ and, optionally, target/; name=… names it; may be repeated.", valueName: "dir"))
        var nla: [String] = []

        @OptionGroup var target: TargetChoice

        @Option(help: ArgumentHelp("The library; by default in your data folder.", valueName: "file"))
        var library: String?

        @Option(help: ArgumentHelp("A training run to watch, or a folder of runs; may be repeated.", valueName: "dir"))
        var runs: [String] = []

        @Option(help: ArgumentHelp("A folder with HTML reports; may be repeated.", valueName: "dir"))
        var reports: [String] = []

        @Flag(inversion: .prefixedNo, help: "Open the page in a browser.")
        var open = true

        @Option(
            help: ArgumentHelp(
                "Take the page's files from a folder, to work on them.", valueName: "dir", visibility: .hidden))
        var page: String?

        @OptionGroup var serving: ServingOptions

        func validate() throws {
            for folder in runs + reports {
                var isFolder: ObjCBool = false
                guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
                    throw ValidationError("\(folder): there is no such folder.")
                }
            }
        }

        func run() throws {
            var settings = try serving.settings()
            var place = StudioSettings.Page(library: library.map { URL(fileURLWithPath: $0) } ?? StudioCommand.library)
            place.runs = runs.map { URL(fileURLWithPath: $0) }
            place.reports = reports.map { URL(fileURLWithPath: $0) }
            place.folder = page.map { URL(fileURLWithPath: $0) }
            settings.page = place
            try settings.check()
            let folders = try folders()
            let first = try serving.models(folders[0], target: target)
            let others = try folders.dropFirst().map { try serving.models($0, target: target, first: folders[0]) }
            try serving.run(StudioServer(first, others: others, settings, logger: serving.logger)) { address in
                if open { Self.openBrowser(address) }
            }
        }

        private func folders() throws -> [String] {
            guard nla.isEmpty else { return nla }
            let bundled = "Models/tiny"
            guard FileManager.default.fileExists(atPath: bundled + "/av") else {
                throw ModelError(
                    "no models: give a pair with --nla, or start nla studio in the repository, which has one in \(bundled)"
                )
            }
            return [bundled]
        }

        /// `interlinear/library.sqlite` in the user's data folder.
        private static var library: URL {
            let environment = ProcessInfo.processInfo.environment
            let data =
                environment["XDG_DATA_HOME"].flatMap { $0.hasPrefix("/") ? URL(fileURLWithPath: $0) : nil }
                ?? FileManager.default.homeDirectoryForCurrentUser.appending(path: ".local/share")
            return data.appending(path: "interlinear/library.sqlite")
        }

        /// Shows an address in the user's browser, where there is a display; says nothing if that fails, for the address is printed.
        private static func openBrowser(_ address: String) {
            let environment = ProcessInfo.processInfo.environment
            #if os(macOS)
                let opener = "/usr/bin/open"
            #else
                let opener = "/usr/bin/xdg-open"
                guard environment["DISPLAY"] != nil || environment["WAYLAND_DISPLAY"] != nil else { return }
            #endif
            guard FileManager.default.isExecutableFile(atPath: opener) else { return }
            let process = Process()
            process.executableURL = URL(fileURLWithPath: opener)
            process.arguments = [address]
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try? process.run()
        }
    }
#endif
