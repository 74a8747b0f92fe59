import Autoencoder
import Foundation
import LanguageModel
import Tensors
import Training

/// The pair under attack with its target.
enum AttackedPair {
    /// Opens both. Throws a one-line error for a target that is missing, or not the pair's.
    static func open(
        _ folder: String, target: String?, precision: Precision
    ) throws -> (pair: Pair, target: Target) {
        let place = URL(fileURLWithPath: folder)
        let pair = try Pair(folder: place, precision: precision)
        let own = target.map { URL(fileURLWithPath: $0) } ?? Pair.folders(place).target
        guard FileManager.default.fileExists(atPath: own.path) else {
            throw TrainingError("\(own.path): no target there; name the model that the pair reads as target")
        }
        return (pair, try pair.openTarget(own))
    }
}
