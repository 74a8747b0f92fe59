import Activations
import Autoencoder
import Claims
import Foundation
import LanguageModel
import Runs
import Tensors

/// Texts to verify a pair on, where no store is at hand: those of the world that its target was trained on, in combinations that
/// training never shows.
public enum VerificationTexts {
    /// Throws a one-line error if the pair's target was not trained on a world that is plugged in.
    package static func check(_ pair: Pair, instead advice: String = "use a pair of such a target") throws {
        _ = try world(of: pair, instead: advice)
    }

    private static func world(of pair: Pair, instead advice: String) throws -> any KnownWorld {
        let worlds = KnownWorlds.all, name = pair.verbalizer.sidecar.target?.name
        guard let name, let world = worlds.first(where: { name.hasPrefix($0.targetName) }) else {
            let known = worlds.isEmpty ? "a known world" : worlds.map(\.title).joined(separator: " or ")
            throw TrainingError(
                "\(pair.verbalizer.checkpoint.folder.path): its target was not trained on \(known), so there are no texts for it; \(advice)"
            )
        }
        return world
    }

    /// Reads activations of new texts into a store in `folder`, with the splits `held-out`, `validation`, and `probe`.
    ///
    /// - Parameters:
    ///   - documents: of the split to verify on, and of that for fitting; probes get four times as many.
    /// - Throws: a one-line error if the pair's target was not trained on a world that is plugged in.
    public static func store(
        for pair: Pair, _ target: Target, documents: Int, seed: UInt64, precision: Precision?, in folder: URL
    ) throws -> ActivationStore {
        let world = try world(of: pair, instead: "give a store of activations with --store")
        let builder = try ActivationStoreBuilder(
            target.source, layer: target.layer,
            positions: PositionPolicy(perDocument: 2, includeMoments: true, firstPosition: 4), seed: seed,
            .init(precision: try precision ?? target.checkpoint.naturalPrecision()))
        // Texts of their own: another seed writes others.
        let worldSeed = Random.key("verification") ^ seed
        let splits = [("held-out", documents), ("validation", documents), ("probe", 4 * documents)]
        var next = 0
        let texts = splits.flatMap { split, count in
            (0..<count).map { _ in
                next += 1
                return StoredDocument(
                    world.document(next, seed: worldSeed, isHeldOut: true, kind: nil), split: split)
            }
        }
        try builder.build(texts, into: folder)
        return try ActivationStore(folder: folder)
    }
}
