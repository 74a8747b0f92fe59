import Activations
import Autoencoder
import Claims
import Foundation
import LanguageModel
import Runs
import TargetTraining

extension RunInputs {
    /// What an experiment reads.
    ///
    /// - Parameters:
    ///   - pair: a folder with `av/` and `ar/`.
    ///   - target: the pair's.
    ///   - readers: other pairs, NAME=DIR, opened before.
    ///   - data: a file of texts, or the name of a world.
    ///   - heldOut: a pair's folder.
    ///   - store: a store's folder.
    ///   - changed: what has become of the target.
    init(
        pair: String, _ target: Target, readers: [String] = [], data: String = KnownWorlds.standardName,
        heldOut: String? = nil, store: String? = nil, changed: ModelSource? = nil
    ) throws {
        func content(_ pair: URL) throws -> String {
            let folders = Pair.folders(pair)
            return try [folders.verbalizer, folders.reconstructor].map(TargetHash.compute(autoencoder:))
                .joined(separator: " ")
        }
        self.init([
            "pair": try content(ModelLocation.pair(pair)), "target": try TargetHash.compute(target.checkpoint),
            "readers": try readers.map { try content(ModelLocation.pair(NamedReader.parts($0).place)) }.joined(
                separator: " "),
            "data": LanguageDocuments.isWorld(data) ? data : try ContentHash.files(DataLocation.files(data)),
            "held_out": try heldOut.map { try content(ModelLocation.pair($0)) },
            "changed": try changed.map { try TargetHash.compute($0) },
            "store": try store.map { try StoreManifest.hash(folder: DataLocation.folder($0)) },
        ])
    }
}
