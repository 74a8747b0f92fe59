/// A stretch of a leaf: its levels, and the values where none is missing.
struct LeafChunk: Sendable {
    /// How far each entry is defined; empty where nothing can be missing.
    var definitions: [UInt8] = []
    /// At which level each entry goes on; empty where nothing is repeated.
    var repetitions: [UInt8] = []
    /// Entries.
    var count = 0
    var values = LeafValues.booleans([])
    let maxDefinition: UInt8, maxRepetition: UInt8
    /// Whether every entry has a value.
    var isFull = true
}

/// Reads the rows of a leaf's column chunk in order.
final class LeafReader {
    private let maxDefinition: Int, maxRepetition: Int
    private var pages: PageReader
    private let decoder: LeafDecoder
    /// Entries in pages that were not begun, and of the page at hand.
    private var left: Int
    private var leftInPage = 0
    private var rowsLeft: Int
    /// Entries of a row, on the average.
    private let entriesPerRow: Double
    private var definitions: HybridDecoder?
    private var repetitions: HybridDecoder?
    /// Repetition levels that were read ahead, to see where a row ends.
    private var ahead: [UInt8] = []
    private var aheadStart = 0
    private var hasDictionary = false
    private var isFirst = true

    /// Entries of a batch at most: more in a few rows is no sound file.
    static let mostEntries = 1 << 26

    init(
        _ file: OpenFile, end: Int, _ chunk: FileMetadata.Chunk, _ leaf: ParquetLeaf, maxDefinition: Int,
        maxRepetition: Int, rows: Int
    ) throws {
        guard !chunk.isEncrypted else { throw Fault(refused: "is encrypted; decrypt it with pyarrow") }
        guard !chunk.isElsewhere else {
            throw Fault(refused: "lies in another file; write the table again with pyarrow")
        }
        guard chunk.hasMetadata, chunk.storage == leaf.storage.rawValue else {
            throw Fault("the row group has another type than the schema")
        }
        guard chunk.valueCount >= rows, maxRepetition > 0 || chunk.valueCount == rows else {
            throw Fault("\(chunk.valueCount) values in \(rows) rows")
        }
        self.maxDefinition = maxDefinition
        self.maxRepetition = maxRepetition
        left = chunk.valueCount
        rowsLeft = rows
        entriesPerRow = Double(chunk.valueCount) / Double(max(1, rows))
        pages = try PageReader(file, from: chunk.offset, to: end, Codec.named(chunk.codec))
        decoder = .make(leaf)
    }

    /// Reads the next rows, no more than there are.
    func read(rows: Int) throws -> LeafChunk {
        var chunk = LeafChunk(maxDefinition: UInt8(maxDefinition), maxRepetition: UInt8(maxRepetition))
        // What a damaged file says is no reason to take much.
        let expected = Int(min(entriesPerRow * Double(rows) * 1.02, 0x1p23))
        if maxDefinition > 0 { chunk.definitions.reserveCapacity(expected) }
        if maxRepetition > 0 { chunk.repetitions.reserveCapacity(expected) }
        decoder.reserve(expected)
        if maxRepetition == 0 {
            var needed = rows
            while needed > 0 {
                try preparePage()
                let count = min(needed, leftInPage)
                try take(count, &chunk)
                needed -= count
            }
        } else {
            try readRepeated(rows, &chunk)
        }
        rowsLeft -= rows
        if rowsLeft == 0, left + leftInPage > 0 { throw Fault("more values than rows") }
        chunk.values = decoder.take()
        return chunk
    }

    private func readRepeated(_ rows: Int, _ chunk: inout LeafChunk) throws {
        var begun = 0
        while left > 0 || leftInPage > 0 {
            try preparePage()
            try lookAhead()
            if isFirst {
                guard ahead[aheadStart] == 0 else { throw Fault("it begins in the middle of a row") }
                isFirst = false
            }
            let (count, zeros) = ahead[aheadStart...].withUnsafeBufferPointer {
                LeafReader.entries($0, rows: rows - begun)
            }
            chunk.repetitions.append(contentsOf: ahead[aheadStart..<aheadStart + count])
            aheadStart += count
            begun += zeros
            try take(count, &chunk)
            if aheadStart < ahead.count { break }
        }
        guard begun == rows else { throw Fault("\(begun) rows where \(rows) should be") }
    }

    /// The entries that belong to the next `rows` rows, and how many of them begin one.
    private static func entries(_ levels: UnsafeBufferPointer<UInt8>, rows: Int) -> (count: Int, zeros: Int) {
        var zeros = 0
        for level in levels { zeros += level == 0 ? 1 : 0 }
        if zeros <= rows { return (levels.count, zeros) }
        zeros = 0
        for (index, level) in levels.enumerated() where level == 0 {
            if zeros == rows { return (index, zeros) }
            zeros += 1
        }
        return (levels.count, zeros)
    }

