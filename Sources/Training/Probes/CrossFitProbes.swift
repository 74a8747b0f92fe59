import Foundation
import LanguageModel
import Tensors

/// Two probe sets, each fitted to one half of the documents: what they say of a document always comes from the one that has
/// not met it. A teacher that filters with probes needs this (METHOD.md §8).
public struct CrossFitProbes: Sendable {
    /// The probes fitted to half 0 and to half 1.
    public let halves: [ProbeSet]

    /// The half, 0 or 1, that a document belongs to: a property of its id.
    public static func half(of documentID: String) -> Int {
        var random = Random(seed: Random.key("half"), Random.key(documentID))
        return random.uniform() < 0.5 ? 0 : 1
    }

    /// Fits both halves of some rows; see ``ProbeSet/train(_:rows:_:progress:)``.
    public static func train(
        _ store: ActivationStore, rows: [Int], _ options: ProbeOptions = ProbeOptions(),
        progress: (_ half: Int, ProbeSet.Progress) -> Void = { _, _ in }
    ) throws -> CrossFitProbes {
        CrossFitProbes(
            halves: try (0..<2).map { half in
                let own = rows.filter { Self.half(of: store.document(of: $0).id) == half }
                return try ProbeSet.train(store, rows: own, options) { progress(half, $0) }
            })
    }

    /// The probes that were not fitted to a document.
    public func probes(for documentID: String) -> ProbeSet { halves[1 - Self.half(of: documentID)] }

    /// Writes `half-0` and `half-1` into a folder that must not exist, or be empty.
    public func save(to folder: URL) throws {
        try ProbeSet.checkWritable(folder)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for (half, probes) in halves.enumerated() { try probes.save(to: folder.appendingPathComponent("half-\(half)")) }
    }

    /// Reads what ``save(to:)`` wrote. Throws a `ModelError` or a `TensorFileError`.
    public init(folder: URL) throws {
        halves = try (0..<2).map { try ProbeSet(folder: folder.appendingPathComponent("half-\($0)")) }
    }

    private init(halves: [ProbeSet]) { self.halves = halves }
}
