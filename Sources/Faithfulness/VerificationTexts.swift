import Autoencoder
import Foundation
import LanguageModel
import Tensors
import TinyWorld
import Training

/// Texts to verify a pair on, where no store is at hand: the tiny world's, in combinations that training never shows.
public enum VerificationTexts {
    /// What the name of a target begins with that was trained on the tiny world.
    private static let worldName = "TinyWorld"

    /// Throws a one-line error if the pair's target is not one of the tiny world.
    package static func check(_ pair: Pair, instead advice: String = "use a pair of such a target") throws {
        guard pair.verbalizer.sidecar.target?.name?.hasPrefix(worldName) ?? false else {
            throw TrainingError(
                "\(pair.verbalizer.checkpoint.folder.path): its target was not trained on the tiny world, so there are no texts for it; \(advice)"
            )
        }
    }

    /// Reads activations of new texts into a store in `folder`, with the splits `held-out`, `validation`, and `probe`.
    ///
    /// - Parameters:
    ///   - documents: of the split to verify on, and of that for fitting; probes get four times as many.
    /// - Throws: a one-line error if the pair's target is not one of the tiny world.
    public static func store(
        for pair: Pair, _ target: Target, documents: Int, seed: UInt64, precision: Precision?, in folder: URL
    ) throws -> ActivationStore {
        try check(pair, instead: "give a store of activations with --store")
        let builder = try ActivationStoreBuilder(
            model: target.checkpoint.folder, layer: target.layer,
            positions: PositionPolicy(perDocument: 2, includeMoments: true, firstPosition: 4), seed: seed,
            .init(precision: try precision ?? target.checkpoint.naturalPrecision()))
        // A world of its own: another seed writes other texts.
        let world = TinyWorld(seed: Random.key("verification") ^ seed)
        let splits = [("held-out", documents), ("validation", documents), ("probe", 4 * documents)]
        var next = 0
        let texts = splits.flatMap { split, count in
            (0..<count).map { _ in
                next += 1
                return StoredDocument(world.document(next, split: .heldOut), split: split)
            }
        }
        try builder.build(texts, into: folder)
        return try ActivationStore(folder: folder)
    }
}
