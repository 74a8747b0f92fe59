import Autoencoder
import Claims
import Foundation
import LanguageModel
import Runs
import Statistics
import Tensors

/// What claims are judged by.
public enum Ingredient: String, CaseIterable, Sendable {
    /// How much of the vector the claim carries.
    case weight
    /// How much it carries for a reader that never met the verbalizer.
    case secondReader = "second_reader"
    /// How many further samples make it.
    case samples
    /// How many of the explanations of the tokens shortly before make it.
    case earlier
    /// How many of those shortly behind do, which have read what comes next.
    case later
    /// How sure the verbalizer was of its words.
    case likelihood
    /// How often claims about the same question are true.
    case question

    /// What tables call it.
    var title: String {
        switch self {
        case .weight: "its weight"
        case .secondReader: "its weight for the second reader"
        case .samples: "recurrence over samples"
        case .earlier: "recurrence over the tokens before"
        case .later: "recurrence over the tokens behind, which know more"
        case .likelihood: "likelihood of its words"
        case .question: "its question alone"
        }
    }
}

/// How far to believe a claim: the evidence on it as one probability.
///
/// A logistic regression on documents whose truth is known, for use on documents where it is not, with a level of its own for every
/// question that comes up often enough. It is calibrated by its making, as far as the new documents are like the old ones: of the
/// claims with confidence 0.8, four of five are true.
public struct ConfidenceModel: Sendable, Equatable {
    /// A claim with its evidence, of which it is known whether it is true.
    public struct Example: Sendable {
        /// What speaks for it.
        public var evidence: ClaimEvidence
        /// Whether it is true.
        public var isTrue: Bool
        /// The number of its document.
        public var document: Int

        /// An example.
        public init(_ evidence: ClaimEvidence, isTrue: Bool, document: Int) {
            self.evidence = evidence
            self.isTrue = isTrue
            self.document = document
        }
    }

    /// Hashes of the models that the evidence comes from (`TargetHash`): of others it says other things.
    public struct Readers: Sendable, Equatable {
        /// The verbalizer's.
        public var verbalizer: String
        /// The reconstructor's.
        public var reconstructor: String
        /// The second reader's, where the evidence has its view.
        public var second: String?

        /// The hashes of models.
        public init(_ pair: Pair, second: Reconstructor?) throws {
            verbalizer = try TargetHash.compute(pair.verbalizer)
            reconstructor = try TargetHash.compute(pair.reconstructor)
            self.second = try second.map { try TargetHash.compute($0) }
        }

        package init(verbalizer: String, reconstructor: String, second: String?) {
            self.verbalizer = verbalizer
            self.reconstructor = reconstructor
            self.second = second
        }

        /// What differs from other models, in words; nil if nothing does.
        func difference(from other: Readers) -> String? {
            if verbalizer != other.verbalizer { return "verbalizer" }
            if reconstructor != other.reconstructor { return "reconstructor" }
            return second != other.second ? "second reader" : nil
        }
    }

    /// Where the examples come from.
    public struct Source: Sendable {
        /// How the evidence was collected.
        public var collecting: EvidenceCollector.Options
        /// The grammar that claims are read with.
        public var grammar: GrammarName
        /// The denominator of claims' weights.
        public var variance: RawVariance
        /// The models.
        public var readers: Readers

        /// A source.
        public init(
            _ collecting: EvidenceCollector.Options, _ grammar: GrammarName, _ variance: RawVariance, _ readers: Readers
        ) {
            self.collecting = collecting
            self.grammar = grammar
            self.variance = variance
            self.readers = readers
        }
    }

    /// One ingredient's part.
    struct Term: Sendable, Equatable {
        let ingredient: Ingredient
        /// Mean and deviation over the examples; where there is no evidence, the mean stands for it.
        let mean: Double, deviation: Double
        /// Of the standardized value, in nats of log-odds.
        var coefficient: Double

        /// A term for evidence like `values`; nil if they are all the same.
        init?(_ ingredient: Ingredient, _ values: [Double]) {
            guard let first = values.first, values.contains(where: { $0 != first }) else { return nil }
            let mean = values.reduce(0, +) / Double(values.count)
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
            self.init(
                ingredient: ingredient, mean: mean, deviation: variance.squareRoot().atLeast(1e-9), coefficient: 0)
        }

        init(ingredient: Ingredient, mean: Double, deviation: Double, coefficient: Double) {
            self.ingredient = ingredient
            self.mean = mean
            self.deviation = deviation
            self.coefficient = coefficient
        }

        func standardized(_ value: Double?) -> Double { ((value ?? mean) - mean) / deviation }
    }

    /// How the evidence was collected; it must be collected in the same way again.
    public let collecting: EvidenceCollector.Options
    /// The grammar that claims are read with.
    public let grammar: GrammarName
    /// The denominator of claims' weights.
    public let variance: RawVariance
    /// The models that the evidence comes from.
    public let readers: Readers
    /// Claims it was fitted to.
    public let examples: Int
    /// Whether evidence of a second reader is part of it.
    public var needsSecondReader: Bool { terms.contains { $0.ingredient == .secondReader } }

