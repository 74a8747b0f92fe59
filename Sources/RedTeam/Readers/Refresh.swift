import Activations
import Autoencoder
import Evaluation
import LanguageModel
import Runs
import TargetTraining
import Teaching
import Tensors
import WarmStart

/// How a pair learns what a target has become.
public struct RefreshOptions: Sendable {
    /// Texts of the whole world whose activations readers learn, and as many that the teacher's probes are fitted to.
    public var documents = 2500
    /// Steps that reconstructor and verbalizer each learn; none refreshes nothing.
    public var steps = 150
    /// Activations of such a step.
    public var rows = 64
    /// The highest learning rate of such a step.
    public var learningRate: Float = 3e-4

    /// The defaults.
    public init() {}

    /// How a reader is trained on.
    func warmStart<Stage: WarmStartStage>(seed: UInt64, _ precision: Precision) -> WarmStartOptions<Stage> {
        var options = WarmStartOptions<Stage>()
        options.seed = seed
        options.steps = steps
        options.rowsPerStep = rows
        options.learningRate = learningRate
        options.warmUpSteps = max(1, steps / 10)
        options.precision = precision
        return options
    }
}

/// Activations of a changed target with what the recipe's teacher says of them, for readers to learn what it has
/// become: facts that its texts have stated and that a probe of this target reads from the vector itself.
struct Refresh {
    private let options: RefreshOptions
    private let precision: Precision
    private let store: ActivationStore
    /// Rows with their explanations: to learn from, and a tenth that nothing learns from.
    let taught: TaughtRows
    private let heldOut: TaughtRows
    /// How much the activations vary: the denominator that the readers' sidecars record.
    let variance: RawVariance

    /// Reads texts, fits the teacher's probes, and lets it write.
    ///
    /// - Parameters:
    ///   - decoder: the changed target.
    ///   - target: the one it is a copy of.
    /// - Throws: a one-line error if the teacher finds nothing to say.
    init(
        _ options: RefreshOptions, _ decoder: TransformerDecoder, _ target: Target, _ world: LabelledTexts,
        seed: UInt64,
        precision: Precision
    ) throws {
        self.options = options
        self.precision = precision
        let source = world.documents(.refreshing, seed: seed)
        let count = min(options.documents, (source.count ?? .max) / 2)
        let documents = (0..<2 * count).map {
            StoredDocument(source.document($0), split: $0 < count ? "probe" : "refresh")
        }
        let store = try target.store(of: decoder, documents, perDocument: 3, seed: seed, precision: precision)
        let probes = try ProbeSet.train(store, rows: store.rows(ofSplit: "probe"), .forTeacher(seed: seed))
        var choices = StoreTeacher.Options()
        choices.seed = seed
        let teacher = StoreTeacher(
            store, world.grammar, probes: .apart(probes), shown: world.shown ?? store.shownQuestions(), choices)
        var rows: [Int] = [], explanations: [String] = []
        _ = try teacher.explain(store.rows(ofSplit: "refresh")) { row, explanation in
            rows.append(row)
            explanations.append(explanation)
        }
        // Rows follow the documents, so that the two parts share one at most.
        let kept = rows.count - rows.count / 10
        guard kept < rows.count else {
            throw TrainingError(
                "refresh_documents: the teacher's probes read hardly anything to say of \(count) texts; take more")
        }
        self.store = store
        taught = TaughtRows(rows: Array(rows[..<kept]), explanations: Array(explanations[..<kept]))
        heldOut = TaughtRows(rows: Array(rows[kept...]), explanations: Array(explanations[kept...]))
        variance = try store.rawVariance(ofSplit: "refresh")
    }

    /// Variance of held-out activations that a reconstructor explains from what the teacher says of them.
    func varianceExplained(_ reconstructor: Reconstructor) throws -> Double {
        let scores = try ExplanationJudge(reconstructor, variance).scores(
            heldOut.explanations, store, rows: heldOut.rows)
        return scores.value(.written) ?? 0
    }

    /// Trains a pair on from where it is, the reconstructor first, as a warm start does.
    ///
    /// - Returns: whether it came to its end.
    func teach(_ pair: Pair, seed: UInt64, _ interruption: Interruption) throws -> Bool {
        let trainers: [any Trainer] = [
            ReconstructorTrainer(
                pair.reconstructor, store, training: taught, heldOut: heldOut, variance,
                options.warmStart(seed: seed, precision)),
            VerbalizerTrainer(
                pair.verbalizer, store, training: taught, heldOut: heldOut, judge: nil,
                options.warmStart(seed: seed, precision)),
        ]
        for trainer in trainers {
            for step in 0..<options.steps {
                if interruption.signal != nil { return false }
                _ = try trainer.step(step)
            }
        }
        return true
    }
}
