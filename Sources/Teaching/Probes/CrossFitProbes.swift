import Activations
import Claims
import Foundation
import Tensors

/// Two probe sets, each fitted to one half of the documents: what they say of a document always comes from the one that has
/// not met it. A teacher that filters with probes needs this (docs/method.md §8).
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
        progress: (_ half: Int, ProbeSet.Progress) throws -> Void = { _, _ in }
    ) throws -> CrossFitProbes {
        CrossFitProbes(
            halves: try (0..<2).map { half in
                let own = rows.filter { Self.half(of: store.document(of: $0).id) == half }
                return try ProbeSet.train(store, rows: own, options) { try progress(half, $0) }
            })
    }

    /// The probes that were not fitted to a document.
    public func probes(for documentID: String) -> ProbeSet { halves[1 - Self.half(of: documentID)] }

    static func folder(of half: Int, in folder: URL) -> URL { folder.appendingPathComponent("half-\(half)") }

    /// Writes a folder with `half-0` and `half-1`, which appears under its name only when it is complete. It must not exist, or be
    /// empty.
    public func save(to folder: URL) throws {
        try ProbeSet.checkWritable(folder)
        try AtomicFolder.write(to: folder) { partial in
            for (half, probes) in halves.enumerated() { try probes.save(to: Self.folder(of: half, in: partial)) }
        }
    }

    /// Reads what ``save(to:)`` wrote. Throws a `ModelError`, also if they read another model, layer or width than a store has, or
    /// a `TensorFileError`.
    public init(folder: URL, matching store: ActivationStore) throws {
        halves = try (0..<2).map { try ProbeSet(folder: Self.folder(of: $0, in: folder), matching: store) }
    }

    private init(halves: [ProbeSet]) { self.halves = halves }
}
