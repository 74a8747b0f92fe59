import Autoencoder
import Foundation
import LanguageModel
import Runs
import Tensors

/// A pair that was not attacked and reads the same activations.
struct NamedReader {
    let name: String
    let pair: Pair

    /// Opens NAME=DIR for activations of `attacked`'s target. Throws a one-line error.
    init(_ text: String, like attacked: Pair, precision: Precision) throws {
        let (name, place) = try NamedReader.parts(text)
        self.name = name
        pair = try NamedReader.open(ModelLocation.pair(place), like: attacked, precision: precision)
    }

    /// Opens a pair for activations of `attacked`'s target. Throws a one-line error.
    static func open(_ folder: URL, like attacked: Pair, precision: Precision) throws -> Pair {
        let pair = try Pair(folder: folder, precision: precision)
        let mine = pair.verbalizer.sidecar, theirs = attacked.verbalizer.sidecar
        guard mine.width == theirs.width, mine.layer == theirs.layer,
            pair.targetHash == nil || attacked.targetHash == nil || pair.targetHash == attacked.targetHash
        else {
            throw TrainingError(
                "\(folder.path): reads other activations than the attacked pair (another target, layer or width); name a pair of the same target"
            )
        }
        return pair
    }

    /// Throws a one-line error for what is no NAME=DIR, and for a name that stands there twice.
    static func check(_ readers: [String]) throws {
        var names: Set<String> = []
        for reader in readers {
            let name = try parts(reader).name
            guard names.insert(name).inserted else {
                throw TrainingError("readers: two are called \(name); give each its own name")
            }
        }
    }

    /// The names of readers, checked before.
    static func names(_ readers: [String]) -> [String] { readers.compactMap { try? parts($0).name } }

    /// Name and place: a folder, or a name on the hub. Throws a one-line error.
    static func parts(_ text: String) throws -> (name: String, place: String) {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
            throw TrainingError("readers: «\(text.prefix(60))» is not NAME=DIR")
        }
        return (parts[0], parts[1])
    }
}
