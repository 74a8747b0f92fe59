import Foundation
import LanguageModel
import Tensors
import Tokenization

/// Everything that can be wrong with a pair's files, found at once, with the figures of one round trip.
///
///     let check = try PairCheck(verbalizer: av, reconstructor: ar, target: target, text: "…")
///     for finding in check.findings { print(finding.text) }
public struct PairCheck: Sendable {
    /// What was found.
    public struct Finding: Sendable, Equatable {
        /// How much it matters.
        public enum Kind: String, Sendable {
            /// The pair does not work.
            case fault
            /// The pair may read wrongly.
            case doubt
            /// What the files leave open and was found elsewhere.
            case inferred
        }

        /// How much it matters.
        public let kind: Kind
        /// One line.
        public let text: String
    }

    /// One activation's way to words and back.
    public struct RoundTrip: Sendable {
        /// The text that was read, at its last token.
        public let text: String
        /// What the verbalizer wrote of the activation.
        public let explanation: Explanation
        /// How close the reconstruction comes.
        public let score: Scores.Row
        /// The same of the reconstructor given no words.
        public let empty: Scores.Row
        /// The same of the explanation of the opposite vector.
        public let opposite: Scores.Row
        /// ‖activation‖
        public let norm: Double
    }

    /// What was found, in the order of looking.
    public private(set) var findings: [Finding] = []
    /// Nil where something kept the pair from making one.
    public private(set) var roundTrip: RoundTrip?

    /// Whether the pair works.
    public var isSound: Bool { !findings.contains { $0.kind == .fault } }

    /// Looks at two folders and, if there is one, at their target.
    ///
    /// - Parameters:
    ///   - adapter: a PEFT folder over the target.
    ///   - text: read by the target, at the last token.
    ///   - options: how the explanations of the round trip are written; one sample of each is looked at.
    public init(
        verbalizer av: URL, reconstructor ar: URL, target: URL?, adapter: URL? = nil, text: String,
        precision: Precision? = nil, options: Verbalizer.Options = Verbalizer.Options(),
        _ supplement: SidecarSupplement = SidecarSupplement()
    ) {
        let reader = attempt { try Reconstructor(folder: ar, precision: precision, supplement) }
        var own = supplement
        own.reconstructorLayer = reader?.sidecar.layer
        let writer = attempt { try Verbalizer(folder: av, precision: precision, own) }
        for (name, inferences) in [
            ("verbalizer", writer?.sidecar.inferences), ("reconstructor", reader?.sidecar.inferences),
        ] {
            for line in inferences ?? [] { add(.inferred, "\(name): \(line)") }
        }
        // Adapters over one base share its weights; their own were looked at when they were attached.
        var seen: Set<URL> = []
        for checkpoint in [writer?.checkpoint, reader?.checkpoint].compactMap({ $0 })
        where seen.insert(checkpoint.folder).inserted {
            let weights = attempt { try checkpoint.nonFiniteWeights(limit: 3) } ?? []
            if !weights.isEmpty {
                add(.fault, "\(checkpoint.folder.path): NaN or infinity in \(weights.joined(separator: ", "))")
            }
        }
        if let reader, reader.headParameters.contains(where: { $0.value.firstNonFinite() != nil }) {
            add(.fault, "\(ar.path): NaN or infinity in the value head")
        }
        guard let writer, let reader, let pair = attempt({ try Pair(writer, reader) }) else { return }
        compare(writer, reader)
        guard let target else {
            add(.doubt, "no target: its hash is not checked, and no round trip is made")
            return
        }
        guard
            let model = attempt({
                try pair.openTarget(
                    target, base: supplement.base, adapter: adapter, allowsAdapter: true, storage: .quantized)
            })
        else { return }
        if let note = model.storageNote { add(.doubt, note) }
        if pair.targetHash == nil { add(.doubt, "the sidecars record no target hash, so the target is not checked") }
        roundTrip = attempt { try PairCheck.roundTrip(pair, model, text, precision, options) }
        if let roundTrip { judge(roundTrip, marker: writer.sidecar.marker?.text ?? "") }
    }

    private mutating func add(_ kind: Finding.Kind, _ text: String) { findings.append(Finding(kind: kind, text: text)) }

    /// The value, or nil with a fault noted.
    private mutating func attempt<Value>(_ body: () throws -> Value) -> Value? {
        do { return try body() } catch {
            add(.fault, "\(error)")
            return nil
        }
    }

    /// What two that open may still disagree in.
    private mutating func compare(_ writer: Verbalizer, _ reader: Reconstructor) {
        let sample = "The quick brown fox, 12 times: “naïve” 東京."
        if writer.tokenizer.encode(sample, addSpecialTokens: false)
            != reader.tokenizer.encode(sample, addSpecialTokens: false)
        {
            add(.doubt, "verbalizer and reconstructor cut the same text into different tokens")
        }
        let av = writer.sidecar, ar = reader.sidecar
        if let one = av.marker, let other = ar.marker, one != other {
            add(
                .doubt,
                "the two sidecars name different markers: \(one.text) (\(one.id)) and \(other.text) (\(other.id))")
        }
        if let one = av.reconstructorTemplate, let other = ar.reconstructorTemplate, one != other {
            add(.doubt, "the two sidecars have different templates for the reconstructor; its own is used")
        }
        if ar.reconstructorSuffix.isEmpty {
            add(
                .doubt,
                "the reconstructor's sidecar names no critic_suffix_ids: a changed template would not be noticed")
        }
        if av.injection == .replace, av.injectionScale == .untouched {
            add(.doubt, "vectors are injected at their own length (injection_scale); few verbalizers are trained so")
        }
    }

    private static func roundTrip(
        _ pair: Pair, _ target: Target, _ text: String, _ precision: Precision?,
        _ options: Verbalizer.Options
    ) throws -> RoundTrip {
        let ids = target.tokenizer.encode(text)
        guard !ids.isEmpty else { throw ModelError("the text has no tokens; give some text") }
        let truth = try target.activations(ids, positions: [-1], precision: precision)
        let both = Tensor(truth.floats() + truth.floats().map { -$0 }, shape: [2, truth.width])
        let explained = try pair.verbalizer.explain(both, options).map { $0[0] }
        let rebuilt = try pair.reconstructor.reconstruct([
            explained[0].description, "", explained[1].description,
        ])
        let scores = try Scores.rows(rebuilt, truth)
        return RoundTrip(
            text: text, explanation: explained[0], score: scores[0], empty: scores[1], opposite: scores[2],
            norm: Scores.norm(truth))
    }

    /// What a round trip gives away of a wrong injection or a wrong reading.
    private mutating func judge(_ trip: RoundTrip, marker: String) {
        if !marker.isEmpty, trip.explanation.text.contains(marker) {
            add(
                .fault,
                "the explanation speaks of the marker \(marker): the vector does not reach the verbalizer (--injection)"
            )
        }
        if !trip.explanation.isComplete { add(.doubt, "the explanation has no <explanation> tags") }
        if trip.explanation.description.isEmpty { add(.fault, "the explanation is empty") }
        if trip.opposite == trip.score {
            add(
                .doubt,
                "the opposite vector is explained with the same words: injection (--injection, --injection-scale) may be wrong"
            )
        }
        if trip.score.cosine <= trip.empty.cosine {
            add(.doubt, "the explanation is no better for the reconstructor than no words at all")
        }
    }
}
