import ArgumentParser
import Autoencoder
import Foundation
import JSON
import LanguageModel

/// The commands about a pair's files.
struct PairCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pair", abstract: "Check the files of a pair, and pack them to be published.",
        subcommands: [PairCheckCommand.self, PairPackCommand.self])
}

struct PairCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Say everything that is wrong with a pair at once, and make one round trip.",
        discussion: """
            Opens both halves and the target, compares them with each other, looks for NaN and infinity in every weight, and lets the \
            pair explain the last token of a text: how close the reconstruction comes, beside that of no words and of the words for \
            the opposite vector. Exit status 1 if the pair does not work.
            """)

    @OptionGroup var place: PairArgument

    @OptionGroup var target: TargetChoice

    @Option(parsing: .unconditional, help: ArgumentHelp("The text that the target reads.", valueName: "text"))
    var text = "The old man looked at the sea and thought of the fish that he had lost."

    @OptionGroup var verbalizing: VerbalizingOptions

    @OptionGroup var shared: SharedOptions

    func run() throws {
        shared.apply()
        let halves = try place.folders()
        let check = PairCheck(
            verbalizer: halves.verbalizer, reconstructor: halves.reconstructor,
            target: try place.target(named: target.target),
            adapter: try target.adapterFolder(), text: text,
            precision: try Dtype.asked(verbalizing.dtype), options: verbalizing.options(seed: shared.seed),
            try place.opening.supplement())
        try shared.json ? Output.line(json(check).serialized()) : show(check)
        if !check.isSound { throw ExitCode(1) }
    }

    private func show(_ check: PairCheck) throws {
        for finding in check.findings { try Output.line("\(finding.kind.rawValue): \(finding.text)") }
        if let trip = check.roundTrip {
            try Output.line(Interlinear.plain(trip.explanation, label: "explanation"))
            try Output.line(
                String(
                    format: "cosine %.3f; with no words %.3f, with the words for the opposite vector %.3f; norm %.4g",
                    trip.score.cosine, trip.empty.cosine, trip.opposite.cosine, trip.norm))
        }
        try Output.line(check.isSound ? "the pair works" : "the pair does not work")
    }

    private func json(_ check: PairCheck) -> JSONValue {
        var object: JSONObject = [
            "sound": .bool(check.isSound),
            "findings": .array(
                check.findings.map { ["kind": .string($0.kind.rawValue), "text": .string($0.text)] as JSONValue }),
        ]
        if let trip = check.roundTrip {
            object["round_trip"] = [
                "text": .string(trip.text), "description": .string(trip.explanation.description),
                "complete": .bool(trip.explanation.isComplete), "cosine_similarity": .number(trip.score.cosine),
                "mse": .number(trip.score.meanSquaredError), "cosine_of_no_words": .number(trip.empty.cosine),
                "cosine_of_opposite": .number(trip.opposite.cosine), "l2_norm": .number(trip.norm),
            ]
        }
        return .object(object)
    }
}
