import ArgumentParser
import Evaluation
import Foundation
import Hub
import JSON
import LanguageModel

struct PairPackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pack",
        abstract: "Write a pair as a folder that is ready to publish.",
        discussion: """
            The folder holds av/, ar/ and target/, each with its weights as they are, its tokenizer and its sidecar, and a model card \
            (README.md). It opens with every command, wherever it is moved. Nothing in it names a folder of this machine. Options that \
            settle what a sidecar leaves open (--layer, --injection, …) become part of it.

            An adapter stays an adapter. Its base goes by its name on the hub: the one that the adapter names, that of its folder in \
            the cache, or --base-model.

            The card says the fraction of variance explained with its controls, from the evaluation.json of the pair or of its run, \
            or from what nla eval --json printed (--evaluation); without one it says that nothing was measured.
            """)

    @OptionGroup var place: PairArgument

    @Option(help: ArgumentHelp("Folder to write; it must not exist.", valueName: "dir"))
    var output: String

    @Option(help: ArgumentHelp("The target, where the folder has none: a folder or org/name.", valueName: "dir"))
    var target: String?

    @Flag(help: "Leave the target out: who opens the pair names it.")
    var withoutTarget = false

    @Option(
        help: ArgumentHelp("What the model that the pair reads is called on the hub.", valueName: "org/name"))
    var baseModel: String?

    @Option(help: ArgumentHelp("What nla eval --json printed of the pair.", valueName: "file.json"))
    var evaluation: String?

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        if withoutTarget && target != nil { throw ValidationError("Give only one of --target and --without-target.") }
    }

    func run() throws {
        shared.apply()
        let folder = URL(fileURLWithPath: output)
        try PairPackage.checkNew(folder)
        let halves = try place.folders()
        var options = PairPackage.Options()
        options.supplement = try place.opening.supplement()
        options.baseModel = baseModel
        options.evaluation = evaluation.map { URL(fileURLWithPath: $0) }
        let package = try PairPackage(
            verbalizer: halves.verbalizer, reconstructor: halves.reconstructor,
            target: withoutTarget ? nil : try place.target(named: target), of: try place.folder(), options)
        let sizes = package.models.map { "\($0.name) \(HubBytes.text($0.bytes))" }.joined(separator: ", ")
        shared.note("\(output): \(HubBytes.text(package.bytes)) in \(package.paths.count) files (\(sizes))")
        try package.write(to: folder)
        for line in package.notes { shared.note(line) }
        guard shared.json else { return try Output.line(folder.path) }
        let result: JSONValue = [
            "output": .string(output), "bytes": .integer(package.bytes),
            "files": .array(package.paths.map { .string($0) }),
            "base_model": package.base.map { .string($0.description) } ?? .null,
            "scores": package.scores.map { .array($0.rows.map(Self.json)) } ?? .null,
            "notes": .array(package.notes.map { .string($0) }),
        ]
        try Output.line(result.serialized())
    }

    private static func json(_ row: PublishedScores.Row) -> JSONValue {
        [
            "given": .string(row.title), "fve": row.value.map { .number($0) } ?? .null,
            "low": row.interval.map { .number($0.lowerBound) } ?? .null,
            "high": row.interval.map { .number($0.upperBound) } ?? .null,
        ]
    }
}
