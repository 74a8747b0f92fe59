import ArgumentParser
import Foundation
import Hub
import JSON

/// The commands about the cache.
struct Models: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models", abstract: "Say what the cache holds, or remove something from it.",
        subcommands: [ModelsList.self, ModelsRemove.self], defaultSubcommand: ModelsList.self)
}

struct ModelsList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Say what the cache holds: sizes, revisions, and what each can be used as.",
        discussion: """
            The cache is the one that the Hugging Face libraries use. A repository is a target, a verbalizer, a reconstructor, a pair, an \
            adapter, a tokenizer or a data set by the files that are here; "in part" means that the commit has files that are not.
            """)

    @Flag(help: "Write JSON to standard output.")
    var json = false

    func run() throws {
        let hub = try Hub()
        let all = try hub.list()
        if json { return try Output.line(JSONValue.array(all.map(Self.json)).serialized()) }
        var rows: [[String]] = []
        for repository in all {
            for revision in repository.revisions {
                let names = revision.names.isEmpty ? "" : revision.names.joined(separator: ", ") + " "
                let base = revision.base.map { " over \($0)" } ?? ""
                rows.append([
                    repository.reference.description, "\(names)(\(revision.commit.prefix(8)))",
                    HubBytes.text(revision.size), revision.role.rawValue + base,
                    revision.isWhole == false ? "in part" : "",
                ])
            }
            if repository.partialSize > 0 {
                rows.append([
                    repository.reference.description, "unfinished", HubBytes.text(repository.partialSize), "", "",
                ])
            }
        }
        let widths = (0..<4).map { column in rows.map { $0[column].count }.max() ?? 0 }
        for row in rows {
            let cells = row.indices.map { column in
                let fill = String(repeating: " ", count: column < 4 ? widths[column] - row[column].count : 0)
                // Sizes stand under each other.
                return column == 2 ? fill + row[column] : row[column] + fill
            }
            let line = cells.joined(separator: "  ")
            try Output.line(String(line.reversed().drop { $0 == " " }.reversed()))
        }
        for complaint in all.flatMap(\.complaints) { Output.note("warning: \(complaint)") }
        let size = all.reduce(0) { $0 + $1.size + $1.partialSize }
        Output.note("\(all.count) in \(hub.settings.cache.path), \(HubBytes.text(size))")
    }

    private static func json(_ repository: CachedRepository) -> JSONValue {
        [
            "name": .string(repository.reference.description), "folder": .string(repository.folder.path),
            "bytes": .integer(repository.size), "unfinished_bytes": .integer(repository.partialSize),
            "complaints": .array(repository.complaints.map { .string($0) }),
            "revisions": .array(
                repository.revisions.map { revision in
                    [
                        "commit": .string(revision.commit), "names": .array(revision.names.map { .string($0) }),
                        "folder": .string(revision.folder.path), "bytes": .integer(revision.size),
                        "whole": revision.isWhole.map { .bool($0) } ?? .null, "role": .string(revision.role.rawValue),
                        "base": revision.base.map { .string($0) } ?? .null,
                        "files": .array(revision.files.map { .string($0) }),
                    ] as JSONValue
                }),
        ]
    }
}

struct ModelsRemove: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Remove repositories, or single revisions, from the cache.",
        discussion:
            "Bytes that other revisions of a repository use stay. What another process is fetching is not removed.")

    @Argument(help: ArgumentHelp("org/name for all of it, org/name@revision for one revision.", valueName: "name"))
    var names: [String]

    func run() throws {
        let hub = try Hub()
        // A wrong name is found before anything is gone.
        let references = try names.map { try HubReference($0) }
        for reference in references {
            let freed = try hub.remove(reference)
            try Output.line("\(reference): \(HubBytes.text(freed)) freed")
        }
    }
}
