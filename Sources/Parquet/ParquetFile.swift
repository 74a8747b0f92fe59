import Foundation

/// A Parquet file: what it holds, and its rows, some at a time.
///
///     let file = try ParquetFile(URL(fileURLWithPath: "av_sft.parquet"))
///     print(file.schema.map(\.name), file.rowCount)
///     var rows = try file.rows(columns: ["prompt", "activation_vector"])
///     while let batch = try rows.next() {
///         let (vectors, width) = try batch.column("activation_vector").matrix()
///         for row in 0..<batch.count { print(try batch.column("prompt").json(row), vectors[row * width]) }
///     }
///
/// Pages are read one after another, so that memory follows the batches and not the file. What the file says is checked before it is
/// counted or indexed with: a damaged file throws a ``ParquetError``.
public struct ParquetFile: Sendable {
    /// Where it lies.
    public let path: String
    /// Its columns.
    public let schema: [ParquetField]
    /// Rows in all.
    public var rowCount: Int { metadata.rowCount }
    /// Rows of each row group.
    public var rowGroups: [Int] { metadata.rowGroups.map(\.rowCount) }
    /// What its writer noted beside the data: the schemas of Arrow and pandas, and whatever else.
    public var notes: [String: String] { metadata.keyValues }
    /// The program that wrote it.
    public var createdBy: String { metadata.createdBy }

    let metadata: FileMetadata
    let file: OpenFile
    /// Where pages must end: the footer begins there.
    let end: Int

    /// Opens a file and reads its footer. Throws a ``ParquetError``.
    public init(_ url: URL) throws {
        path = url.path
        file = try OpenFile(url.path)
        do {
            let (footer, end) = try ParquetFile.footer(file)
            self.end = end
            metadata = try footer.withUnsafeBytes { try FileMetadata($0) }
            schema = try SchemaTree.fields(metadata.schema)
            let leaves = schema.reduce(0) { $0 + $1.type.leaves.count }
            guard metadata.rowGroups.allSatisfy({ $0.chunks.count == leaves }) else {
                throw Fault("a row group with another number of columns than the schema")
            }
        } catch let fault as Fault {
            throw ParquetError(url.path, fault.reason)
        }
    }

    /// Whether a file begins as Parquet does. False for what cannot be read.
    public static func isParquet(_ url: URL) -> Bool {
        guard let file = try? OpenFile(url.path), file.size >= 12 else { return false }
        var mark: UInt32 = 0
        return withUnsafeMutableBytes(of: &mark) { (try? file.read($0, at: 0)) != nil && $0.elementsEqual("PAR1".utf8) }
    }

    private static func footer(_ file: OpenFile) throws -> (bytes: [UInt8], end: Int) {
        guard file.size >= 12 else { throw Fault("is no Parquet file: \(file.size) bytes") }
        var tail = [UInt8](repeating: 0, count: 8)
        try tail.withUnsafeMutableBytes { try file.read($0, at: file.size - 8) }
        guard !tail[4...].elementsEqual("PARE".utf8) else {
            throw Fault(refused: "is encrypted; decrypt it with pyarrow")
        }
        guard tail[4...].elementsEqual("PAR1".utf8) else {
            throw Fault("is no Parquet file, or does not end as one")
        }
        let length = tail[..<4].enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
        guard length > 0, length <= min(file.size - 12, 1 << 28) else {
            throw Fault("a footer of \(length) bytes in a file of \(file.size)")
        }
        let start = file.size - 8 - length
        let bytes = try [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            try file.read(
                UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<length]), at: start)
            count = length
        }
        return (bytes, start)
    }

    /// Rows with some of the columns, in the order in which they are named.
    ///
    /// - Parameters:
    ///   - columns: names of columns at the top; nil for all.
    ///   - rowsPerBatch: at most; batches of long rows have fewer, so that one takes some megabytes.
    /// - Throws: a ``ParquetError`` for a column that is not there, naming those that are.
    public func rows(columns: [String]? = nil, rowsPerBatch: Int = 1024) throws -> ParquetRows {
        precondition(rowsPerBatch > 0, "batches of no rows")
        guard let columns else { return ParquetRows(self, Array(schema.indices), rowsPerBatch) }
        let places = try columns.map { name in
            let found = schema.indices.filter { schema[$0].name.utf8.elementsEqual(name.utf8) }
            guard found.count < 2 else {
                throw ParquetError(path, column: name, "stands in it \(found.count) times; name columns apart")
            }
            guard let place = found.first else {
                let there = schema.prefix(30).map(\.name).joined(separator: ", ")
                throw ParquetError(path, column: name, "is not in it; it has \(there.isEmpty ? "no columns" : there)")
            }
            return place
        }
        return ParquetRows(self, places, rowsPerBatch)
    }
}

/// Some rows of a file.
public struct ParquetBatch: Sendable {
    /// Rows in it.
    public let count: Int
    /// The number of its first row in the file.
    public let firstRow: Int
    /// The columns, in the order asked for.
    public let columns: [ParquetColumn]
    private let path: String

    init(count: Int, firstRow: Int, columns: [ParquetColumn], path: String) {
        self.count = count
        self.firstRow = firstRow
        self.columns = columns
        self.path = path
    }

    /// A column, or nil where none has the name.
    public subscript(_ name: String) -> ParquetColumn? { columns.first { $0.field.name.utf8.elementsEqual(name.utf8) } }

    /// A column. Throws a ``ParquetError`` where none has the name.
    public func column(_ name: String) throws -> ParquetColumn {
        guard let column = self[name] else { throw ParquetError(path, column: name, "was not asked for") }
        return column
    }
}
