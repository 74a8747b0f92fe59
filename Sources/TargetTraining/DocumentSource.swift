import Activations
import Claims
import Foundation
import LanguageModel
import Runs
import Tensors

/// Documents by number: an endless generator, or a file.
public protocol DocumentSource: Sendable {
    /// How many there are; nil where there is no end of them.
    var count: Int? { get }
    /// Document `index`, the same at every call.
    func document(_ index: Int) -> LabelledDocument
}

/// The same documents, counted from another one: of an end, what stands before comes behind it.
package struct DocumentsFrom: DocumentSource {
    private let base: any DocumentSource
    private let first: Int

    /// Those of `base` from number `first` on.
    package init(_ first: Int, of base: any DocumentSource) {
        self.base = base
        self.first = first
    }

    package var count: Int? { base.count }
    package func document(_ index: Int) -> LabelledDocument {
        base.document(base.count.map { (first + index) % max(1, $0) } ?? first + index)
    }
}

/// One side of a world whose truths are known, without end.
package struct WorldDocuments: DocumentSource {
    private let world: any KnownWorld
    private let seed: UInt64
    private let isHeldOut: Bool
    private let kind: String?

    /// The documents of the side that models learn from, or of the held-out one; of all kinds or of one.
    package init(_ world: any KnownWorld, seed: UInt64, isHeldOut: Bool, kind: String? = nil) {
        self.world = world
        self.seed = seed
        self.isHeldOut = isHeldOut
        self.kind = kind
    }

    package var count: Int? { nil }
    package func document(_ index: Int) -> LabelledDocument {
        world.document(index, seed: seed, isHeldOut: isHeldOut, kind: kind)
    }
}

/// Documents that are in memory.
public struct DocumentList: DocumentSource {
    private let documents: [LabelledDocument]

    /// A source of these documents.
    public init(_ documents: [LabelledDocument]) { self.documents = documents }

    public var count: Int? { documents.count }
    public func document(_ index: Int) -> LabelledDocument { documents[index] }
}

extension DocumentList {
    /// Reads a JSON Lines file, each line an object with `text` and what else ``LabelledDocument`` has. Throws
    /// one-line errors with file and line.
    public init(jsonLines url: URL) throws { try self.init(jsonLines: [url]) }

    /// Reads files as one. Throws as the reading of one does.
    public init(jsonLines files: [URL]) throws {
        self.init(try DocumentLines.documents(files).filter { !$0.text.isEmpty })
        guard !documents.isEmpty else { throw TrainingError("\(files.first?.path ?? "no file"): no documents in it") }
    }

    /// Two parts without a document in common: a document's part follows from the seed and its id, so that it stays where it is
    /// when others are added.
    ///
    /// - Parameter share: the share of the second part, 0...1. Each part gets at least one document.
    public func split(share: Double, seed: UInt64) throws -> (DocumentList, DocumentList) {
        guard documents.count >= 2 else {
            throw TrainingError("one document is too few for training and a held-out part")
        }
        let draws = documents.map { document in
            var random = Random(seed: seed, Random.key(document.id))
            return random.uniform()
        }
        let lowest = draws.indices.min { draws[$0] < draws[$1] }, highest = draws.indices.max { draws[$0] < draws[$1] }
        let isHeldOut = draws.indices.map { $0 != highest && (draws[$0] < share || $0 == lowest) }
        return (
            DocumentList(zip(documents, isHeldOut).filter { !$1 }.map(\.0)),
            DocumentList(zip(documents, isHeldOut).filter { $1 }.map(\.0))
        )
    }
}

/// What a language model is trained on, and what it is measured on.
package enum LanguageDocuments {
    /// Whether a name among files is that of a world, whose texts have no end.
    package static func isWorld(_ data: String) -> Bool { KnownWorlds.names.contains(data) }

    /// Opens them. Throws one-line errors with file and line.
    ///
    /// - Parameters:
    ///   - data: a world's name, or a JSON Lines file.
    ///   - heldOut: a JSON Lines file; nil takes the held-out side of the world, or a fiftieth of the file.
    ///   - seed: of the world, or of the split.
    package static func open(
        _ data: String, heldOut: String?, seed: UInt64
    ) throws -> (training: any DocumentSource, heldOut: any DocumentSource) {
        let named = try heldOut.map { try DocumentList(jsonLines: DataLocation.files($0)) }
        if let world = try world(data) {
            return (
                WorldDocuments(world, seed: seed, isHeldOut: false),
                named ?? WorldDocuments(world, seed: seed, isHeldOut: true)
            )
        }
        let all = try DocumentList(jsonLines: DataLocation.files(data))
        if let named { return (all, named) }
        return try all.split(share: 0.02, seed: seed)
    }

    /// The world of a name; nil for the name of a file. Throws a ``TrainingError`` for a world that is not plugged in.
    package static func world(_ data: String) throws -> (any KnownWorld)? {
        guard isWorld(data) else { return nil }
        guard let world = KnownWorlds.named(data) else {
            throw TrainingError("data: no world \(data) is plugged in here; register it, or name a JSON Lines file")
        }
        return world
    }
}