    /// What is known of the claims about a question.
    struct Standing: Sendable, Equatable {
        /// Log-odds that one is true, whatever else speaks for it. Questions that come up rarely are drawn towards all.
        var logOdds: Double
        /// What the question adds to the log-odds beside the other evidence; 0 where it is asked in too few documents to tell.
        var effect: Double
    }

    /// Documents that a question must be asked in for a level of its own. Fewer could know the answers by heart.
    private static let leastDocuments = 20

    /// The ingredients' parts, the log-odds where they say nothing, and what is known of each question.
    var terms: [Term], bias: Double, questions: [Question: Standing]
    /// Log-odds that any claim is true: what there is to say of questions that were not among the examples.
    let allQuestions: Double

    /// Fits a model. Throws a `TrainingError` if the examples are all true, or all false.
    ///
    /// - Parameter leavingOut: ingredients to do without.
    public init(_ examples: [Example], from source: Source, leavingOut: Set<Ingredient> = []) throws {
        let right = examples.count(where: \.isTrue)
        guard right > 0, right < examples.count else {
            throw TrainingError(
                "\(examples.count) claims, \(right) of them true: a confidence needs true and false ones; take more rows"
            )
        }
        collecting = source.collecting
        grammar = source.grammar
        variance = RawVariance(variance: source.variance.variance, set: source.variance.set)
        readers = source.readers
        self.examples = examples.count
        let counts = QuestionCounts(examples)
        questions = counts.logOdds.mapValues { Standing(logOdds: $0, effect: 0) }
        allQuestions = counts.logOddsOfAll
        terms = Ingredient.allCases.compactMap { ingredient in
            guard ingredient != .question, !leavingOut.contains(ingredient) else { return nil }
            return Term(ingredient, examples.compactMap { ConfidenceModel.value(ingredient, $0.evidence) })
        }
        bias = 0
        let levels =
            leavingOut.contains(.question) ? [] : counts.asked(inAtLeast: ConfidenceModel.leastDocuments).sorted()
        let fitted = LogisticRegression.fit(
            examples.map { example in
                terms.map { $0.standardized(ConfidenceModel.value($0.ingredient, example.evidence)) }
                    + levels.map { $0 == example.evidence.claim.question ? 1 : 0 }
            }, examples.map(\.isTrue), penalty: 1)
        for index in terms.indices { terms[index].coefficient = fitted.coefficients[index] }
        for (question, effect) in zip(levels, fitted.coefficients.dropFirst(terms.count)) {
            questions[question]?.effect = effect
        }
        bias = fitted.bias
    }

    /// The evidence of one ingredient, more being better; nil where there is none.
    func value(_ ingredient: Ingredient, _ evidence: ClaimEvidence) -> Double? {
        guard ingredient == .question else { return ConfidenceModel.value(ingredient, evidence) }
        return questions[evidence.claim.question]?.logOdds ?? allQuestions
    }

    private static func value(_ ingredient: Ingredient, _ evidence: ClaimEvidence) -> Double? {
        switch ingredient {
        case .weight: evidence.weight
        case .secondReader: evidence.secondWeight
        case .samples: evidence.samples
        case .earlier: evidence.earlier
        case .later: evidence.later
        // Among words that are all but certain, how nearly certain they are still tells: the surprise counts by its logarithm.
        case .likelihood: evidence.logProbability.map { -log((-$0).atLeast(0) + 1e-4) }
        case .question: nil
        }
    }

    /// The ingredients that are part of it.
    public var ingredients: [Ingredient] {
        terms.map(\.ingredient) + (questions.values.contains { $0.effect != 0 } ? [.question] : [])
    }

    /// The probability that a claim is true.
    public func confidence(_ evidence: ClaimEvidence) -> Double {
        let level = bias + (questions[evidence.claim.question]?.effect ?? 0)
        let logOdds = terms.reduce(level) {
            $0 + $1.coefficient * $1.standardized(ConfidenceModel.value($1.ingredient, evidence))
        }
        return 1 / (1 + exp(-logOdds))
    }
}

/// How often claims about each question are true, and in how many documents it is asked.
private struct QuestionCounts {
    private typealias Count = (right: Double, all: Double)
    private var ofQuestion: [Question: Count] = [:]
    private var documents: [Question: Set<Int>] = [:]
    private var all: Count = (0, 0)

    init(_ examples: [ConfidenceModel.Example]) {
        for example in examples {
            let question = example.evidence.claim.question, right: Double = example.isTrue ? 1 : 0
            ofQuestion[question, default: (0, 0)].right += right
            ofQuestion[question, default: (0, 0)].all += 1
            documents[question, default: []].insert(example.document)
            all.right += right
            all.all += 1
        }
    }

    /// Of all claims. One true and one false are added, so that it is finite.
    var logOddsOfAll: Double { log(share / (1 - share)) }
    private var share: Double { (all.right + 1) / (all.all + 2) }

    /// Of the claims about each question, drawn towards all as by four further claims.
    var logOdds: [Question: Double] {
        ofQuestion.mapValues { count in
            let own = (count.right + 4 * share) / (count.all + 4)
            return log(own / (1 - own))
        }
    }

    /// Questions that so many documents ask.
    func asked(inAtLeast count: Int) -> [Question] { documents.filter { $0.value.count >= count }.map(\.key) }
}
