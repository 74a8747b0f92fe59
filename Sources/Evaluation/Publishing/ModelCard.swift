import Autoencoder
import Foundation
import JSON
import LanguageModel

/// The page that a pair is published with: `README.md` with the front matter that the hub reads.
struct ModelCard {
    /// Both halves' sidecars.
    let verbalizer: Sidecar, reconstructor: Sidecar
    /// Blocks of the model that both learnt from.
    let blocks: Int
    /// What that model is called on the hub, if it is known.
    let base: ModelLocation.Repository?
    /// The bases of halves that are adapters.
    let adapters: (verbalizer: ModelLocation.Repository?, reconstructor: ModelLocation.Repository?)
    /// Whether the target is part of the package.
    let hasTarget: Bool
    /// What an evaluation found; nil where there was none.
    let scores: PublishedScores?

    var text: String { frontMatter + "\n" + about + "\n" + worth + "\n" + use }

    private var frontMatter: String {
        let isAdapter = adapters.verbalizer != nil || adapters.reconstructor != nil
        var bases: [String] = []
        for name in [base, adapters.verbalizer, adapters.reconstructor].compactMap({ $0?.id })
        where !bases.contains(name) {
            bases.append(name)
        }
        var lines = ["---"]
        if !bases.isEmpty {
            lines += ["base_model:"] + bases.map { "- \($0)" }
            lines.append("base_model_relation: \(isAdapter ? "adapter" : "finetune")")
        }
        lines += ["library_name: \(isAdapter ? "peft" : "transformers")", "tags:"]
        lines += ["natural-language-autoencoder", "interpretability", "activations"].map { "- \($0)" }
        return (lines + ["---"]).joined(separator: "\n") + "\n"
    }

    /// What people call the target.
    private var targetName: String {
        base?.id ?? verbalizer.target?.name ?? reconstructor.target?.name ?? "a language model"
    }

    private var about: String {
        let layer = verbalizer.layer, hash = verbalizer.target?.hash ?? reconstructor.target?.hash
        func weights(_ base: ModelLocation.Repository?, _ whole: String) -> String {
            base.map { "a PEFT adapter over \($0)" } ?? whole
        }
        let norm = verbalizer.injectionScale.norm(width: verbalizer.width)
        let length = norm.map { "at norm \(ModelCard.number($0))" } ?? "at its own norm"
        let place =
            verbalizer.injection == .replace
            ? "the vector, \(length), replaces the embedding of the marker"
            : "the unit vector times ‖h‖ is added to h at the marker, at the output of block \(verbalizer.injectionBlock)"
        return """
            # A natural language autoencoder of \(targetName)

            Two models that read activations of \(targetName) in words. The verbalizer (`av/`) turns an activation into an explanation. \
            The reconstructor (`ar/`) turns the explanation back into an activation. `nla_meta.yaml` in each folder holds the prompts, \
            the marker and the scales; a reader takes them from there.

            | | |
            |---|---|
            | target | \(base?.description ?? targetName)\(hash.map { ", SHA-256 of its weights and settings `\($0)`" } ?? "; no hash was recorded") |
            | activations | the output of block \(layer), counted from 0 (`hidden_states[\(layer + 1)]`), \(verbalizer.width) numbers |
            | injection | \(place) |
            | verbalizer | \(weights(adapters.verbalizer, "a whole model of \(blocks) blocks")) |
            | reconstructor | \(weights(adapters.reconstructor, "blocks 0…\(layer) of the model")), and a linear head read at the last token |

            """
    }

    private var worth: String {
        var lines = ["## What it is worth", ""]
        guard let scores else {
            lines.append("The fraction of variance explained (FVE) was not measured.")
            return lines.joined(separator: "\n") + "\n"
        }
        let documents = scores.documents.map { " of \($0) documents" } ?? ""
        let split = scores.split.map { ", split `\($0)`" } ?? ""
        lines += [
            "The fraction of variance explained (FVE) says how well the reconstructor rebuilds the activation from the words alone: 1 is all of "
                + "it, 0 no more than the mean. It counts beside its controls.", "",
        ]
        lines += ModelCard.table(scores.rows)
        lines += [
            "",
            "\(scores.count) activations\(documents)\(split). The denominator is the variance of \(scores.varianceSet).",
        ]
        if let teacher = scores.teacher {
            lines += ["", "On the \(teacher.count) of them that the teacher explains:", ""]
            lines += ModelCard.table(teacher.rows)
        }
        lines += [
            "", "FVE does not see whether explanations are true. Everything that was measured is in `evaluation.json`.",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    private static func table(_ rows: [PublishedScores.Row]) -> [String] {
        let hasIntervals = rows.contains { $0.interval != nil }
        let head = "| given to the reconstructor | FVE |" + (hasIntervals ? " 95% interval over documents |" : "")
        return [head, "|---|---|" + (hasIntervals ? "---|" : "")]
            + rows.map { row in
                let interval = row.interval.map { "\(share($0.lowerBound)) to \(share($0.upperBound))" } ?? "–"
                return "| \(row.title) | \(row.value.map(share) ?? "–") |" + (hasIntervals ? " \(interval) |" : "")
            }
    }

    private var use: String {
        let target = hasTarget ? "" : " --target \(base?.description ?? "TARGET")"
        return """
            ## How to use it

            With Interlinear, `org/name` being the name of this repository, or its folder:

            ```
            nla pair check org/name\(target)
            nla explain --nla org/name\(target) --text "The old man looked at the sea."
            ```

            """
    }

    private static func share(_ value: Double) -> String { String(format: "%.3f", value) }

    private static func number(_ value: Double) -> String {
        abs(value) >= 1000 ? String(format: "%.0f", value) : String(format: "%.4g", value)
    }
}
