import JSON

/// Reads rows batch by batch. A batch lies in one row group.
public struct ParquetRows {
    private let file: ParquetFile
    /// The columns asked for: places in the schema.
    private let places: [Int]
    private let rowsPerBatch: Int
    private var group = -1
    private var leftInGroup = 0
    private var firstRow = 0
    private var batchRows = 0
    /// The leaves of each column, in the row group at hand.
    private var readers: [[LeafReader]] = []

    /// Bytes that a batch has, as they stand in pages.
    private static let usualBytes = 16 << 20

    init(_ file: ParquetFile, _ places: [Int], _ rowsPerBatch: Int) {
        self.file = file
        self.places = places
        self.rowsPerBatch = min(rowsPerBatch, 1 << 20)
    }

    /// The next rows, or nil behind the last. Throws a ``ParquetError`` that names the column.
    public mutating func next() throws -> ParquetBatch? {
        guard !places.isEmpty else { return nil }
        while leftInGroup == 0 {
            guard group + 1 < file.metadata.rowGroups.count else { return nil }
            group += 1
            try begin(file.metadata.rowGroups[group])
        }
        let count = min(batchRows, leftInGroup)
        let columns = try zip(places, readers).map { place, leaves in
            let field = file.schema[place]
            let column = try located(field.name) {
                try Assembly.column(field, try leaves.map { try $0.read(rows: count) }, rows: count)
            }
            return column.placed(ParquetColumn.Origin(file: file.path, firstRow: firstRow))
        }
        leftInGroup -= count
        defer { firstRow += count }
        return ParquetBatch(count: count, firstRow: firstRow, columns: columns, path: file.path)
    }

    private mutating func begin(_ rowGroup: FileMetadata.RowGroup) throws {
        readers = []
        leftInGroup = rowGroup.rowCount
        guard leftInGroup > 0 else { return }
        var bytes = 0
        for place in places {
            let field = file.schema[place]
            let first = file.schema[..<place].reduce(0) { $0 + $1.type.leaves.count }
            let leaves = field.leafLevels()
            readers.append(
                try located(field.name) {
                    try leaves.enumerated().map { index, leaf in
                        let chunk = rowGroup.chunks[first + index]
                        bytes = min(bytes + max(0, min(chunk.uncompressedSize, 1 << 50)), 1 << 50)
                        return try LeafReader(
                            file.file, end: file.end, chunk, leaf.leaf, maxDefinition: leaf.definition,
                            maxRepetition: leaf.repetition, rows: rowGroup.rowCount)
                    }
                })
        }
        let perRow = max(1, bytes / leftInGroup)
        batchRows = max(1, min(rowsPerBatch, ParquetRows.usualBytes / perRow))
    }

    /// Names file and column in what `body` throws.
    private func located<Result>(_ column: String, _ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let fault as Fault {
            throw ParquetError(file.path, column: column, fault.reason)
        }
    }
}

extension ParquetFile {
    /// Calls `body` with each row as a JSON object, and its number from 0.
    ///
    /// - Parameter columns: names of columns at the top; nil for all.
    /// - Throws: a ``ParquetError``, or what `body` throws.
    public func eachRow(columns: [String]? = nil, _ body: (_ row: JSONValue, _ number: Int) throws -> Void) throws {
        var rows = try rows(columns: columns)
        while let batch = try rows.next() {
            for row in 0..<batch.count {
                let members = try batch.columns.map { ($0.field.name, try $0.json(row)) }
                try body(.object(JSONObject(members)), batch.firstRow + row)
            }
        }
    }
}

extension ParquetField {
    /// A leaf with its highest levels.
    struct Leaf {
        let leaf: ParquetLeaf
        let definition: Int, repetition: Int
        /// The names on the way to it, as the file has them.
        let path: [String]
    }

    /// The leaves below, in order.
    func leafLevels(definition: Int = 0, repetition: Int = 0, path: [String] = []) -> [Leaf] {
        let definition = definition + (isOptional ? 1 : 0), path = path + [name]
        switch type {
        case .leaf(let leaf): return [Leaf(leaf: leaf, definition: definition, repetition: repetition, path: path)]
        case .group(let fields):
            return fields.flatMap { $0.leafLevels(definition: definition, repetition: repetition, path: path) }
        case .list(let element, _):
            return element.leafLevels(definition: definition + 1, repetition: repetition + 1, path: path + ["list"])
        case .map(let key, let value):
            return [key, value].flatMap {
                $0.leafLevels(definition: definition + 1, repetition: repetition + 1, path: path + ["key_value"])
            }
        }
    }
}
