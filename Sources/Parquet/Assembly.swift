/// Puts leaves together into the columns that their levels describe (the method is that of Dremel: Melnik et al. 2010).
///
/// An entry's definition level counts how many of the optional and repeated fields above it are there; its repetition level says which
/// list goes on. `definition` below is the level of an entry in which the field at hand could stand: fewer, and something above is missing.
struct Assembly {
    private let chunks: [LeafChunk]
    private var next = 0

    /// The column of a field at the top from its leaves.
    static func column(_ field: ParquetField, _ chunks: [LeafChunk], rows: Int) throws -> ParquetColumn {
        var assembly = Assembly(chunks: chunks)
        let column = try assembly.column(field, Place(definition: 0, repetition: 0, element: 0))
        guard column.count == rows else { throw Fault("\(column.count) rows where \(rows) should be") }
        return column
    }

    private init(chunks: [LeafChunk]) { self.chunks = chunks }

    /// Where a field stands.
    private struct Place {
        /// The definition level of what is above.
        var definition: UInt8
        /// The repetition level of the innermost list above, and the definition level at which it has an element.
        var repetition: UInt8, element: UInt8
    }

    private mutating func column(_ field: ParquetField, _ above: Place) throws -> ParquetColumn {
        var place = above
        if field.isOptional { place.definition += 1 }
        switch field.type {
        case .leaf: return try leaf(field, place)
        case .group(let fields):
            let first = next
            let columns = try fields.map { try column($0, place) }
            let count = columns[0].count
            guard columns.allSatisfy({ $0.count == count }) else {
                throw Fault("fields of one structure with different numbers of values")
            }
            return ParquetColumn(
                checked: field, .groups(columns), count: count,
                validity: field.isOptional ? validity(chunks[first], place) : nil)
        case .list(let element, _): return try list(field, element, place)
        case .map(let key, let value):
            return try list(field, ParquetField("key_value", .group([key, value]), isOptional: false), place)
        }
    }

    /// Which of the places where the field could stand have it, judged by a leaf below it; nil where all have.
    private func validity(_ chunk: LeafChunk, _ place: Place) -> [Bool]? {
        guard !chunk.isFull else { return nil }
        var result: [Bool] = []
        var hasMissing = false
        chunk.eachEntry { definition, repetition in
            guard definition >= place.element, repetition <= place.repetition else { return }
            result.append(definition >= place.definition)
            hasMissing = hasMissing || definition < place.definition
        }
        return hasMissing ? result : nil
    }

    private mutating func leaf(_ field: ParquetField, _ place: Place) throws -> ParquetColumn {
        let chunk = chunks[next]
        next += 1
        let present = validity(chunk, place)
        if let present, case .bytes(let strings) = chunk.values, let length = strings.fixedLength,
            present.count > LeafDecoder.mostBytes / length
        {
            throw Fault(refused: "has more than 1 GiB in one batch of rows; ask for fewer rows at a time")
        }
        let content: ParquetColumn.Content =
            switch chunk.values {
            case .booleans(let values): .booleans(Assembly.spread(values, present, false))
            case .int32(let values): .int32(Assembly.spread(values, present, 0))
            case .int64(let values): .int64(Assembly.spread(values, present, 0))
            case .floats(let values): .floats(Assembly.spread(values, present, 0))
            case .doubles(let values): .doubles(Assembly.spread(values, present, 0))
            case .bytes(let strings): .bytes(present.map(strings.spread) ?? strings)
            }
        return ParquetColumn(checked: field, content, count: present?.count ?? chunk.valueCount, validity: present)
    }

    /// The values with something in the place of those that are missing.
    private static func spread<Value>(_ values: [Value], _ present: [Bool]?, _ missing: Value) -> [Value] {
        guard let present else { return values }
        var next = 0
        return present.map { isPresent in
            guard isPresent else { return missing }
            defer { next += 1 }
            return values[next]
        }
    }

    private mutating func list(_ field: ParquetField, _ element: ParquetField, _ place: Place) throws -> ParquetColumn {
        let first = next
        let inner = Place(
            definition: place.definition + 1, repetition: place.repetition + 1, element: place.definition + 1)
        let (offsets, validity) = try shape(chunks[first], place, inner)
        let elements = try column(element, inner)
        guard elements.count == offsets[offsets.count - 1] else {
            throw Fault("lists of another length than their elements")
        }
        for other in chunks[first..<next].dropFirst() {
            guard try shape(other, place, inner).offsets == offsets else {
                throw Fault("fields of one list with different lengths")
            }
        }
        return ParquetColumn(
            checked: field, .lists(offsets: offsets, elements: elements), count: offsets.count - 1, validity: validity)
    }

    /// Where lists begin and end, and which are there.
    private func shape(_ chunk: LeafChunk, _ place: Place, _ inner: Place) throws -> (offsets: [Int], validity: [Bool]?)
    {
        if let offsets = chunk.evenOffsets() { return (offsets, nil) }
        var offsets: [Int] = [], present: [Bool] = []
        var count = 0, isOpen = false, isSound = true, hasMissing = false
        chunk.eachEntry { definition, repetition in
            if repetition <= place.repetition {
                guard definition >= place.element else {
                    isOpen = false
                    return
                }
                offsets.append(count)
                isOpen = definition >= inner.element
                count += isOpen ? 1 : 0
                present.append(definition >= place.definition)
                hasMissing = hasMissing || definition < place.definition
            } else if repetition == inner.repetition {
                isSound = isSound && isOpen && definition >= inner.element
                count += 1
            }
        }
        guard isSound else { throw Fault("a list that goes on where none began") }
        offsets.append(count)
        return (offsets, hasMissing ? present : nil)
    }
}

extension LeafChunk {
    /// Values that are there.
    fileprivate var valueCount: Int {
        switch values {
        case .booleans(let values): values.count
        case .int32(let values): values.count
        case .int64(let values): values.count
        case .floats(let values): values.count
        case .doubles(let values): values.count
        case .bytes(let values): values.count
        }
    }

    /// Calls `body` with the levels of each entry.
    @inline(__always)
    fileprivate func eachEntry(_ body: (_ definition: UInt8, _ repetition: UInt8) -> Void) {
        definitions.withUnsafeBufferPointer { definitions in
            repetitions.withUnsafeBufferPointer { repetitions in
                switch (definitions.isEmpty, repetitions.isEmpty) {
                case (true, true): for _ in 0..<count { body(0, 0) }
                case (false, true): for index in 0..<count { body(definitions[index], 0) }
                case (true, false): for index in 0..<count { body(0, repetitions[index]) }
                case (false, false): for index in 0..<count { body(definitions[index], repetitions[index]) }
                }
            }
        }
    }

    /// Where lists of one length begin, for full lists that are in no other: activations. Nil for others.
    fileprivate func evenOffsets() -> [Int]? {
        guard isFull, maxRepetition == 1, count > 0, !repetitions.isEmpty else { return nil }
        return repetitions.withUnsafeBufferPointer { levels in
            var lists = 0
            for level in levels { lists += level == 0 ? 1 : 0 }
            guard lists > 0, count % lists == 0 else { return nil }
            let width = count / lists
            for start in stride(from: 0, to: count, by: width) where levels[start] != 0 { return nil }
            return Array(stride(from: 0, through: count, by: width))
        }
    }
}
