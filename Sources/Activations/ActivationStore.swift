import Claims
import Foundation
import LanguageModel
import Tensors

/// Activations on disk with the documents they come from: raw vectors, mapped, with document, position and text so far.
///
///     let store = try ActivationStore(folder: url)
///     let rows = store.rows(.init(splits: ["av"]))
///     let batch = store.vectors(Array(rows.prefix(64)))  // [64, d] float32
///
/// Rows are numbered through the shards; documents likewise. A store that is open sees no shards added after.
public struct ActivationStore: Sendable {
    /// Where it lies.
    public let folder: URL
    /// What it holds.
    public let manifest: StoreManifest
    /// The documents, those without rows included.
    public let documents: StoredDocuments
    /// Each row's place, compactly.
    private let documentOfRow: [Int32]
    private let positions: [Int32]
    private let byteEnds: [Int32]
    private let moments: [Int32]
    private let vectors: [Tensor]
    /// First row of each shard, and the number of rows.
    private let shardStarts: [Int]

    /// Opens a store and checks that its files are as they were written.
    ///
    /// - Parameters:
    ///   - target: the hash of the model that the activations must be of; nil for any.
    ///   - verifying: whether to read and hash every byte, about a second per gigabyte, or to believe files of the right length.
    /// - Throws: a `ModelError` that names the file that is missing, damaged or of another kind than the manifest says.
    public init(folder: URL, target: String? = nil, verifying: Bool = true) throws {
        self.folder = folder
        manifest = try StoreManifest(folder: folder)
        try manifest.settings.checkSidecar(in: folder)
        if let target, target != manifest.settings.targetHash {
            throw ModelError(
                "\(folder.path): activations of the model \(manifest.settings.targetHash.prefix(12))…, not of \(target.prefix(12))…; build a store with this model"
            )
        }
        var documents = StoredDocuments()
        var places: (documents: [Int32], positions: [Int32], ends: [Int32], moments: [Int32]) = ([], [], [], [])
        var vectors: [Tensor] = []
        var starts = [0]
        for shard in manifest.shards {
            try manifest.check(shard.tensors, in: folder, contents: verifying)
            try manifest.check(shard.lines, in: folder, contents: verifying)
            let first = documents.count
            let found = try documents.add(shard.lines, in: folder)
            let columns = try ShardColumns(
                shard, manifest.settings, documents: documents, first..<first + found, in: folder)
            places.documents += columns.documents.map { Int32(first + $0) }
            places.positions += columns.positions.map(Int32.init)
            places.ends += columns.byteEnds.map(Int32.init)
            places.moments += columns.moments.map(Int32.init)
            vectors.append(columns.activations)
            starts.append(starts[starts.count - 1] + shard.rows)
        }
        documents.finish()
        self.documents = documents
        self.vectors = vectors
        (documentOfRow, positions, byteEnds, moments) = places
        shardStarts = starts
    }

    /// Vectors in the store.
    public var rowCount: Int { documentOfRow.count }
    /// Width of a vector.
    public var hiddenSize: Int { manifest.settings.hiddenSize }
    /// The splits that documents belong to.
    public var splits: [String] { documents.splits }

    /// A row's place.
    public func row(_ index: Int) -> StoredRow {
        StoredRow(
            document: Int(documentOfRow[index]), position: Int(positions[index]), byteEnd: Int(byteEnds[index]),
            moment: moments[index] < 0 ? nil : Int(moments[index]))
    }

    /// The document that a row comes from.
    public func document(of row: Int) -> LabelledDocument { documents[Int(documentOfRow[row])].document }

    /// The split that a row belongs to.
    public func split(of row: Int) -> String { documents.split(of: Int(documentOfRow[row])) }

    /// The moment that a row stands at, or nil.
    public func moment(of row: Int) -> LabelledDocument.Moment? {
        moments[row] < 0 ? nil : document(of: row).moments[Int(moments[row])]
    }

    /// The text up to a row's token, that token included.
    public func textSoFar(_ row: Int) -> String {
        String(decoding: document(of: row).text.utf8.prefix(Int(byteEnds[row])), as: UTF8.self)
    }

    /// Some rows' vectors as they were read, [rows, d] float32.
    public func vectors(_ rows: [Int]) -> Tensor {
        Tensor.gatheringRows(rows.map(place), of: vectors, width: hiddenSize)
    }

    /// The shard of a row, and the row in it.
    private func place(_ row: Int) -> (tensor: Int, row: Int) {
        require(row >= 0 && row < rowCount, "row \(row) of \(rowCount)")
        var low = 0, high = vectors.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if shardStarts[middle] <= row { low = middle } else { high = middle }
        }
        return (low, row - shardStarts[low])
    }
}

