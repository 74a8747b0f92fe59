import Foundation
import JSON

/// Writes a Parquet file, row group by row group.
///
///     let schema = [ParquetField("id", .string), ParquetField("activation_vector", .floats(length: 3584))]
///     try ParquetWriter.write(to: url, schema) { writer in
///         try writer.append([ids, vectors])       // columns of equally many rows, as often as wanted
///     }
///
/// The file is written aside and gets its name when it is whole; on an error nothing is left behind.
public final class ParquetWriter {
    /// How to write.
    public struct Options: Sendable {
        /// Pages are compressed with Zstandard, Snappy or not at all; the others are only read.
        public var compression = ParquetCompression.zstd
        /// Zstandard's level.
        public var level = 3
        /// Whether texts that repeat are stored once.
        public var dictionary = true
        /// Whether the number of missing values and the range of integers are noted for each row group.
        public var statistics = true
        /// Rows of a row group at most.
        public var rowsPerGroup = 1 << 20
        /// Bytes of a row group, about: what is held in memory.
        public var bytesPerGroup = 64 << 20
        /// Bytes of a page before compression, about.
        public var pageBytes = 1 << 20

        /// The usual ones.
        public init() {}
    }

    private struct Group {
        let chunks: [(chunk: LeafWriter.Chunk, offset: Int, size: Int, dictionarySize: Int)]
        let rowCount: Int
    }

    private let path: String
    private let descriptor: Int32
    private let schema: [ParquetField]
    private let options: Options
    private let nodes: [WriterNode]
    private let leaves: [LeafWriter]
    private let paths: [[String]]
    private var groups: [Group] = []
    private var rowsInGroup = 0
    private var offset = 0

    /// Writes a file.
    ///
    /// - Parameters:
    ///   - schema: the columns.
    ///   - notes: what to note beside the data, by key.
    ///   - body: appends rows.
    /// - Throws: a ``ParquetError`` where the file cannot be written, or what `body` throws.
    public static func write(
        to url: URL, _ schema: [ParquetField], _ options: Options = Options(), notes: [String: String] = [:],
        _ body: (ParquetWriter) throws -> Void
    ) throws {
        do {
            try Disk.write(to: url) { descriptor in
                let writer = try ParquetWriter(url.path, descriptor, schema, options)
                try writer.put(Array("PAR1".utf8))
                try body(writer)
                try writer.finish(notes)
            }
        } catch let failure as Disk.Failure {
            throw ParquetError(url.path, failure.description.replacing("\(url.path): ", with: ""))
        }
    }

    private init(_ path: String, _ descriptor: Int32, _ schema: [ParquetField], _ options: Options) throws {
        precondition(
            [.none, .snappy, .zstd].contains(options.compression), "\(options.compression) is read and not written")
        precondition(options.rowsPerGroup > 0 && options.bytesPerGroup > 0 && options.pageBytes > 0, "empty pages")
        self.path = path
        self.descriptor = descriptor
        self.schema = schema
        self.options = options
        let found = schema.flatMap { $0.leafLevels() }
        leaves = found.map { LeafWriter($0, options) }
        paths = found.map(\.path)
        var first = 0
        nodes = schema.map { WriterNode($0, definition: 0, repetition: 0, &first) }
    }

    /// Adds rows: a column for each field of the schema, all of one length. A programmer's mistake with types traps.
    public func append(_ columns: [ParquetColumn]) throws {
        precondition(columns.map(\.field) == schema, "columns other than the schema's")
        let count = columns.first?.count ?? 0
        precondition(columns.allSatisfy { $0.count == count }, "columns of different lengths")
        var row = 0
        while row < count {
            let end = min(count, row + 64, row + options.rowsPerGroup - rowsInGroup)
            for (node, column) in zip(nodes, columns) {
                for row in row..<end {
                    node.write(column, row, repetition: 0, leaves)
                    for leaf in node.leaves { leaves[leaf].endPageIfFull() }
                }
            }
            rowsInGroup += end - row
            row = end
            if rowsInGroup >= options.rowsPerGroup || leaves.reduce(0, { $0 + $1.size }) >= options.bytesPerGroup {
                try endGroup()
            }
        }
    }

