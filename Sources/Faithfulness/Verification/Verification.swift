import Activations
import Autoencoder
import Claims
import Evaluation
import Foundation
import JointTraining
import LanguageModel
import Runs
import Statistics
import Teaching
import Tensors

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
    /// The number over other documents.
    private let statistic: Statistic

    /// A number of documents drawn anew, given how often each was drawn; nil where it has no value.
    typealias Statistic = @Sendable (_ draws: ArraySlice<UInt16>) -> Double?

    /// A finding; nil if its number has no value.
    init?(
        _ section: Section, _ name: String, _ title: String, _ style: NumberStyle, _ bootstrap: ClusterBootstrap,
        _ statistic: @escaping Statistic
    ) {
        guard let value = statistic([UInt16](repeating: 1, count: bootstrap.clusters)[...]) else { return nil }
        self.section = section
        self.name = name
        self.title = title
        self.style = style
        self.statistic = statistic
        estimate = Estimate(value: value, interval: bootstrap.interval(of: statistic))
    }

    /// How much more this is than the same number of another pair on the same rows, documents being drawn for both at once.
    func estimate(minus other: Finding, _ bootstrap: ClusterBootstrap) -> Estimate {
        let (own, theirs) = (statistic, other.statistic)
        return Estimate(
            value: estimate.value - other.estimate.value,
            interval: bootstrap.interval { draws in own(draws).flatMap { own in theirs(draws).map { own - $0 } } })
    }
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
    public var seed: UInt64 = 0 { didSet { evidence.seed = seed } }
    /// How often documents are drawn for intervals.
    public var resamples = 1000

    /// The usual ones.
    public init() {}
}

/// Whether a pair's explanations are true to the activations: what their words carry, what only the pair itself understands, what the
/// reconstruction does in the target's place, which claims deserve belief, and what can be told from the words alone.
///
///     let material = Verification.Inputs(pair, target, store, Rewordings(PlainGrammar(), seed: 0))
///     let verification = try Verification(material)
///     print(verification.findings.map(\.title))
public struct Verification: Sendable {
    /// What a verification rests on.
    public struct Inputs {
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
        public var grammar = GrammarName.standard
        /// Linear readers of the vectors; nil leaves facts out.
        public var probes: TeacherProbes?
        /// What a teacher wrote about the rows, for a second reader to be compared on; nil leaves that out.
        public var taught: TaughtRows?
        /// The denominator of fractions of variance; nil for the pair's own, or else that of the split.
        public var variance: RawVariance?
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
        /// Whether it is true; nil where nothing is known of the document.
        public let isTrue: Bool?
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
        /// Claims about it, of how many it is known whether they are true, and how many are.
        public let claims: Int, known: Int, right: Int
        /// The mean share of variance that is lost without one.
        public let weight: Double
    }

    /// How often facts of one question are recovered, wherever they hold and a probe reads them.
    public struct QuestionReading: Sendable {
        /// The question.
        public let question: Question
        /// Facts that hold somewhere, counted at every row.
        public let facts: Int
        /// The shares of them that a linear reader finds in the activation and in what the reconstructor made of the words, and that
        /// the words say.
        public let fromVector: Double, fromWords: Double, said: Double
    }

    /// The numbers, in the order of tables.
    public let findings: [Finding]
    /// How far to believe a claim; nil where no truth is known to fit it to.
    public let confidence: ConfidenceModel?
    /// The confidence against the truth, on the rows verified.
    public let reliability: [ReliabilityBin]
    /// What claims carry, by question.
    public let questionWeights: [QuestionWeight]
    /// What is recovered of facts, by question.
    public let questionReadings: [QuestionReading]
    /// What could not be measured, and why.
    public let notes: [String]
    /// Some rows in full.
    public let examples: [Example]
    /// Rows verified, and the documents that they are from.
    public let rows: Int, documents: Int

    /// Verifies a pair.
    ///
    /// - Parameter progress: called with what is about to be measured.
    /// - Throws: a one-line error, before anything is computed, if the parts do not belong together.
    public init(
        _ material: Inputs, _ options: VerificationOptions = VerificationOptions(),
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
        findings += try verifier.continuations()
        let facts = verifier.facts()
        findings += facts.findings
        self.findings = Finding.Section.allCases.flatMap { section in findings.filter { $0.section == section } }
        confidence = claims.model
        reliability = claims.reliability
        questionWeights = claims.questionWeights
        questionReadings = facts.questions
        notes = verifier.notes(findings) + claims.notes
        examples = claims.examples
        rows = verifier.test.count
        documents = verifier.test.clusterCount
    }

    /// A number by its name.
    public subscript(_ name: String) -> Finding? { findings.first { $0.name == name } }
}

extension Verification.Inputs {
    /// Throws a one-line error if the parts do not belong together, or a confidence is to be fitted to documents of which nothing is
    /// known.
    public func check() throws {
        try store.check(pair, named: pair.verbalizer.checkpoint.folder.path)
        if pair.targetHash == nil {
            // Nothing else says that this is the model whose activations the store holds.
            let found = try TargetHash.accepted(target.source), wanted = store.manifest.settings.targetHash
            guard found.contains(wanted) else {
                throw ModelError(
                    "\(target.checkpoint.folder.path): is not the model whose activations \(store.folder.path) holds: its content hash is \(found[0].prefix(12))…, the store's \(wanted.prefix(12))…"
                )
            }
        }
        if let second { try store.check(second.sidecar, named: second.checkpoint.folder.path) }
        _ = try store.rows(ofSplit: split)
        try probes?.check(unfitted: [split] + (fittingSplit.map { [$0] } ?? []))
        guard let fittingSplit else { return }
        guard fittingSplit != split else {
            throw TrainingError(
                "the split \(fittingSplit): a confidence must be fitted to other documents than those verified; name another split"
            )
        }
        guard try store.rows(ofSplit: fittingSplit).contains(where: { !store.document(of: $0).truths.isEmpty }) else {
            throw TrainingError(
                "\(store.folder.path): no facts are known of the documents of the split \(fittingSplit), so that no confidence can be fitted to them; --fitting-split none leaves it out"
            )
        }
    }

    /// Throws a one-line error if the second reader has met the verbalizer: if it is the pair's own reconstructor, or part of the
    /// reward of the joint run that made the pair.
    ///
    /// - Parameter folder: of the pair, or of a run's checkpoint.
    public func checkSecondReader(of folder: URL) throws {
        guard let second else { return }
        let place = second.folder, hash = try TargetHash.compute(second)
        if try Pair.start(ofCheckpoint: folder) == nil,
            try TargetHash.compute(pair.reconstructor) == hash
        {
            throw TrainingError(
                "\(place.path): is the pair's own reconstructor; a second reader is trained with another seed, on explanations that the verbalizer did not write"
            )
        }
        if let reader = try JointOptions.rewardReader(of: folder), FileManager.default.fileExists(atPath: reader.path),
            try TargetHash.compute(autoencoder: reader) == hash
        {
            throw TrainingError(
                "\(place.path): was part of the reward that \(folder.path) was trained with, so that it has met the verbalizer; take another second reader"
            )
        }
    }
}
