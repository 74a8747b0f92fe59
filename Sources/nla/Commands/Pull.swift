import ArgumentParser
import Foundation
import Hub
import JSON

struct Pull: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fetch a model, pair, adapter or data set into the cache, ahead of its use.",
        discussion: """
            NAME is org/name, org/name@revision, datasets/org/name or hf://org/name@revision/path. The files go where the Hugging \
            Face libraries have theirs (HF_HOME, HF_HUB_CACHE), and each opens what the other fetched. What is interrupted goes on \
            where it was. HF_TOKEN, or the token file, is for private and gated repositories; HF_ENDPOINT names a mirror; proxies are \
            taken from HTTPS_PROXY, HTTP_PROXY and NO_PROXY. Standard output gets the folder.
            """)

    @Argument(help: ArgumentHelp("What to fetch: org/name, with @revision if it is not main.", valueName: "name"))
    var name: String

    @Option(help: ArgumentHelp("Branch, tag or commit; main by default.", valueName: "revision"))
    var revision: String?

    @Option(
        help: ArgumentHelp(
            "Only files that match this pattern, such as '*.json'; may be given several times.", valueName: "glob"))
    var include: [String] = []

    @Option(help: ArgumentHelp("No files that match this pattern; may be given several times.", valueName: "glob"))
    var exclude: [String] = []

    @Flag(help: "Write JSON to standard output.")
    var json = false

    @Flag(help: "No progress on standard error.")
    var quiet = false

    func run() throws {
        var reference = try HubReference(name)
        if let revision {
            guard reference.revision == nil || reference.revision == revision else {
                throw ValidationError("--revision \(revision) contradicts the revision in \(name).")
            }
            // Checked as a part of the name.
            let part = reference.path == nil ? revision : revision.replacingOccurrences(of: "/", with: "%2F")
            let path = reference.path.map { "/\($0)" } ?? ""
            let prefix = (path.isEmpty ? "" : "hf://") + (reference.kind == .dataset ? "datasets/" : "")
            reference = try HubReference("\(prefix)\(reference.id)@\(part)\(path)")
        }
        let hub = try Hub()
        let files: FileSelection =
            include.isEmpty && exclude.isEmpty ? .everything : .matching(include, except: exclude)
        let display = HubDisplay(hub.settings, isQuiet: quiet, asks: false)
        let wanted = reference
        let snapshot = try waitFor {
            try await hub.resolve(wanted, files: files, freshness: .latest, observer: display.observer)
        }
        display.finish()
        guard json else { return try Output.line(snapshot.folder.path) }
        let result: JSONValue = [
            "name": .string(reference.description), "commit": .string(snapshot.commit),
            "folder": .string(snapshot.folder.path), "files": .array(snapshot.files.map { .string($0) }),
            "fetched_bytes": .integer(snapshot.fetchedBytes),
        ]
        try Output.line(result.serialized())
    }
}
