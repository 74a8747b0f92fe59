import Autoencoder
import LanguageModel
import Tensors
import TinyWorld
import Training

/// Activations of a changed target with what the recipe's teacher says of them, for readers to learn what it has
/// become: facts that its texts have stated and that a probe of this target reads from the vector itself.
struct Refresh {
    private let options: RaceOptions
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
    init(_ options: RaceOptions, _ decoder: Decoder, _ target: Target, seed: UInt64) throws {
        self.options = options
        let world = TinyWorld(seed: seed &+ Random.key("refresh")), count = options.refreshDocuments
        let documents = (0..<2 * count).map {
            StoredDocument(world.document($0, split: .training), split: $0 < count ? "probe" : "refresh")
        }
        let store = try target.store(
            of: decoder, documents, perDocument: 3, seed: seed, precision: options.hiding.precision)
        let probes = try ProbeSet.train(store, rows: store.rows(ofSplit: "probe"), .forTeacher(seed: seed))
        var choices = StoreTeacher.Options()
        choices.seed = seed
        let teacher = StoreTeacher(
            store, TinyWorldGrammar(), probes: .apart(probes), shown: TinyWorld.shownQuestions, choices)
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
                pair.reconstructor, store, training: taught, heldOut: heldOut, variance, options.warmStart(seed: seed)),
            VerbalizerTrainer(
                pair.verbalizer, store, training: taught, heldOut: heldOut, judge: nil, options.warmStart(seed: seed)),
        ]
        for trainer in trainers {
            for step in 0..<options.refreshSteps {
                if interruption.signal != nil { return false }
                _ = try trainer.step(step)
            }
        }
        return true
    }
}
