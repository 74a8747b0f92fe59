import Foundation
import Runs
import TargetTraining
import Teaching
import WarmStart

/// Where a recipe stops.
public enum LastStage: String, Sendable, CaseIterable, Comparable, RunValue {
    /// The target is trained.
    case target
    /// Its activations are stored and explained: what training a pair, and joint training, need.
    case teacher
    /// The pair is trained and evaluated.
    case pair

    public static func < (left: LastStage, right: LastStage) -> Bool {
        allCases.firstIndex(of: left) ?? 0 < allCases.firstIndex(of: right) ?? 0
    }
}

/// The options of `nla train pair`: a tiny target with its verbalizer and reconstructor, from nothing. The options of the single
/// stages stand in run files of their own, or are named behind their stage: `av.steps`.
public struct PairOptions: RunOptions {
    /// Seed of the world, of every draw and of the weights.
    public var seed: UInt64 = 0
    /// A finished target to read, in place of training one.
    public var trainedTarget: String?
    /// The last stage to run.
    public var lastStage = LastStage.pair
    /// Run files of the stages; relative paths start from the working folder.
    public var targetRun: String?
    /// The verbalizer's.
    public var verbalizerRun: String?
    /// The reconstructor's.
    public var reconstructorRun: String?
    /// Options of single stages that come before what their run files say, as text: `target.steps`, `av.learning_rate`.
    public var overrides: [String: String] = [:]
    /// Tokens of the vocabulary.
    public var vocabulary = 4096
    /// Documents that the vocabulary is learnt from.
    public var vocabularyDocuments = 40_000
    /// K; nil for two thirds of the blocks.
    public var layer: Int?
    /// Documents that probes are fitted to.
    public var probeDocuments = 12_000
    /// Documents that the verbalizer learns from.
    public var verbalizerDocuments = 90_000
    /// Documents that the reconstructor learns from.
    public var reconstructorDocuments = 40_000
    /// Documents that nothing learns from.
    public var heldOutDocuments = 3_000
    /// Documents for joint training to learn from.
    public var jointDocuments = 20_000
    /// Documents for joint training to choose a checkpoint by.
    public var validationDocuments = 1_000
    /// Random positions of each document.
    public var positionsPerDocument = 3
    /// The first position that is read.
    public var firstPosition = 4
    /// Whether the teacher asks probes what the vector holds.
    public var usesProbes = true
    /// What it must hold a fact with.
    public var threshold: Float = 0.5
    /// Sentences of one explanation at most, the one about the ending included.
    public var maximumSentences = 3
    /// Share of facts left out at random.
    public var omission = 0.1
    /// Share of facts said in another sentence than the usual one.
    public var paraphrases = 0.0
    /// The verbalizer's prompt.
    public var verbalizerTemplate = "Explain <concept>{injection_char}</concept>"
    /// The reconstructor's prompt.
    public var reconstructorTemplate = "<text>{explanation}</text><summary>"
    /// Held-out rows that the evaluation explains.
    public var evaluationRows = 4000

    /// The defaults.
    public init() {}

    public static let stage = "pair"

    public static let fields: [RunField<PairOptions>] =
        [
            RunField("seed", \.seed, "Seed of the world, of every draw and of the weights."),
            // Not fixed: each stage compares what it was begun with itself.
            RunField(
                "trained_target", \.trainedTarget, fixed: false,
                "Folder of a finished target to read, in place of training one."),
            RunField("last_stage", \.lastStage, fixed: false, "Where to stop; the same call goes on from there."),
            RunField("target_run", \.targetRun, fixed: false, "Run file of nla train target; none for the defaults."),
            RunField("av_run", \.verbalizerRun, fixed: false, "Run file of nla train av; none for the defaults."),
            RunField("ar_run", \.reconstructorRun, fixed: false, "Run file of nla train ar; none for the defaults."),
            RunField("vocabulary", \.vocabulary, in: 300...1_000_000, "Tokens of the vocabulary."),
            RunField(
                "vocabulary_documents", \.vocabularyDocuments, in: 1...10_000_000,
                "Documents the vocabulary is learnt from."),
            RunField("layer", \.layer, "Block to read behind; none for two thirds of the depth."),
            RunField("probe_documents", \.probeDocuments, in: 1...10_000_000, "Documents that probes are fitted to."),
            RunField(
                "av_documents", \.verbalizerDocuments, in: 1...10_000_000, "Documents the verbalizer learns from."),
            RunField(
                "ar_documents", \.reconstructorDocuments, in: 1...10_000_000, "Documents the reconstructor learns from."
            ),
            RunField(
                "held_out_documents", \.heldOutDocuments, in: 1...10_000_000, "Documents that nothing learns from."),
            RunField(
                "rl_documents", \.jointDocuments, in: 0...10_000_000, "Documents for nla train rl to learn from."),
            RunField(
                "validation_documents", \.validationDocuments, in: 0...10_000_000,
                "Documents for nla train rl to choose a checkpoint by."),
            RunField(
                "positions_per_document", \.positionsPerDocument, in: 0...10_000, "Random positions of each document."),
            RunField("first_position", \.firstPosition, in: 0...10_000, "The first position that is read."),
            RunField("uses_probes", \.usesProbes, "Whether the teacher says only what a probe reads from the vector."),
            RunField(
                "threshold", \.threshold, in: 0...1, "Least probability that a probe must give to a fact to be said."),
            RunField("maximum_sentences", \.maximumSentences, in: 1...100, "Sentences of one explanation at most."),
            RunField("omission", \.omission, in: 0...1, "Share of facts left out at random."),
            RunField("paraphrases", \.paraphrases, in: 0...1, "Share of facts not said in the usual sentence."),
            RunField("av_template", \.verbalizerTemplate, "The verbalizer's prompt, with {injection_char}."),
            RunField("ar_template", \.reconstructorTemplate, "The reconstructor's prompt, with {explanation}."),
            RunField(
                "evaluation_rows", \.evaluationRows, in: 1...10_000_000, fixed: false,
                "Held-out rows that the evaluation explains."),
        ] + of("target", TargetOptions.self) + of(VerbalizerStage.name, WarmStartOptions<VerbalizerStage>.self)
        + of(ReconstructorStage.name, WarmStartOptions<ReconstructorStage>.self)

    /// Options of the stages that the recipe decides itself.
    private static let decided: Set<String> = [
        "tokenizer", "data", "seed", "target", "target_name", "store", "explanations", "reconstructor", "av_template",
        "ar_template",
    ]

    private static func of<Stage: RunOptions>(_ stage: String, _: Stage.Type) -> [RunField<PairOptions>] {
        Stage.fields.filter { !decided.contains($0.name) }.map { RunField(of: stage, $0, \.overrides) }
    }

    /// A stage's options: its run file's, then what is said here.
    func options<Stage: RunOptions>(of stage: String, _ file: String?) throws -> Stage {
        var options = Stage()
        if let file { try options.read(runFile: URL(fileURLWithPath: file)) }
        for (name, text) in overrides.sorted(by: { $0.key < $1.key }) where name.hasPrefix(stage + ".") {
            try options.set(String(name.dropFirst(stage.count + 1)), to: text) { "\(stage).\($0)" }
        }
        return options
    }

    var teacher: StoreTeacher.Options {
        var options = StoreTeacher.Options()
        options.threshold = threshold
        options.maximumSentences = maximumSentences
        options.omission = omission
        options.paraphrases = paraphrases
        options.seed = seed
        return options
    }
}
