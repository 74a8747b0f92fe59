import Autoencoder
import Claims
import Foundation
import Runs
import Tensors

/// Explanations drawn for the activations of one step: a group for each.
public struct Rollout {
    /// One explanation.
    public struct Sample: Sendable {
        /// Its activation, counted within the step.
        public let activation: Int
        /// What was written.
        public let explanation: Explanation
        /// Whether it was cut off at the largest length.
        public let isTruncated: Bool
        /// What the readers are shown: the explanation, perhaps without some of its sentences.
        public let shown: String
        /// Whether there is something to score: both tags.
        public var isValid: Bool { explanation.isComplete }

        /// An explanation. `shown` is what the readers are shown of it.
        public init(activation: Int, explanation: Explanation, isTruncated: Bool, shown: String) {
            self.activation = activation
            self.explanation = explanation
            self.isTruncated = isTruncated
            self.shown = shown
        }
    }

    /// Rows of the store, or numbers of their own where there is none.
    public let rows: [Int]
    /// Their vectors, [n, d] float32.
    public let vectors: Tensor
    /// Group after group.
    public let samples: [Sample]
    /// Members of a group.
    public let groupSize: Int

    /// Samples that were drawn otherwise: `groupSize` for each activation, group after group.
    public init(rows: [Int], vectors: Tensor, samples: [Sample], groupSize: Int) {
        self.rows = rows
        self.vectors = vectors
        self.samples = samples
        self.groupSize = groupSize
    }

    /// Draws explanations; the same key draws the same ones.
    ///
    /// - Parameters:
    ///   - vectors: of the rows, [n, d] float32.
    ///   - key: of the step.
    package static func draw(
        _ rows: [Int], _ vectors: Tensor, _ verbalizer: Verbalizer, _ options: JointOptions, key: UInt64
    ) throws -> Rollout {
        var settings = Verbalizer.Options(
            temperature: options.temperature, maximumTokens: options.maximumLength, samples: options.generations,
            seed: Random.draw(options.seed, "explanations", key))
        settings.batchSize = rows.count * options.generations
        let written = try verbalizer.explain(vectors, settings)
        var random = Random(seed: options.seed, Random.key("withheld sentences"), key)
        let samples = written.enumerated().flatMap { activation, group in
            group.map { explanation in
                Sample(
                    activation: activation, explanation: explanation,
                    isTruncated: explanation.ids.count >= options.maximumLength && !explanation.isComplete,
                    shown: Rollout.thinned(explanation.description, options.claimDropout, &random))
            }
        }
        return Rollout(rows: rows, vectors: vectors, samples: samples, groupSize: options.generations)
    }

    /// A text without some of its sentences, drawn at random; one always stays.
    package static func thinned(_ text: String, _ chance: Double, _ random: inout Random) -> String {
        guard chance > 0 else { return text }
        let sentences = Sentences.split(text)
        guard sentences.count > 1 else { return text }
        let kept = sentences.filter { _ in random.uniform() >= chance }
        if kept.isEmpty { return sentences[Int.random(in: 0..<sentences.count, using: &random)] }
        return kept.count == sentences.count ? text : kept.joined(separator: " ")
    }

    /// The vectors of some samples, [n, d] float32.
    func vectors(of samples: [Int]) -> Tensor {
        vectors.gatheringRows(samples.map { Int32(self.samples[$0].activation) })
    }
}

extension Random {
    /// A number that seed, purpose and key decide.
    package static func draw(_ seed: UInt64, _ purpose: String, _ key: UInt64) -> UInt64 {
        var random = Random(seed: seed, Random.key(purpose), key)
        return random.next()
    }
}

/// What the writing of a step looks like: the early signs of the known failures.
package struct WritingStatistics {
    /// The numbers, by name.
    package private(set) var metrics = Metrics()

    /// Looks at the samples of a step; `marker` is the prompt's.
    package init(_ rollout: Rollout, marker: String) {
        let samples = rollout.samples, count = Double(max(1, samples.count))
        var sequences = 0, repeated = 0, foreign = 0
        for sample in samples {
            let words = sample.explanation.description.split(separator: " "), length = WritingStatistics.sequenceLength
            let own = words.indices.dropLast(length - 1).map { words[$0..<$0 + length] }
            sequences += own.count
            repeated += own.count - Set(own).count
            foreign +=
                sample.explanation.text.unicodeScalars.contains { WritingStatistics.isMarkerScript($0, marker) } ? 1 : 0
        }
        metrics["completion_tokens"] = samples.reduce(0) { $0 + Double($1.explanation.ids.count) } / count
        metrics["truncated_share"] = Double(samples.count(where: \.isTruncated)) / count
        metrics["extraction_rate"] = Double(samples.count(where: \.explanation.isComplete)) / count
        metrics["marker_script_share"] = Double(foreign) / count
        metrics["repetition"] = Double(repeated) / Double(max(1, sequences))
    }

    /// Words in a row that count as a repetition when they come again. Claims begin alike, so that two or three do not.
    static let sequenceLength = 4

    /// Whether a character is the marker, or of the East Asian scripts that verbalizers fall into when injection fails.
    private static func isMarkerScript(_ scalar: Unicode.Scalar, _ marker: String) -> Bool {
        switch scalar.value {
        case 0x2E80...0x9FFF, 0xAC00...0xD7AF, 0xF900...0xFAFF, 0x20000...0x3FFFF: true
        default: marker.unicodeScalars.contains(scalar)
        }
    }
}
