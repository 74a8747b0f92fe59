import Autoencoder
import Claims
import Foundation
import JSON
import LanguageModel
import Tensors
import Training

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

    /// Hashes of the models that the evidence comes from (``TargetHash/compute(autoencoder:)``): of others it says other things.
    public struct Readers: Sendable, Equatable {
        /// The verbalizer's.
        public var verbalizer: String
        /// The reconstructor's.
        public var reconstructor: String
        /// The second reader's, where the evidence has its view.
        public var second: String?

        /// The hashes of models.
        public init(_ pair: Pair, second: Reconstructor?) throws {
            verbalizer = try TargetHash.compute(autoencoder: pair.verbalizer.checkpoint.folder)
            reconstructor = try TargetHash.compute(autoencoder: pair.reconstructor.checkpoint.folder)
            self.second = try second.map { try TargetHash.compute(autoencoder: $0.checkpoint.folder) }
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
    private struct Standing: Sendable, Equatable {
        /// Log-odds that one is true, whatever else speaks for it. Questions that come up rarely are drawn towards all.
        var logOdds: Double
        /// What the question adds to the log-odds beside the other evidence; 0 where it is asked in too few documents to tell.
        var effect: Double
    }

    /// Documents that a question must be asked in for a level of its own. Fewer could know the answers by heart.
    private static let leastDocuments = 20

    private var terms: [Term]
    private var bias: Double
    private var questions: [Question: Standing]
    /// Log-odds that any claim is true: what there is to say of questions that were not among the examples.
    private let allQuestions: Double

    /// Fits a model. Throws a ``TrainingError`` if the examples are all true, or all false.
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

// MARK: - Files

extension ConfidenceModel {
    /// Its name in the folder of a pair.
    public static let fileName = "confidence.json"
    private static let format = "interlinear-confidence", version = 3

    /// Writes it. Throws a one-line error.
    public func write(to file: URL) throws { try AtomicFile.write(json.serialized(indent: 2) + "\n", to: file) }

    /// Reads what ``write(to:)`` wrote. Throws a one-line error.
    public init(_ file: URL) throws {
        let json: JSONValue
        do { json = try JSONValue.parse(Data(contentsOf: file)) } catch {
            throw ModelError("\(file.path): cannot be read as JSON (\(error)); make it anew with nla verify")
        }
        guard let model = ConfidenceModel(json: json) else {
            throw ModelError("\(file.path): is no confidence model of this version; make it anew with nla verify")
        }
        self = model
    }

    var json: JSONValue {
        [
            "format": .string(ConfidenceModel.format), "version": .integer(ConfidenceModel.version),
            "grammar": .string(grammar.rawValue),
            "samples": .integer(collecting.samples), "temperature": .number(Double(collecting.temperature)),
            "reach": .integer(collecting.reach), "max_tokens": .integer(collecting.maximumTokens),
            "variance": ["raw": .number(variance.variance), "set": .string(variance.set)],
            "verbalizer": .string(readers.verbalizer), "reconstructor": .string(readers.reconstructor),
            "second_reader": readers.second.map { .string($0) } ?? .null,
            "examples": .integer(examples), "bias": .number(bias),
            "terms": .array(
                terms.map {
                    [
                        "ingredient": .string($0.ingredient.rawValue), "mean": .number($0.mean),
                        "deviation": .number($0.deviation), "coefficient": .number($0.coefficient),
                    ]
                }),
            "log_odds": .number(allQuestions),
            "questions": .array(
                questions.sorted { $0.key < $1.key }.map {
                    [
                        "subject": .string($0.key.subject), "relation": .string($0.key.relation),
                        "log_odds": .number($0.value.logOdds), "effect": .number($0.value.effect),
                    ]
                }),
        ]
    }

    init?(json: JSONValue) {
        guard json["format"]?.string == ConfidenceModel.format, json["version"]?.int == ConfidenceModel.version,
            let grammar = json["grammar"]?.string.flatMap(GrammarName.init(rawValue:)),
            let samples = json["samples"]?.int, samples >= 1, let temperature = json["temperature"]?.double,
            let reach = json["reach"]?.int, reach >= 0, let maximumTokens = json["max_tokens"]?.int,
            maximumTokens >= 1, let examples = json["examples"]?.int, let bias = json["bias"]?.double, bias.isFinite,
            let terms = json["terms"]?.array, let allQuestions = json["log_odds"]?.double,
            let questions = json["questions"]?.array, let raw = json["variance"]?["raw"]?.double, raw > 0,
            let set = json["variance"]?["set"]?.string, let verbalizer = json["verbalizer"]?.string,
            let reconstructor = json["reconstructor"]?.string
        else { return nil }
        var collecting = EvidenceCollector.Options()
        collecting.samples = samples
        collecting.temperature = Float(temperature)
        collecting.reach = reach
        collecting.maximumTokens = maximumTokens
        let read = terms.compactMap { term -> Term? in
            guard let ingredient = term["ingredient"]?.string.flatMap(Ingredient.init(rawValue:)),
                let mean = term["mean"]?.double, let deviation = term["deviation"]?.double, deviation > 0,
                let coefficient = term["coefficient"]?.double
            else { return nil }
            return Term(ingredient: ingredient, mean: mean, deviation: deviation, coefficient: coefficient)
        }
        let known = questions.compactMap { entry -> (Question, Standing)? in
            guard let subject = entry["subject"]?.string, let relation = entry["relation"]?.string,
                let logOdds = entry["log_odds"]?.double, let effect = entry["effect"]?.double
            else { return nil }
            return (Question(subject: subject, relation: relation), Standing(logOdds: logOdds, effect: effect))
        }
        guard read.count == terms.count, known.count == questions.count else { return nil }
        self.collecting = collecting
        self.grammar = grammar
        variance = RawVariance(variance: raw, set: set)
        readers = Readers(verbalizer: verbalizer, reconstructor: reconstructor, second: json["second_reader"]?.string)
        self.examples = examples
        self.terms = read
        self.bias = bias
        self.questions = Dictionary(known) { first, _ in first }
        self.allQuestions = allQuestions
    }
}

/// Logistic regression by Newton's method, for a few features.
package enum LogisticRegression {
    /// Coefficients and bias that make the labels likeliest, less `penalty`/2 · ‖coefficients‖².
    package static func fit(
        _ features: [[Double]], _ labels: [Bool], penalty: Double
    ) -> (coefficients: [Double], bias: Double) {
        let width = (features.first?.count ?? 0) + 1
        var weights = [Double](repeating: 0, count: width)
        for _ in 0..<50 {
            var gradient = [Double](repeating: 0, count: width)
            var hessian = [[Double]](repeating: gradient, count: width)
            for (row, label) in zip(features, labels) {
                let x = row + [1]
                let probability = 1 / (1 + exp(-zip(weights, x).reduce(0) { $0 + $1.0 * $1.1 }))
                let error = (label ? 1 : 0) - probability, curvature = probability * (1 - probability)
                for i in 0..<width {
                    gradient[i] += error * x[i]
                    for j in 0...i { hessian[i][j] += curvature * x[i] * x[j] }
                }
            }
            for i in 0..<width - 1 {
                gradient[i] -= penalty * weights[i]
                hessian[i][i] += penalty
            }
            // The bias is not held back; the tiny addition keeps separable data from dividing by nothing.
            hessian[width - 1][width - 1] += 1e-9
            let step = solve(hessian, gradient)
            let largest = step.map(abs).largest() ?? 0
            // A long step is cut: far from the optimum the quadratic picture misleads.
            let length = largest > 4 ? 4 / largest : 1
            for i in 0..<width { weights[i] += length * step[i] }
            if largest < 1e-10 { break }
        }
        return (Array(weights.dropLast()), weights[width - 1])
    }

    /// Solves A x = b for a symmetric positive definite A, given by its lower triangle (Cholesky).
    private static func solve(_ matrix: [[Double]], _ b: [Double]) -> [Double] {
        let count = b.count
        var lower = matrix, x = b
        for i in 0..<count {
            for j in 0...i {
                var sum = matrix[i][j]
                for k in 0..<j { sum -= lower[i][k] * lower[j][k] }
                lower[i][j] = i == j ? sum.atLeast(1e-12).squareRoot() : sum / lower[j][j]
            }
        }
        for i in 0..<count {
            for k in 0..<i { x[i] -= lower[i][k] * x[k] }
            x[i] /= lower[i][i]
        }
        for i in (0..<count).reversed() {
            for k in i + 1..<count { x[i] -= lower[k][i] * x[k] }
            x[i] /= lower[i][i]
        }
        return x
    }
}