    /// Reads repetition levels of the page, where none are at hand.
    private func lookAhead() throws {
        guard aheadStart == ahead.count else { return }
        let count = min(leftInPage, 1 << 16), most = UInt8(maxRepetition)
        aheadStart = 0
        ahead = try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            try repetitions?.read(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
            initialized = count
        }
        guard LeafReader.largest(ahead) <= most else { throw Fault("a level higher than the schema has") }
    }

    private static func largest(_ levels: some Collection<UInt8>) -> UInt8 {
        levels.withContiguousStorageIfAvailable { levels in
            var largest: UInt8 = 0
            for level in levels { largest = max(largest, level) }
            return largest
        } ?? levels.max() ?? 0
    }

    /// Takes the next entries of the page, whose repetition levels were taken.
    private func take(_ count: Int, _ chunk: inout LeafChunk) throws {
        guard count <= LeafReader.mostEntries - chunk.count else {
            throw Fault(
                refused:
                    "has more than \(LeafReader.mostEntries) values in one batch of rows; ask for fewer rows at a time")
        }
        var present = count
        if maxDefinition > 0 {
            let first = chunk.definitions.count, most = UInt8(maxDefinition)
            chunk.definitions.append(contentsOf: repeatElement(0, count: count))
            present = try chunk.definitions.withUnsafeMutableBufferPointer { levels in
                let new = UnsafeMutableBufferPointer(rebasing: levels[first...])
                try definitions?.read(new)
                var present = 0
                for level in new { present += level == most ? 1 : 0 }
                guard present == count || LeafReader.largest(new) <= most else {
                    throw Fault("a level higher than the schema has")
                }
                return present
            }
        }
        if present < count { chunk.isFull = false }
        try decoder.read(present)
        chunk.count += count
        leftInPage -= count
    }

    // MARK: Pages

    /// Begins pages until one has entries left.
    private func preparePage() throws {
        while leftInPage == 0 {
            guard left > 0 else { throw Fault("fewer values than rows") }
            let page = try pages.next()
            switch page.header.kind {
            case .index: continue
            case .dictionary:
                guard !hasDictionary else { throw Fault("two dictionaries") }
                guard page.header.encoding == Encoding.plain || page.header.encoding == Encoding.plainDictionary else {
                    throw Encoding.unknown(page.header.encoding, "dictionary")
                }
                hasDictionary = true
                try decoder.setDictionary(page.memory, count: page.header.valueCount)
            case .data, .dataV2: try begin(page)
            }
        }
    }

    private func begin(_ page: Page) throws {
        let header = page.header, memory = page.memory
        guard header.valueCount <= left else { throw Fault("more values in pages than in the column") }
        var values = page.values
        if header.kind == .dataV2 {
            repetitions = try HybridDecoder(memory, page.repetitions, width: LeafReader.width(maxRepetition))
            definitions = try HybridDecoder(memory, page.definitions, width: LeafReader.width(maxDefinition))
        } else {
            repetitions = try levels(memory, &values, maxRepetition, header.repetitionEncoding, header.valueCount)
            definitions = try levels(memory, &values, maxDefinition, header.definitionEncoding, header.valueCount)
        }
        try decoder.begin(memory, values, encoding: header.encoding, most: header.valueCount)
        left -= header.valueCount
        leftInPage = header.valueCount
        (ahead, aheadStart) = ([], 0)
    }

    /// Bits of a level.
    private static func width(_ most: Int) -> Int { Int.bitWidth - most.leadingZeroBitCount }

    /// The levels that stand at `position` in a page of version 1; behind them `position` is where the next thing stands.
    private func levels(
        _ memory: PageMemory, _ position: inout Int, _ most: Int, _ encoding: Int, _ count: Int
    ) throws -> HybridDecoder? {
        guard most > 0 else { return nil }
        switch encoding {
        case Encoding.runs:
            guard let length = memory.load(position, as: UInt32.self) else { throw Fault.end }
            let start = position + 4
            guard Int(length) <= memory.count - start else { throw Fault.end }
            position = start + Int(length)
            return try HybridDecoder(memory, start..<position, width: LeafReader.width(most))
        case Encoding.bitPacked:
            let (decoder, end) = try HybridDecoder.levels(
                packedHighestFirst: memory, position, count: count, width: LeafReader.width(most))
            position = end
            return decoder
        default: throw Encoding.unknown(encoding, "level")
        }
    }
}
