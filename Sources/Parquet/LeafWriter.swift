/// Collects the values of a leaf in pages, and the pages of a row group.
final class LeafWriter {
    /// Pages of a row group, ready to be written.
    struct Chunk {
        /// The dictionary's page, if there is one, and the others behind it.
        var dictionary: [UInt8] = []
        var pages: [UInt8] = []
        var encodings: Set<Int> = [Encoding.runs]
        var valueCount = 0
        var missingCount = 0
        /// Bytes of all pages with their headers before compression.
        var expandedSize = 0
        /// The least and greatest integer.
        var range: ClosedRange<Int>?
    }

    let leaf: ParquetLeaf
    private let maxDefinition: Int, maxRepetition: Int
    private let options: ParquetWriter.Options
    private var chunk = Chunk()
    // The page at hand.
    private var entries = 0
    private var definitions: [UInt8] = []
    private var repetitions: [UInt8] = []
    private var plain: [UInt8] = []
    private var bits: [Bool] = []
    private var places: [UInt32] = []
    /// The dictionary: the place of each value, and the values as they are stored; nil where none is made, or it became too large.
    private var known: [ArraySlice<UInt8>: UInt32]?
    private var dictionary: [UInt8] = []
    private var dictionaryCount = 0

    init(_ leaf: ParquetField.Leaf, _ options: ParquetWriter.Options) {
        self.leaf = leaf.leaf
        maxDefinition = leaf.definition
        maxRepetition = leaf.repetition
        self.options = options
        begin()
    }

    private func begin() {
        chunk = Chunk()
        known = options.dictionary && leaf.storage == .byteArray ? [:] : nil
        dictionary = []
        dictionaryCount = 0
    }

    /// Bytes that wait to be written.
    var size: Int { chunk.pages.count + dictionary.count + pageSize }

    private var pageSize: Int { plain.count + bits.count / 8 + places.count * 2 + definitions.count / 8 }

    /// Adds an entry without a value.
    func addMissing(repetition: UInt8, definition: Int) {
        level(repetition, UInt8(definition))
        chunk.missingCount += 1
    }

    private func level(_ repetition: UInt8, _ definition: UInt8) {
        if maxDefinition > 0 { definitions.append(definition) }
        if maxRepetition > 0 { repetitions.append(repetition) }
        entries += 1
        chunk.valueCount += 1
    }

    /// Adds values that are there: a list's, or one. The first has the level `repetition`, the others the leaf's highest.
    func add(_ content: ParquetColumn.Content, _ range: Range<Int>, repetition: UInt8) {
        guard !range.isEmpty else { return }
        level(repetition, UInt8(maxDefinition))
        if range.count > 1 {
            let more = range.count - 1
            if maxDefinition > 0 { definitions.append(contentsOf: repeatElement(UInt8(maxDefinition), count: more)) }
            repetitions.append(contentsOf: repeatElement(UInt8(maxRepetition), count: more))
            entries += more
            chunk.valueCount += more
        }
        switch content {
        case .booleans(let values): bits.append(contentsOf: values[range])
        case .int32(let values): numbers(values, range) { note(Int($0)) }
        case .int64(let values): numbers(values, range) { note(Int($0)) }
        case .floats(let values): numbers(values, range) { _ in }
        case .doubles(let values): numbers(values, range) { _ in }
        case .bytes(let strings): for index in range { add(strings[index]) }
        case .lists, .groups: preconditionFailure("a leaf of lists or structures")
        }
    }

    private func numbers<Number: BitwiseCopyable>(_ values: [Number], _ range: Range<Int>, _ each: (Number) -> Void) {
        if options.statistics { for index in range { each(values[index]) } }
        values.withUnsafeBytes { bytes in
            let size = MemoryLayout<Number>.size
            plain.append(contentsOf: bytes[range.lowerBound * size..<range.upperBound * size])
        }
    }

    private func note(_ value: Int) {
        guard let range = chunk.range else {
            chunk.range = value...value
            return
        }
        if !range.contains(value) { chunk.range = min(range.lowerBound, value)...max(range.upperBound, value) }
    }