    private func put(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try Disk.write($0, descriptor, path) }
        offset += bytes.count
    }

    /// Writes the row group at hand.
    private func endGroup() throws {
        guard rowsInGroup > 0 else { return }
        var chunks: [(chunk: LeafWriter.Chunk, offset: Int, size: Int, dictionarySize: Int)] = []
        for leaf in leaves {
            var chunk = leaf.finish()
            let start = offset, dictionarySize = chunk.dictionary.count
            try put(chunk.dictionary)
            try put(chunk.pages)
            (chunk.dictionary, chunk.pages) = ([], [])
            chunks.append((chunk, start, offset - start, dictionarySize))
        }
        groups.append(Group(chunks: chunks, rowCount: rowsInGroup))
        rowsInGroup = 0
    }

    // MARK: The footer

    private func finish(_ notes: [String: String]) throws {
        try endGroup()
        var notes = notes.sorted { $0.key < $1.key }
        notes.append(("ARROW:schema", ArrowSchema.note(schema)))
        let footer = ThriftWriter.structure { footer in
            footer.int32(1, 2)
            footer.structures(2, schemaElements()) { $1.write(&$0) }
            footer.int64(3, groups.reduce(0) { $0 + $1.rowCount })
            footer.structures(4, groups) { write($1, &$0) }
            footer.structures(5, notes) {
                $0.text(1, $1.key)
                $0.text(2, $1.value)
            }
            footer.text(6, "interlinear")
            // Statistics are in the order of the types.
            footer.structures(7, leaves) { writer, _ in writer.structure(1) { _ in } }
        }
        try put(footer)
        try put((0..<4).map { UInt8(truncatingIfNeeded: footer.count >> (8 * $0)) })
        try put(Array("PAR1".utf8))
    }

    private func write(_ group: Group, _ writer: inout ThriftWriter) {
        writer.structures(1, Array(group.chunks.enumerated())) { writer, item in
            let (index, (chunk, start, size, dictionarySize)) = item
            writer.int64(2, 0)
            writer.structure(3) { writer in
                writer.int32(1, leaves[index].leaf.storage.rawValue)
                writer.integers(2, chunk.encodings.sorted())
                writer.texts(3, paths[index])
                writer.int32(4, options.compression.rawValue)
                writer.int64(5, chunk.valueCount)
                writer.int64(6, chunk.expandedSize)
                writer.int64(7, size)
                writer.int64(9, start + dictionarySize)
                if dictionarySize > 0 { writer.int64(11, start) }
                if options.statistics { writer.structure(12) { statistics(chunk, index, &$0) } }
            }
        }
        writer.int64(2, group.chunks.reduce(0) { $0 + $1.chunk.expandedSize })
        writer.int64(3, group.rowCount)
    }

    private func statistics(_ chunk: LeafWriter.Chunk, _ index: Int, _ writer: inout ThriftWriter) {
        writer.int64(3, chunk.missingCount)
        guard let range = chunk.range else { return }
        let width = leaves[index].leaf.storage == .int32 ? 4 : 8
        func bytes(_ value: Int) -> [UInt8] { (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
        writer.binary(5, bytes(range.upperBound))
        writer.binary(6, bytes(range.lowerBound))
    }

    private func schemaElements() -> [WrittenElement] {
        var root = WrittenElement(name: "schema")
        root.childCount = schema.count
        return [root] + schema.flatMap(WrittenElement.elements)
    }
}

/// A line of the schema in the footer.
private struct WrittenElement {
    let name: String
    var storage: Int?
    /// 0 required, 1 optional, 2 repeated; nil for the root.
    var repetition: Int?
    var childCount = 0
    /// The older annotation, and the number of the newer one.
    var converted: Int?
    var logical: Int?

    static func elements(_ field: ParquetField) -> [WrittenElement] {
        var own = WrittenElement(name: field.name)
        own.repetition = field.isOptional ? 1 : 0
        var repeated = WrittenElement(name: "list")
        repeated.repetition = 2
        switch field.type {
        case .leaf(let leaf):
            own.storage = leaf.storage.rawValue
            if leaf.meaning == .string { (own.converted, own.logical) = (0, 1) }
            return [own]
        case .group(let fields):
            own.childCount = fields.count
            return [own] + fields.flatMap(elements)
        case .list(let element, _):
            own.childCount = 1
            (own.converted, own.logical) = (3, 3)
            repeated.childCount = 1
            return [own, repeated] + elements(element)
        case .map: preconditionFailure("maps are read and not written")
        }
    }

    func write(_ writer: inout ThriftWriter) {
        if let storage { writer.int32(1, storage) }
        if let repetition { writer.int32(3, repetition) }
        writer.text(4, name)
        if childCount > 0 { writer.int32(5, childCount) }
        if let converted { writer.int32(6, converted) }
        if let logical { writer.structure(10) { $0.structure(logical) { _ in } } }
    }
}

/// A field with its levels and leaves, for taking columns apart.
private final class WriterNode {
    let leaves: Range<Int>
    /// The definition level at which the field is there, and the repetition level of the innermost list above.
    private let definition: Int, repetition: Int
    private var children: [WriterNode] = []

    init(_ field: ParquetField, definition: Int, repetition: Int, _ next: inout Int) {
        self.definition = definition + (field.isOptional ? 1 : 0)
        self.repetition = repetition
        let first = next
        switch field.type {
        case .leaf: next += 1
        case .group(let fields):
            for field in fields {
                children.append(WriterNode(field, definition: self.definition, repetition: repetition, &next))
            }
        case .list(let element, _):
            children = [
                WriterNode(element, definition: self.definition + 1, repetition: repetition + 1, &next)
            ]
        case .map: preconditionFailure("maps are read and not written")
        }
        leaves = first..<next
    }

    /// Writes a value, the first entry of which has the level `repetition`.
    func write(_ column: ParquetColumn, _ index: Int, repetition first: UInt8, _ writers: [LeafWriter]) {
        func missing(_ definition: Int) {
            for leaf in leaves { writers[leaf].addMissing(repetition: first, definition: definition) }
        }
        guard column.isPresent(index) else { return missing(definition - 1) }
        switch column.content {
        case .lists(let offsets, let elements):
            let range = offsets[index]..<offsets[index + 1], child = children[0]
            if range.isEmpty {
                missing(definition)
            } else if child.children.isEmpty, elements.validity == nil {
                writers[child.leaves.lowerBound].add(elements.content, range, repetition: first)
            } else {
                for element in range {
                    let level = element == range.lowerBound ? first : UInt8(repetition + 1)
                    child.write(elements, element, repetition: level, writers)
                }
            }
        case .groups(let columns):
            for (child, column) in zip(children, columns) { child.write(column, index, repetition: first, writers) }
        case let content: writers[leaves.lowerBound].add(content, index..<index + 1, repetition: first)
        }
    }
}
