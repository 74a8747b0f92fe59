import Claims
import Foundation
import LanguageModel
import Runs
import Tensors

/// What an attack on one vector is after.
public enum AttackGoal: String, Sendable, CaseIterable, RunValue {
    /// The verbalizer no longer says a true claim.
    case drop
    /// It says a false one in its place.
    case lie

    /// What tables call it.
    var title: String { self == .drop ? "drops the true claim" : "states a false one" }
}

/// The options of `nla redteam vector`.
public struct VectorAttackOptions: RunOptions {
    /// The attacked pair: a folder with av/ and ar/.
    public var pair = ""
    /// The target, where the pair's folder has none.
    public var target: String?
    /// Activations of documents that the pair was not trained on; nil reads texts of the tiny world.
    public var store: String?
    /// Split whose activations are attacked.
    public var split = "held-out"
    /// Split of clean activations that the detectors' thresholds are set on.
    public var cleanSplit = "validation"
    /// Split that probes and the distribution of activations are fitted to.
    public var probeSplit = "probe"
    /// Documents to read of the tiny world, without a store.
    public var documents = 500
    /// How claims are said.
    public var grammar = GrammarName.standard
    /// Other readers of the same activations, NAME=DIR.
    public var readers: [String] = []
    /// What attacks are after.
    public var goals = AttackGoal.allCases
    /// Relations to attack, "subject: relation"; all without one.
    public var relations: [String] = []
    /// Whether to attack tokens at which nothing is about to matter, where predictions are less certain.
    public var everywhere = false
    /// Seed of everything random.
    public var seed: UInt64 = 1
    /// How many seeds there are, from `seed` on: each has other documents, false values, and starting points.
    public var seeds = 3
    /// Attacked places of each seed, each once for every goal.
    public var cases = 100
    /// Largest KL of any prediction that is looked at, in nats.
    public var budget = 0.05
    /// Smaller budgets that are tried first.
    public var lowerBudgets: [Double] = [0.00001, 0.0001, 0.001, 0.01]
    /// Predictions behind the token's own that must stay.
    public var reach = 8
    /// Steps of one attempt.
    public var steps = 100
    /// Attempts at each budget.
    public var attempts = 2
    /// Size of a step, as a share of the activation's own size.
    public var learningRate = 0.03
    /// Places attacked at once.
    public var batchSize = 48
    /// Tokens of an explanation at most.
    public var maximumTokens = 120
    /// Clean activations that the detectors' thresholds are set on.
    public var cleanRows = 1000
    /// What is computed in.
    public var precision = Precision.float32
    /// Threads; nil for all cores.
    public var threads: Int?

    /// The defaults.
    public init() {}

    public static let stage = "redteam-vector"

    public static let fields: [RunField<Self>] = [
        RunField("pair", \.pair, "The attacked pair: a folder with av/ and ar/."),
        RunField("target", \.target, "The target, where the pair's folder has none."),
        RunField(
            "store", \.store,
            "Activations of documents that the pair was not trained on; none reads texts of the tiny world."),
        RunField("split", \.split, "Split of the store to attack."),
        RunField("clean_split", \.cleanSplit, "Split of clean activations that the detectors' thresholds are set on."),
        RunField("probe_split", \.probeSplit, "Split that probes and the activations' distribution are fitted to."),
        RunField("documents", \.documents, in: 8...1_000_000, "Texts of the tiny world to attack, without a store."),
        RunField("grammar", \.grammar, "How claims are said: tiny-world, or plain."),
        RunField("readers", \.readers, "Other pairs that read the same activations, NAME=DIR."),
        RunField("goals", \.goals, "What attacks are after: drop, lie."),
        RunField("relations", \.relations, "Relations to attack, «subject: relation»; all where none is named."),
        RunField(
            "everywhere", \.everywhere,
            "Whether to attack other tokens at which the pair says a truth, where the target is less sure of what follows."
        ),
        RunField("seed", \.seed, "The first seed."),
        RunField("seeds", \.seeds, in: 1...100, "Seeds: each has other documents, false values and starting points."),
        RunField("cases", \.cases, in: 1...1_000_000, "Places that each seed attacks, once for every goal."),
        RunField(
            "budget", \.budget, in: 1e-6...100,
            "Largest KL divergence of any prediction that is looked at, in nats."),
        RunField("lower_budgets", \.lowerBudgets, "Smaller budgets that are tried first, for the curve."),
        RunField("reach", \.reach, in: 0...1000, "Predictions behind the token's own that must stay as well."),
        RunField("steps", \.steps, in: 1...100_000, "Steps of one attempt."),
        RunField("attempts", \.attempts, in: 1...1000, "Attempts at each budget."),
        RunField(
            "learning_rate", \.learningRate, in: 1e-6...10, "Size of a step, as a share of the activation's own size."),
        RunField("batch_size", \.batchSize, in: 1...10_000, fixed: false, "Places attacked at once."),
        RunField("max_tokens", \.maximumTokens, in: 1...100_000, "Tokens of an explanation at most."),
        RunField(
            "clean_rows", \.cleanRows, in: 100...1_000_000,
            "Clean activations that the detectors' thresholds are set on."),
        RunField("precision", \.precision, "Arithmetic: f32 or bf16."),
        RunField("threads", \.threads, fixed: false, "Threads; none for all cores."),
    ]

    public func check() throws {
        guard !pair.isEmpty else { throw TrainingError("pair: nothing is named; it has no default") }
        guard !goals.isEmpty else { throw TrainingError("goals: none is named; use drop, lie, or both") }
        guard Set(goals).count == goals.count else { throw TrainingError("goals: one is named twice") }
        if let bad = lowerBudgets.first(where: { !($0 > 0 && $0 < budget) }) {
            throw TrainingError("lower_budgets: \(bad) is not between 0 and the budget, \(budget)")
        }
        // Adam moves a coordinate by at most its rate in a step: less than a hundredth of the vector changes no word.
        guard Double(steps) * learningRate >= 0.01 else {
            throw TrainingError(
                "steps: \(steps) of a learning_rate of \(learningRate) move a vector by less than a hundredth of its size, which finds nothing; take more"
            )
        }
        guard Set([split, cleanSplit, probeSplit]).count == 3 else {
            throw TrainingError("split, clean_split and probe_split: must be three different splits")
        }
        try NamedReader.check(readers)
    }

    /// Every budget, the smallest first.
    var budgets: [Double] { Array(Set(lowerBudgets + [budget])).sorted() }
}
