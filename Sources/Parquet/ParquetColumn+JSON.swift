import JSON

extension ParquetColumn {
    /// A value as JSON: structures become objects, lists arrays, maps with texts for keys objects, JSON columns what they say, times the
    /// integers they are stored as. Numbers of 32 bits keep their value, which has more digits as a number of 64.
    ///
    /// - Throws: a one-line error for what JSON cannot say: bytes that are no text, decimals, int96.
    public func json(_ index: Int) throws -> JSONValue {
        try located(index) { try value(index) }
    }

    private func value(_ index: Int) throws -> JSONValue {
        guard isPresent(index) else { return .null }
        switch content {
        case .lists(let offsets, let elements):
            let range = offsets[index]..<offsets[index + 1]
            if case .map = field.type, let pairs = try elements.object(range) { return pairs }
            return .array(try range.map { try elements.value($0) })
        case .groups(let columns):
            return .object(JSONObject(try columns.map { ($0.field.name, try $0.value(index)) }))
        case .booleans(let values): return .bool(values[index])
        case .floats(let values): return .number(Double(values[index]))
        case .doubles(let values): return .number(values[index])
        case .int32, .int64: return try whole(index)
        case .bytes: return try bytes(index)
        }
    }

    private var meaning: ParquetLeaf.Meaning {
        if case .leaf(let leaf) = field.type { leaf.meaning } else { .plain }
    }

    private func refused() -> Fault {
        Fault(
            refused:
                "holds \(field.type.name) values, which are not read; leave the column out, or cast it with pyarrow to float64 or string"
        )
    }

    private func whole(_ index: Int) throws -> JSONValue {
        if case .decimal = meaning { throw refused() }
        let isUnsigned = if case .integer(_, false) = meaning { true } else { false }
        switch content {
        case .int32(let values):
            return .integer(isUnsigned ? Int(UInt32(bitPattern: values[index])) : Int(values[index]))
        case .int64(let values):
            // As JSON's own numbers beyond 64 bits with a sign.
            guard !isUnsigned || values[index] >= 0 else { return .number(Double(UInt64(bitPattern: values[index]))) }
            return .integer(Int(values[index]))
        default: throw refused()
        }
    }

    private func bytes(_ index: Int) throws -> JSONValue {
        guard case .leaf(let leaf) = field.type, leaf.storage == .byteArray else { throw refused() }
        if case .decimal = leaf.meaning { throw refused() }
        guard let text = try textOrFault(index) else { return .null }
        guard leaf.meaning == .json else { return .string(text) }
        do { return try JSONValue.parse(text) } catch {
            throw Fault(refused: "\(error), though the column says that it holds JSON")
        }
    }

    /// Pairs as an object, where their keys are texts and no two are equal; nil otherwise.
    private func object(_ range: Range<Int>) throws -> JSONValue? {
        guard case .groups(let columns) = content, columns.count == 2, case .leaf(let leaf) = columns[0].field.type,
            leaf.meaning == .string
        else { return nil }
        let pairs = try range.map { (try columns[0].textOrFault($0) ?? "", try columns[1].value($0)) }
        let object = JSONObject(pairs)
        return object.count == pairs.count ? .object(object) : nil
    }
}