// MARK: - Choosing rows

/// Which rows are wanted.
public struct RowFilter: Sendable {
    /// Where a row may stand.
    public enum Positions: Sendable {
        case any, random, moment
    }

    /// The splits; nil for all.
    public var splits: Set<String>?
    /// The kinds of document; nil for all.
    public var kinds: Set<String>?
    /// Random positions, moments, or both.
    public var place: Positions
    /// The kinds of moment, for rows that stand at one; nil for all.
    public var momentKinds: Set<String>?

    /// A filter; without arguments it lets everything through.
    public init(
        splits: Set<String>? = nil, kinds: Set<String>? = nil, place: Positions = .any, momentKinds: Set<String>? = nil
    ) {
        self.splits = splits
        self.kinds = kinds
        self.place = place
        self.momentKinds = momentKinds
    }
}

extension ActivationStore {
    /// The indices of the rows that a filter lets through, increasing.
    public func rows(_ filter: RowFilter = RowFilter()) -> [Int] {
        let isWanted = documents.indices.map { document in
            (filter.splits?.contains(documents.split(of: document)) ?? true)
                && (filter.kinds?.contains(documents.kind(of: document)) ?? true)
        }
        return (0..<rowCount).filter { row in
            let document = Int(documentOfRow[row])
            guard isWanted[document] else { return false }
            guard moments[row] >= 0 else { return filter.place != .moment }
            return filter.place != .random
                && (filter.momentKinds?.contains(documents.momentKind(of: document, Int(moments[row]))) ?? true)
        }
    }

    /// The rows of a split. Throws a `ModelError` that names the splits there are if it has none.
    public func rows(ofSplit split: String) throws -> [Int] {
        let rows = rows(RowFilter(splits: [split]))
        guard !rows.isEmpty else {
            throw ModelError(
                "\(folder.path): no rows of the split \(split); it has \(splits.isEmpty ? "none" : splits.joined(separator: ", "))"
            )
        }
        return rows
    }
}

// MARK: - Reading shards

/// One shard's tensors, checked.
private struct ShardColumns {
    let activations: Tensor
    let documents: [Int]
    let positions: [Int]
    let byteEnds: [Int]
    let moments: [Int]

    init(
        _ shard: StoreManifest.Shard, _ settings: StoreSettings, documents stored: StoredDocuments, _ own: Range<Int>,
        in folder: URL
    ) throws {
        let url = folder.appendingPathComponent(shard.tensors.name)
        func fail(_ reason: String) -> ModelError { ModelError("\(url.path): \(reason); build the store again") }
        let file = try SafetensorsFile(url)
        activations = try file.requiredTensor("activations")
        guard activations.shape.count == 2, activations.rows == shard.rows else {
            throw fail("activations of shape \(activations.shape), \(StoreManifest.fileName) says \(shard.rows) rows")
        }
        guard activations.width == settings.hiddenSize else {
            throw fail("vectors of \(activations.width), \(StoreManifest.fileName) says \(settings.hiddenSize)")
        }
        guard activations.elementType == settings.elementType else {
            throw fail(
                "\(activations.elementType.rawValue), \(StoreManifest.fileName) says \(settings.elementType.rawValue)")
        }
        guard own.count == shard.documents else {
            throw fail(
                "\(shard.lines.name) has \(own.count) documents, \(StoreManifest.fileName) says \(shard.documents)")
        }
        func column(_ name: String) throws -> [Int] {
            let tensor = try file.requiredTensor(name)
            guard !tensor.elementType.isFloatingPoint, tensor.shape == [shard.rows] else {
                throw fail("\(name) is \(tensor.elementType.rawValue) \(tensor.shape), not \(shard.rows) integers")
            }
            return tensor.integers()
        }
        documents = try column("document")
        positions = try column("position")
        byteEnds = try column("byte_end")
        moments = try column("moment")
        guard documents.allSatisfy({ (0..<own.count).contains($0) }) else {
            throw fail("a row of a document that is not there")
        }
        for row in documents.indices {
            let document = own.lowerBound + documents[row]
            guard (0...stored.textLength(of: document)).contains(byteEnds[row]),
                (0...Int(Int32.max)).contains(positions[row]),
                moments[row] == -1 || (0..<stored.momentCount(of: document)).contains(moments[row])
            else { throw fail("row \(row) stands outside document \(stored[document].document.id)") }
        }
    }
}
