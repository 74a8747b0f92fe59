import Claims
import Foundation
import ReadableTargets
import Runs
import TargetTraining
import Tensors

/// The options of `nla redteam frontier`.
public struct FrontierOptions: RunOptions {
    /// The pair to begin with: a folder with `av/`, `ar/` and `target/`.
    public var pair = ""
    /// What targets read: the tiny world, or a file of documents.
    public var data = KnownWorlds.standardName
    /// How claims are said.
    public var grammar = GrammarName.standard
    /// A target to be trained each, as options of `nla train readable`: `splice_share=0.5 pull=0.1`.
    public var arms = ["learning_rate=0", "splice_share=0", "splice_share=0.2", "splice_share=0.5", "splice_share=0.9"]
    /// Seed of the tiny world that the target learned.
    public var worldSeed: UInt64 = 0
    /// The first seed, and how many there are.
    public var seed: UInt64 = 1, seeds = 3
    /// Steps of each target.
    public var steps = 400
    /// Tokens of a step, about.
    public var tokensPerStep = 4096
    /// Held-out texts that loss and damage are measured on.
    public var evaluationDocuments = 1000
    /// Held-out texts whose explanations are judged, and places in each, besides its moments.
    public var testDocuments = 500, perDocument = 2
    /// Tokens of an explanation at most.
    public var maximumTokens = 120
    /// What is computed in.
    public var precision = Precision.native
    /// Threads; nil for all cores.
    public var threads: Int?

    /// The defaults.
    public init() {}

    public static let stage = "redteam-frontier"

    public static let fields: [RunField<Self>] = [
        RunField("pair", \.pair, "The pair to begin with: a folder with av/, ar/ and target/."),
        RunField(
            "data", \.data,
            "What targets read: tiny-world, or a JSON Lines file of documents; with truths, claims are judged."),
        RunField("grammar", \.grammar, "How the pair says claims: tiny-world, or plain."),
        RunField(
            "arms", \.arms, fixed: false,
            "Targets to train, each by options of nla train readable that differ: splice_share=0.5 pull=0.1."),
        RunField("world_seed", \.worldSeed, "Seed of the tiny world that the target learned."),
        RunField("seed", \.seed, "The first seed."),
        RunField(
            "seeds", \.seeds, in: 1...100, fixed: false,
            "Seeds: of places, samples and the texts measured on; all learn the same documents, in the same order."),
        RunField("steps", \.steps, in: 1...1_000_000, "Steps of each target."),
        RunField("tokens_per_step", \.tokensPerStep, in: 1...10_000_000, "Tokens of a step, about."),
        RunField(
            "evaluation_documents", \.evaluationDocuments, in: 1...1_000_000,
            "Held-out texts that loss and damage are measured on."),
        RunField(
            "test_documents", \.testDocuments, in: 10...1_000_000, "Held-out texts whose explanations are judged."),
        RunField("per_document", \.perDocument, in: 1...1000, "Places of each, besides its moments."),
        RunField("max_tokens", \.maximumTokens, in: 1...100_000, "Tokens of an explanation at most."),
        RunField("precision", \.precision, "Arithmetic: f32 or bf16."),
        RunField("threads", \.threads, fixed: false, "Threads; none for all cores."),
    ]

    public func check() throws {
        guard !pair.isEmpty else { throw TrainingError("pair: nothing is named; it has no default") }
        guard !arms.isEmpty else { throw TrainingError("arms: none is named; splice_share=0.5 is one") }
        guard Set(arms).count == arms.count else { throw TrainingError("arms: one is named twice") }
        for arm in arms { try readable(arm, seed: seed).check() }
    }

    /// The training of an arm. Throws a one-line error for what is no option of it.
    func readable(_ arm: String, seed: UInt64) throws -> ReadableOptions {
        var options = ReadableOptions()
        options.pair = pair
        options.data = data
        options.worldSeed = worldSeed
        options.seed = seed
        options.steps = steps
        options.tokensPerStep = tokensPerStep
        options.precision = precision
        options.threads = threads
        options.evaluationDocuments = evaluationDocuments
        // It is measured at its end, by the experiment.
        options.evaluateEvery = steps
        let flags = try arm.split(separator: " ").flatMap { setting -> [String] in
            let parts = setting.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else {
                throw TrainingError("arms: «\(setting.prefix(60))» is not option=value, as splice_share=0.5 is")
            }
            return ["--" + parts[0].replacing("_", with: "-"), String(parts[1])]
        }
        do { try options.read(flags: flags) } catch { throw TrainingError("arms: «\(arm.prefix(60))»: \(error)") }
        let shared = ["pair", "data", "held-out", "seed", "world-seed", "steps", "precision", "threads"]
        if let name = shared.first(where: { flags.contains("--" + $0) }) {
            throw TrainingError(
                "arms: «\(arm.prefix(60))»: \(name.replacing("-", with: "_")) is the experiment's, the same for all")
        }
        return options
    }
}
