import Autoencoder
import Claims
import LanguageModel
import Tensors
import Training

/// One number of a verification, with its interval over documents.
public struct Finding: Sendable {
    /// What a number is about.
    public enum Section: String, CaseIterable, Sendable {
        /// What the words carry.
        case words
        /// What only the pair itself understands.
        case secondReader = "second_reader"
        /// What the vector does in the target.
        case splice
        /// Which claims to believe.
        case claims
        /// What can be told from the explanation without a judge.
        case tests

        /// Its heading.
        var title: String {
            switch self {
            case .words: "What the words carry"
            case .secondReader: "A second reader, which never met the verbalizer"
            case .splice: "The reconstruction in the target's place"
            case .claims: "Which claims to believe"
            case .tests: "What the explanation alone tells"
            }
        }
    }

    /// What it is about.
    public let section: Section
    /// Its key in JSON.
    public let name: String
    /// Its name in tables.
    public let title: String
    /// The number.
    public let estimate: Estimate
    let style: NumberStyle
}

/// How a pair is verified.
public struct VerificationOptions: Sendable {
    /// Rows to verify on, spread evenly over the split.
    public var rows = 1000
    /// Rows of other documents that the confidence is fitted to.
    public var fittingRows = 1000
    /// Rows at which reconstructions are spliced into the target, spread over those verified.
    public var splicedRows = 500
    /// Tokens behind a spliced one whose predictions are looked at.
    public var splicedReach = 8
    /// Rows whose continuation is to be picked out.
    public var continuedRows = 400
    /// Tokens of a continuation.
    public var continuationTokens = 8
    /// Continuations to choose from.
    public var continuations = 10
    /// How evidence on claims is collected.
    public var evidence = EvidenceCollector.Options()
    /// Tokens of an explanation at most.
    public var maximumTokens = 120
    /// Seed of everything random.
    public var seed: UInt64 = 0
    /// How often documents are drawn for intervals.
    public var resamples = 1000

    /// The usual ones.
    public init() {}
}

/// Whether a pair's explanations are true to the activations: what their words carry, what only the pair itself understands, what the
/// reconstruction does in the target's place, which claims deserve belief, and what can be told from the words alone.
///
///     let material = Verification.Material(pair, target, store, Rewordings(TinyWorldGrammar(), seed: 0))
///     let verification = try Verification(material)
///     print(verification.findings.map(\.title))
public struct Verification: Sendable {
    /// What a verification rests on.
    public struct Material {
        /// The pair.
        public var pair: Pair
        /// The model whose activations it reads.
        public var target: Target
        /// A reconstructor that never met the verbalizer; nil leaves its part out.
        public var second: Reconstructor?
        /// Activations of documents that the pair was not trained on.
        public var store: ActivationStore
        /// The split to verify on, and another one that the confidence is fitted to; without that there is none.
        public var split = "held-out", fittingSplit: String? = "validation"
        /// How claims are said.
        public var grammar = GrammarName.tinyWorld
        /// Linear readers of the vectors; nil leaves facts out.
        public var probes: TeacherProbes?
        /// Where other words come from.
        public var rewordings: Rewordings
        /// What pair and target compute in; nil for their weights' own.
        public var precision: Precision?

        /// Everything that is needed.
        public init(_ pair: Pair, _ target: Target, _ store: ActivationStore, _ rewordings: Rewordings) {
            self.pair = pair
            self.target = target
            self.store = store
            self.rewordings = rewordings
        }
    }

    /// A claim of a worked example.
    public struct ExampleClaim: Sendable {
        /// Its sentence.
        public let sentence: String
        /// The share of variance that it carries.
        public let weight: Double
        /// How far to believe it; nil without a model.
        public let confidence: Double?
        /// Whether it is true.
        public let isTrue: Bool
    }

    /// A row with its explanation, claim by claim.
    public struct Example: Sendable {
        /// The text up to the row's token.
        public let textSoFar: String
        /// The claims.
        public let claims: [ExampleClaim]
    }

    /// What claims about one question carry.
    public struct QuestionWeight: Sendable {
        /// The question.
        public let question: Question
        /// Claims about it, and how many are true.
        public let claims: Int, right: Int
        /// The mean share of variance that is lost without one.
        public let weight: Double
    }

    /// The numbers, in the order of tables.
    public let findings: [Finding]
    /// How far to believe a claim; nil where no truth is known to fit it to.
    public let confidence: ConfidenceModel?
    /// The confidence against the truth, on the rows verified.
    public let reliability: [ReliabilityBin]
    /// What claims carry, by question.
    public let questionWeights: [QuestionWeight]
    /// Some rows in full.
    public let examples: [Example]
    /// Rows verified, and the documents that they are from.
    public let rows: Int, documents: Int

    /// Verifies a pair.
    ///
    /// - Parameter progress: called with what is about to be measured.
    /// - Throws: a one-line error, before anything is computed, if the parts do not belong together.
    public init(
        _ material: Material, _ options: VerificationOptions = VerificationOptions(),
        progress: (String) -> Void = { _ in }
    ) throws {
        let verifier = try Verifier(material, options, progress: progress)
        var findings = try verifier.words()
        progress("splicing reconstructions into the target")
        findings += try verifier.splices()
        progress("collecting evidence on claims")
        let claims = try verifier.claims()
        findings += claims.findings
        progress("picking continuations and reading facts")
        findings += try verifier.continuations() + verifier.facts()
        self.findings = Finding.Section.allCases.flatMap { section in findings.filter { $0.section == section } }
        confidence = claims.model
        reliability = claims.reliability
        questionWeights = claims.questionWeights
        examples = claims.examples
        rows = verifier.test.count
        documents = verifier.test.clusterCount
    }

    /// A number by its name.
    public subscript(_ name: String) -> Finding? { findings.first { $0.name == name } }
}
