import Autoencoder
import Claims
import Foundation
import LanguageModel
import Tensors

/// Says of each claim of an explanation how far to believe it, by the confidence model in its pair's folder.
public struct ConfidenceReader {
    /// A sentence of an explanation.
    public struct Sentence: Sendable, Equatable {
        /// Its words.
        public let text: String
        /// How probable it is that its claim is true; nil if it makes none, or one that an earlier sentence made.
        public let confidence: Confidence?

        /// A sentence.
        public init(text: String, confidence: Confidence?) {
            self.text = text
            self.confidence = confidence
        }
    }

    /// The confidence below which a claim is called doubtful, unless somebody says otherwise.
    public static let doubtful = 0.5

    /// The name, in a pair's folder, of the second reader that a confidence may need.
    public static let secondReaderName = "second-ar"

    /// What it was fitted to.
    public let model: ConfidenceModel
    private let collector: EvidenceCollector
    private let grammar: any ClaimGrammar

    /// The confidence of the pair in a folder; nil if it has none.
    ///
    /// - Throws: a one-line error for a damaged file, one that was fitted to other models, or one that needs a second reader which
    ///   is not there.
    public init?(_ folder: URL, _ pair: Pair, precision: Precision? = nil, seed: UInt64) throws {
        let file = folder.appending(path: ConfidenceModel.fileName)
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        model = try ConfidenceModel(file)
        grammar = try model.grammar.grammar
        let other = folder.appending(path: ConfidenceReader.secondReaderName)
        if model.needsSecondReader, !FileManager.default.fileExists(atPath: other.path) {
            throw ModelError(
                "\(file.path): needs the second reader that it was fitted with as \(other.path); copy it there, or make a confidence without one"
            )
        }
        let second = model.needsSecondReader ? try Reconstructor(folder: other, precision: precision) : nil
        let found = try ConfidenceModel.Readers(pair, second: second)
        if let name = model.readers.difference(from: found) {
            throw ModelError(
                "\(file.path): was fitted to another \(name) than the one beside it; make it anew with nla verify --write-confidence"
            )
        }
        var options = model.collecting
        options.seed = seed
        collector = EvidenceCollector(pair, second: second, grammar, variance: model.variance, options)
    }

    /// The claims of explanations at temperature 0, each with the confidence in it.
    ///
    /// - Parameters:
    ///   - vectors: the activations [n, d] that they are about.
    ///   - keys: of the samples that are drawn.
    package func beliefs(
        _ explanations: [Explanation], of vectors: Tensor, neighbours: Neighbours, keys: [UInt64]
    ) throws -> [[Belief]] {
        try collector.evidence(explanations, vectors, neighbours: neighbours, keys: keys).map { claims in
            claims.map { Belief(claim: $0.claim, confidence: model.confidence($0)) }
        }
    }

    /// A claim with the confidence in it.
    package struct Belief {
        package let claim: Fact
        package let confidence: Double
    }

    /// The tokens beside `position` that its confidence looks at, of a text of `count`.
    public func neighbours(of position: Int, count: Int) -> [Int] {
        Neighbours.positions(around: position, reach: model.collecting.reach, count: count)
    }

    /// An explanation's sentences, each with the confidence in its claim.
    ///
    /// - Parameters:
    ///   - explanation: as the verbalizer writes it at temperature 0, the only kind that the confidence was fitted to.
    ///   - vector: the activation [1, d] that it is about.
    ///   - neighbours: those of the tokens beside; all are of row 0.
    ///   - key: of the samples that are drawn.
    public func read(
        _ explanation: Explanation, of vector: Tensor, neighbours: Neighbours, key: UInt64
    ) throws -> [Sentence] {
        let evidence = try collector.evidence([explanation], vector, neighbours: neighbours, keys: [key])[0]
        let confidences = Dictionary(
            evidence.map { ($0.sentence, Confidence(model.confidence($0))) }, uniquingKeysWith: { first, _ in first })
        return Sentences.split(explanation.description).enumerated().map {
            Sentence(text: $1, confidence: confidences[$0] ?? nil)
        }
    }
}