    private func add(_ string: ArraySlice<UInt8>) {
        func append(to bytes: inout [UInt8]) {
            withUnsafeBytes(of: UInt32(string.count).littleEndian) { bytes.append(contentsOf: $0) }
            bytes.append(contentsOf: string)
        }
        if let place = known?[string] {
            places.append(place)
            return
        }
        if let count = known?.count {
            known?[ArraySlice(Array(string))] = UInt32(count)
            dictionaryCount += 1
            append(to: &dictionary)
            places.append(UInt32(count))
        } else {
            append(to: &plain)
        }
    }

    // MARK: Pages

    /// Ends the page if it is large enough; to be called where a row ends.
    func endPageIfFull() {
        if dictionary.count > options.pageBytes, known != nil {
            // Too many different values: what is in pages stays, the rest is written plainly.
            writePage()
            known = nil
        } else if pageSize >= options.pageBytes {
            writePage()
        }
    }

    private func writePage() {
        guard entries > 0 else { return }
        var body: [UInt8] = []
        levels(repetitions, maxRepetition, &body)
        levels(definitions, maxDefinition, &body)
        var encoding = Encoding.plain
        if !places.isEmpty {
            encoding = Encoding.dictionary
            let width = max(1, UInt32.bitWidth - UInt32(max(1, known?.count ?? 1) - 1).leadingZeroBitCount)
            body.append(UInt8(width))
            HybridEncoder.append(places, width: width, to: &body)
        } else if leaf.storage == .boolean {
            for start in stride(from: 0, to: bits.count, by: 8) {
                let group = bits[start..<min(start + 8, bits.count)]
                body.append(group.enumerated().reduce(0) { $0 | ($1.element ? 1 << $1.offset : 0) })
            }
        } else {
            body.append(contentsOf: plain)
        }
        chunk.encodings.insert(encoding)
        append(body, to: \.pages) { header in
            header.int32(1, PageHeader.Kind.data.rawValue)
        } values: { header in
            header.structure(5) {
                $0.int32(1, entries)
                $0.int32(2, encoding)
                $0.int32(3, Encoding.runs)
                $0.int32(4, Encoding.runs)
            }
        }
        (definitions, repetitions, plain, bits, places) = ([], [], [], [], [])
        entries = 0
    }

    private func levels(_ levels: [UInt8], _ most: Int, _ body: inout [UInt8]) {
        guard most > 0 else { return }
        var runs: [UInt8] = []
        HybridEncoder.append(levels, width: Int.bitWidth - most.leadingZeroBitCount, to: &runs)
        withUnsafeBytes(of: UInt32(runs.count).littleEndian) { body.append(contentsOf: $0) }
        body.append(contentsOf: runs)
    }

    private func append(
        _ body: [UInt8], to target: WritableKeyPath<Chunk, [UInt8]>, kind: (inout ThriftWriter) -> Void,
        values: (inout ThriftWriter) -> Void
    ) {
        let compressed = Codec.compress(body, options.compression, level: options.level)
        let checksum = compressed.withUnsafeBytes { Codec.checksum($0) }
        let header = ThriftWriter.structure { header in
            kind(&header)
            header.int32(2, body.count)
            header.int32(3, compressed.count)
            header.int32(4, Int(Int32(bitPattern: checksum)))
            values(&header)
        }
        chunk[keyPath: target] += header
        chunk[keyPath: target] += compressed
        chunk.expandedSize += header.count + body.count
    }

    /// Ends the row group: its pages. What follows belongs to the next one.
    func finish() -> Chunk {
        writePage()
        if !dictionary.isEmpty {
            let count = dictionaryCount
            append(dictionary, to: \.dictionary) { header in
                header.int32(1, PageHeader.Kind.dictionary.rawValue)
            } values: { header in
                header.structure(7) {
                    $0.int32(1, count)
                    $0.int32(2, Encoding.plain)
                }
            }
            chunk.encodings.insert(Encoding.plain)
        }
        defer { begin() }
        return chunk
    }
}
