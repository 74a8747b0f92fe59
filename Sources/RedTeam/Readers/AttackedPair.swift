import Autoencoder
import Foundation
import LanguageModel
import Runs
import Tensors

/// The pair under attack with its target.
enum AttackedPair {
    /// Opens both. Throws a one-line error for a target that is missing, or not the pair's.
    static func open(
        _ folder: String, target: String?, precision: Precision
    ) throws -> (pair: Pair, target: Target) {
        let place = try ModelLocation.pair(folder)
        let pair = try Pair(folder: place, precision: precision)
        let own = try target.map { try ModelLocation.resolve($0) } ?? Pair.folders(place).target
        guard FileManager.default.fileExists(atPath: own.path) else {
            throw TrainingError("\(own.path): no target there; name the model that the pair reads as target")
        }
        return (pair, try pair.openTarget(own))
    }

    /// Opens a target that somebody has changed. Its hash may be another than the pair says, its shape may not. Throws a one-line error.
    static func openChanged(_ folder: String, like target: Target) throws -> ModelSource {
        let changed = try ModelSource(folder: ModelLocation.resolve(folder))
        let own = changed.checkpoint.configuration, wanted = target.checkpoint.configuration
        guard own.hiddenSize == wanted.hiddenSize, own.blockCount == wanted.blockCount,
            own.vocabularySize == wanted.vocabularySize
        else {
            throw TrainingError(
                "changed: \(folder): is no changed copy of the pair's target: width \(own.hiddenSize), \(own.blockCount) blocks and \(own.vocabularySize) tokens against \(wanted.hiddenSize), \(wanted.blockCount) and \(wanted.vocabularySize)"
            )
        }
        guard try TargetHash.compute(changed) != TargetHash.compute(target.checkpoint) else {
            throw TrainingError("changed: \(folder): is the pair's target itself; name what has become of it")
        }
        return changed
    }
}
