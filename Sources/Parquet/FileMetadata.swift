/// What a file's footer says.
struct FileMetadata {
    /// A column's part of a row group.
    struct Chunk {
        var codec = 0
        var valueCount = 0
        var uncompressedSize = 0
        var storage: Int?
        var dataOffset = 0
        var dictionaryOffset: Int?
        /// Whether it lies in another file, or cannot be read without a key.
        var isElsewhere = false, isEncrypted = false
        var hasMetadata = false

        /// Where its first page begins.
        var offset: Int {
            guard let dictionaryOffset, dictionaryOffset > 0 else { return dataOffset }
            return min(dictionaryOffset, dataOffset)
        }
    }

    struct RowGroup {
        var chunks: [Chunk] = []
        var rowCount = 0
    }

    var schema: [SchemaElement] = []
    var rowCount = 0
    var rowGroups: [RowGroup] = []
    var keyValues: [String: String] = [:]
    var createdBy = ""

    init(_ bytes: UnsafeRawBufferPointer) throws {
        var reader = ThriftReader(bytes)
        var metadata = self
        try reader.structure { reader, id, kind in
            switch id {
            case 2: metadata.schema = try reader.list(kind) { reader, _ in try SchemaElement(&reader) }
            case 3: metadata.rowCount = try reader.integer(kind)
            case 4: metadata.rowGroups = try reader.list(kind) { reader, _ in try RowGroup(&reader) }
            case 5:
                _ = try reader.list(kind) { reader, _ in
                    var key = "", value = ""
                    try reader.structure { reader, id, kind in
                        switch id {
                        case 1: key = try reader.text(kind)
                        case 2: value = try reader.text(kind)
                        default: return false
                        }
                        return true
                    }
                    metadata.keyValues[key] = value
                }
            case 6: metadata.createdBy = try reader.text(kind)
            case 8: throw Fault(refused: "is encrypted; decrypt it with pyarrow")
            default: return false
            }
            return true
        }
        self = metadata
        try check()
    }

    private func check() throws {
        guard !schema.isEmpty else { throw Fault("the footer has no schema") }
        var sum = 0
        for group in rowGroups {
            let (next, overflow) = sum.addingReportingOverflow(group.rowCount)
            guard group.rowCount >= 0, !overflow else { throw Fault("a row group of \(group.rowCount) rows") }
            sum = next
        }
        guard sum == rowCount else { throw Fault("the row groups have \(sum) rows, the footer says \(rowCount)") }
    }
}

extension FileMetadata.RowGroup {
    init(_ reader: inout ThriftReader) throws {
        var group = FileMetadata.RowGroup()
        try reader.structure { reader, id, kind in
            switch id {
            case 1: group.chunks = try reader.list(kind) { reader, _ in try FileMetadata.Chunk(&reader) }
            case 3: group.rowCount = try reader.integer(kind)
            default: return false
            }
            return true
        }
        self = group
    }
}

extension FileMetadata.Chunk {
    init(_ reader: inout ThriftReader) throws {
        var chunk = FileMetadata.Chunk()
        try reader.structure { reader, id, kind in
            switch id {
            case 1: chunk.isElsewhere = try !reader.binary(kind).isEmpty
            case 3: try chunk.readMetadata(&reader)
            case 8:
                chunk.isEncrypted = true
                return false
            default: return false
            }
            return true
        }
        self = chunk
    }

    private mutating func readMetadata(_ reader: inout ThriftReader) throws {
        var chunk = self
        chunk.hasMetadata = true
        try reader.structure { reader, id, kind in
            switch id {
            case 1: chunk.storage = try reader.integer(kind)
            case 4: chunk.codec = try reader.integer(kind)
            case 5: chunk.valueCount = try reader.integer(kind)
            case 6: chunk.uncompressedSize = try reader.integer(kind)
            case 9: chunk.dataOffset = try reader.integer(kind)
            case 11: chunk.dictionaryOffset = try reader.integer(kind)
            default: return false
            }
            return true
        }
        self = chunk
    }
}

/// What stands before each page.
struct PageHeader {
    enum Kind: Int { case data, index, dictionary, dataV2 }

    var kind = Kind.data
    var uncompressedSize = 0, compressedSize = 0
    var checksum: UInt32?
    var valueCount = 0
    var encoding = 0
    var definitionEncoding = 3, repetitionEncoding = 3
    var definitionLength = 0, repetitionLength = 0
    var isCompressed = true
    /// Its own length in bytes.
    let length: Int

    /// Reads the header at the beginning of `bytes`. Throws a fault that `isEnd` where they end too early.
    init(_ bytes: UnsafeRawBufferPointer) throws {
        var reader = ThriftReader(bytes)
        var (kind, sizes, checksum): (Kind?, (Int?, Int?), UInt32?) = (nil, (nil, nil), nil)
        var values: Values?
        try reader.structure { reader, id, type in
            switch id {
            case 1: kind = Kind(rawValue: try reader.integer(type))
            case 2: sizes.0 = try reader.count(type, "a page's size")
            case 3: sizes.1 = try reader.count(type, "a page's size")
            case 4: checksum = UInt32(truncatingIfNeeded: try reader.integer(type))
            case 5, 7: values = try Values(&reader, isV2: false)
            case 8: values = try Values(&reader, isV2: true)
            default: return false
            }
            return true
        }
        guard let kind, let uncompressed = sizes.0, let compressed = sizes.1 else {
            throw Fault("a page without a size or a kind")
        }
        self.kind = kind
        self.checksum = checksum
        (uncompressedSize, compressedSize) = (uncompressed, compressed)
        length = reader.position
        guard kind != .index else { return }
        guard let values else { throw Fault("a page that does not say how many values it has") }
        valueCount = values.count
        encoding = values.encoding
        (definitionEncoding, repetitionEncoding) = (values.definitionEncoding, values.repetitionEncoding)
        (definitionLength, repetitionLength) = (values.definitionLength, values.repetitionLength)
        isCompressed = values.isCompressed
    }

    /// The part that differs between kinds of page.
    private struct Values {
        var count = 0, encoding = 0
        var definitionEncoding = 3, repetitionEncoding = 3
        var definitionLength = 0, repetitionLength = 0
        var isCompressed = true

        init(_ reader: inout ThriftReader, isV2: Bool) throws {
            var values = self
            var hasCount = false
            try reader.structure { reader, id, kind in
                switch (id, isV2) {
                case (1, _):
                    values.count = try reader.count(kind, "a page's number of values")
                    hasCount = true
                case (2, false), (4, true): values.encoding = try reader.integer(kind)
                // Of a dictionary page this is a truth value, and whether it is sorted matters to nobody.
                case (3, false) where kind != .isTrue && kind != .isFalse:
                    values.definitionEncoding = try reader.integer(kind)
                case (4, false): values.repetitionEncoding = try reader.integer(kind)
                case (5, true): values.definitionLength = try reader.count(kind, "the length of a page's levels")
                case (6, true): values.repetitionLength = try reader.count(kind, "the length of a page's levels")
                case (7, true): values.isCompressed = try reader.bool(kind)
                default: return false
                }
                return true
            }
            guard hasCount else { throw Fault("a page that does not say how many values it has") }
            self = values
        }
    }
}
