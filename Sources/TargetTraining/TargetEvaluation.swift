import Claims
import Foundation
import JSON
import Runs

/// What a target model knows: its loss on held-out documents, and whether it says the right words at the moments where a fact
/// decides them.
public struct TargetEvaluation: Sendable, Equatable {
    /// The documents of one kind.
    public struct Loss: Sendable, Equatable {
        /// Their kind.
        public var kind: String
        /// Documents read.
        public var documents = 0
        /// Tokens predicted, end of text included.
        public var tokens = 0
        /// Sum of −log P over the tokens, in nats.
        public var nats = 0.0

        /// Nats per token.
        public var mean: Double { nats / Double(max(1, tokens)) }
    }

    /// Moments of one kind, in documents of one kind, with the fact standing one way.
    public struct Moments: Sendable, Equatable {
        /// Kind of the documents.
        public var documentKind: String
        /// Kind of the moments.
        public var kind: String
        /// How the fact that decides the answer stands there; nil where the document does not say.
        public var standing: Standing?
        /// Moments seen.
        public var count = 0
        /// Those where every token of the answer is the model's first choice, given the true tokens before it.
        public var right = 0
        /// Those that somebody would get right who knew each question's commonest answer and nothing else.
        public var commonest = 0

        /// The share that the model gets right.
        public var accuracy: Double { Double(right) / Double(max(1, count)) }
    }

    /// By kind of document, sorted by name.
    public var losses: [Loss] = []
    /// By kind of document, kind of moment and standing, sorted.
    public var moments: [Moments] = []

    /// Nats per token over everything.
    public var loss: Double {
        losses.reduce(0) { $0 + $1.nats } / Double(max(1, losses.reduce(0) { $0 + $1.tokens }))
    }

    /// The share of moments with one standing that the model gets right; nil where there are none.
    public func accuracy(_ standing: Standing?) -> Double? {
        let chosen = moments.filter { standing == nil || $0.standing == standing }
        let count = chosen.reduce(0) { $0 + $1.count }
        return count == 0 ? nil : Double(chosen.reduce(0) { $0 + $1.right }) / Double(count)
    }

    /// What goes beside the numbers of a step.
    public var metrics: Metrics {
        var metrics: Metrics = ["held_out_loss": loss]
        metrics["moments_right"] = accuracy(nil)
        metrics["latent_right"] = accuracy(.latent)
        return metrics
    }
}

extension TargetEvaluation {
    /// The whole table.
    public var json: JSONValue {
        [
            "loss": .number(loss), "moments_right": accuracy(nil).map { .number($0) } ?? .null,
            "stated_right": accuracy(.stated).map { .number($0) } ?? .null,
            "latent_right": accuracy(.latent).map { .number($0) } ?? .null,
            "losses": .array(
                losses.map {
                    [
                        "kind": .string($0.kind), "documents": .integer($0.documents), "tokens": .integer($0.tokens),
                        "loss": .number($0.mean),
                    ]
                }),
            "moments": .array(
                moments.map {
                    [
                        "document_kind": .string($0.documentKind), "kind": .string($0.kind),
                        "standing": $0.standing.map { .string($0.rawValue) } ?? .null, "count": .integer($0.count),
                        "right": .integer($0.right), "commonest": .integer($0.commonest),
                    ]
                }),
        ]
    }

    /// The whole table, for a person.
    public var table: String {
        func padded(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(0, width - text.count))
        }
        func share(_ part: Int, _ whole: Int) -> String {
            String(format: "%7.1f%%", 100 * Double(part) / Double(max(1, whole)))
        }
        var lines = [padded("documents", 12) + "  number     nats per token"]
        for row in losses {
            lines.append(padded(row.kind, 12) + String(format: "  %6ld  %17.3f", row.documents, row.mean))
        }
        lines.append(padded("all", 12) + String(format: "  %6ld  %17.3f", losses.reduce(0) { $0 + $1.documents }, loss))
        guard !moments.isEmpty else { return lines.joined(separator: "\n") }
        lines.append(
            "\n" + padded("documents", 12) + "  " + padded("moment", 14) + "  " + padded("fact", 7)
                + "  number     right  commonest answer")
        for row in moments {
            lines.append(
                padded(row.documentKind, 12) + "  " + padded(row.kind, 14) + "  "
                    + padded(row.standing?.rawValue ?? "–", 7) + String(format: "  %6ld  ", row.count)
                    + share(row.right, row.count) + "  " + share(row.commonest, row.count))
        }
        return lines.joined(separator: "\n")
    }
}
