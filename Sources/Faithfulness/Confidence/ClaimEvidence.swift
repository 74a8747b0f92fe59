import Autoencoder
import Claims
import Evaluation
import JointTraining
import LanguageModel
import Tensors

/// What speaks for one claim of an explanation, none of it knowing the truth.
public struct ClaimEvidence: Sendable, Equatable {
    /// Which of the explanation's sentences makes the claim.
    public var sentence: Int
    /// The claim.
    public var claim: Fact
    /// How much of the variance is lost without its sentence, as a share; below 0 where the score is better without it.
    public var weight: Double
    /// The same for a reader that never met this verbalizer; nil without one.
    public var secondWeight: Double?
    /// The share of further samples that make the claim too.
    public var samples: Double
    /// The share of the explanations of tokens shortly before that make it; nil where there are none.
    public var earlier: Double?
    /// The same of tokens shortly behind. These have read what comes next, so that they may know how it went; nil where there are none.
    public var later: Double?
    /// The mean log-probability of the tokens that say its value, given all before them; nil where they are not found.
    public var logProbability: Double?

    package init(
        sentence: Int, claim: Fact, weight: Double, secondWeight: Double?, samples: Double, earlier: Double?,
        later: Double?, logProbability: Double?
    ) {
        self.sentence = sentence
        self.claim = claim
        self.weight = weight
        self.secondWeight = secondWeight
        self.samples = samples
        self.earlier = earlier
        self.later = later
        self.logProbability = logProbability
    }
}

/// Activations of the tokens around some rows.
public struct Neighbours {
    /// [n, d] float32
    public let vectors: Tensor
    /// The row that each belongs to.
    public let owners: [Int]
    /// Whether each stands behind its row's token, and so has read more of the text.
    public let isLater: [Bool]

    /// Neighbours of some rows.
    public init(_ vectors: Tensor, owners: [Int], isLater: [Bool]) {
        require(vectors.rows == owners.count && owners.count == isLater.count, "an owner and a side for each neighbour")
        self.vectors = vectors
        self.owners = owners
        self.isLater = isLater
    }

    /// The tokens up to `reach` before and behind one, of a text of `count`.
    package static func positions(around position: Int, reach: Int, count: Int) -> [Int] {
        (max(0, position - reach)...min(count - 1, position + reach)).filter { $0 != position }
    }
}

/// Collects evidence on claims: takes sentences out, draws further samples, and reads the tokens beside.
public struct EvidenceCollector {
    /// How much to collect.
    public struct Options: Sendable, Equatable {
        /// Further samples of each activation.
        public var samples = 8
        /// Their temperature.
        public var temperature: Float = 1
        /// Tokens to read before and behind each.
        public var reach = 2
        /// Tokens of an explanation at most.
        public var maximumTokens = 120
        /// Seed of sampling.
        public var seed: UInt64 = 0

        /// The usual.
        public init() {}
    }

    private let pair: Pair
    private let second: Reconstructor?
    private let grammar: any ClaimGrammar
    private let variance: Double
    private let options: Options

    /// A collector.
    ///
    /// - Parameters:
    ///   - second: a reader that never met the verbalizer.
    ///   - variance: the denominator of weights.
    public init(
        _ pair: Pair, second: Reconstructor?, _ grammar: any ClaimGrammar, variance: RawVariance,
        _ options: Options = Options()
    ) {
        self.pair = pair
        self.second = second
        self.grammar = grammar
        self.variance = variance.variance.atLeast(1e-12)
        self.options = options
    }

    /// The claims of explanations, each with its sentence, in order; of equal claims the first.
    func claims(of explanation: String) -> (sentences: [String], claims: [(sentence: Int, claim: Fact)]) {
        let sentences = Sentences.split(explanation)
        var seen: Set<Fact> = []
        let claims = sentences.enumerated().compactMap { index, sentence -> (sentence: Int, claim: Fact)? in
            guard let claim = grammar.read(sentence).claims.first, seen.insert(claim).inserted else { return nil }
            return (index, claim)
        }
        return (sentences, claims)
    }

    /// The evidence on every claim of some explanations.
    ///
    /// - Parameters:
    ///   - explanations: what the verbalizer wrote about `vectors` [n, d].
    ///   - neighbours: the tokens around.
    ///   - keys: what keys the randomness of each row's samples.
    public func evidence(
        _ explanations: [Explanation], _ vectors: Tensor, neighbours: Neighbours, keys: [UInt64]
    ) throws -> [[ClaimEvidence]] {
        require(
            explanations.count == vectors.rows && keys.count == vectors.rows, "an explanation and a key for each row")
        guard !explanations.isEmpty else { return [] }
        let made = explanations.map { claims(of: $0.description) }
        let weights = try weights(explanations, made, vectors, pair.reconstructor)
        let secondWeights = try second.map { try self.weights(explanations, made, vectors, $0) }
        var settings = Verbalizer.Options(
            temperature: options.temperature, maximumTokens: options.maximumTokens, samples: max(1, options.samples),
            seed: options.seed)
        settings.keys = keys
        let sampled = try pair.verbalizer.explain(vectors, settings).map { $0.map { said($0) } }
        let beside = try pair.verbalizer.mostProbable(neighbours.vectors, maximumTokens: options.maximumTokens)
            .map(said)
        var earlier = [[Set<Fact>]](repeating: [], count: explanations.count), later = earlier
        for (index, claims) in beside.enumerated() {
            let owner = neighbours.owners[index]
            if neighbours.isLater[index] { later[owner].append(claims) } else { earlier[owner].append(claims) }
        }
        let likelihoods = ClaimTokens(grammar, pair.verbalizer.tokenizer)
        return made.indices.map { row in
            let logProbabilities = likelihoods.meanLogProbabilities(explanations[row])
            return made[row].claims.enumerated().map { index, entry in
                ClaimEvidence(
                    sentence: entry.sentence, claim: entry.claim, weight: weights[row][index],
                    secondWeight: secondWeights?[row][index], samples: share(entry.claim, in: sampled[row]) ?? 0,
                    earlier: share(entry.claim, in: earlier[row]), later: share(entry.claim, in: later[row]),
                    logProbability: logProbabilities[entry.claim])
            }
        }
    }

    private func said(_ explanation: Explanation) -> Set<Fact> { Set(grammar.read(explanation.description).claims) }

    private func share(_ claim: Fact, in sets: [Set<Fact>]) -> Double? {
        sets.isEmpty ? nil : Double(sets.count { $0.contains(claim) }) / Double(sets.count)
    }

    /// What each claim's sentence is worth to a reader: the share of variance lost when it is taken out.
    private func weights(
        _ explanations: [Explanation], _ made: [(sentences: [String], claims: [(sentence: Int, claim: Fact)])],
        _ vectors: Tensor, _ reader: Reconstructor
    ) throws -> [[Double]] {
        var texts: [String] = [], owners: [Int32] = []
        for (row, entry) in made.enumerated() {
            texts.append(explanations[row].description)
            owners.append(Int32(row))
            for claim in entry.claims {
                var rest = entry.sentences
                rest.remove(at: claim.sentence)
                texts.append(rest.joined(separator: " "))
                owners.append(Int32(row))
            }
        }
        let scores = try Scores.rows(reader.reconstruct(texts), vectors.gatheringRows(owners))
        var result: [[Double]] = [], next = 0
        for entry in made {
            let whole = scores[next].meanSquaredError
            let without = scores[next + 1..<next + 1 + entry.claims.count]
            result.append(without.map { ($0.meanSquaredError - whole) / variance })
            next += 1 + entry.claims.count
        }
        return result
    }
}
