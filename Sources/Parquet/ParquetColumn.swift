/// Some rows of a column, or the elements of its lists: values of one type.
///
///     let column = batch["prompt"]!
///     try column.text(0)                          // String?
///     let (values, width) = try batch["activation_vector"]!.matrix()   // [rows · width] float32
public struct ParquetColumn: Sendable {
    /// What it holds.
    public indirect enum Content: Sendable {
        case booleans([Bool]), int32([Int32]), int64([Int64]), floats([Float]), doubles([Double]), bytes(ByteStrings)
        /// Lists: list `i` is `elements[offsets[i]..<offsets[i + 1]]`. Maps are lists of pairs.
        case lists(offsets: [Int], elements: ParquetColumn)
        /// Structures: a column for each field.
        case groups([ParquetColumn])
    }

    /// Name and type.
    public let field: ParquetField
    /// Values in it, missing ones included.
    public let count: Int
    /// Which values are there; nil where all are. The content has something in the place of a missing value.
    public let validity: [Bool]?
    /// The values.
    public let content: Content
    /// Where it comes from, for messages.
    private(set) var origin = Origin()

    struct Origin: Sendable {
        var file = "Parquet"
        /// The name with those of the fields above it, `messages.element.role`; nil for the field's own.
        var name: String?
        /// The number of its first row in the file; nil for elements of lists, which are no rows.
        var firstRow: Int? = 0
    }

    /// The column as what stands at `origin`, with what is below it.
    func placed(_ origin: Origin) -> ParquetColumn {
        let name = origin.name ?? field.name
        func below(_ column: ParquetColumn, _ firstRow: Int?) -> ParquetColumn {
            column.placed(Origin(file: origin.file, name: "\(name).\(column.field.name)", firstRow: firstRow))
        }
        let content: Content =
            switch self.content {
            case .lists(let offsets, let elements): .lists(offsets: offsets, elements: below(elements, nil))
            case .groups(let columns): .groups(columns.map { below($0, origin.firstRow) })
            default: self.content
            }
        var column = ParquetColumn(checked: field, content, count: count, validity: validity)
        column.origin = origin
        return column
    }

    /// A column from its parts, which must fit together and the type.
    ///
    /// - Parameter validity: which values are there; nil for all.
    public init(_ field: ParquetField, _ content: Content, validity: [Bool]? = nil) {
        self.init(checked: field, content, count: ParquetColumn.count(content), validity: validity)
        precondition(fits(field.type), "\(field.name): content of another type than \(field.type.name)")
        precondition(validity.map { $0.count == count } ?? true, "\(field.name): validity of another length")
        precondition(
            field.isOptional || validity?.contains(false) != true, "\(field.name): missing values where none may be")
    }

    /// A column whose parts are known to fit.
    init(checked field: ParquetField, _ content: Content, count: Int, validity: [Bool]?) {
        self.field = field
        self.content = content
        self.count = count
        self.validity = validity
    }

    /// Whether a value is there.
    public func isPresent(_ index: Int) -> Bool { validity?[index] ?? true }

    private static func count(_ content: Content) -> Int {
        switch content {
        case .booleans(let values): values.count
        case .int32(let values): values.count
        case .int64(let values): values.count
        case .floats(let values): values.count
        case .doubles(let values): values.count
        case .bytes(let values): values.count
        case .lists(let offsets, _): max(0, offsets.count - 1)
        case .groups(let columns): columns.first?.count ?? 0
        }
    }

    private func fits(_ type: ParquetType) -> Bool {
        switch (type, content) {
        case (.leaf(let leaf), .booleans): leaf.storage == .boolean
        case (.leaf(let leaf), .int32): leaf.storage == .int32
        case (.leaf(let leaf), .int64): leaf.storage == .int64
        case (.leaf(let leaf), .floats): leaf.storage == .float
        case (.leaf(let leaf), .doubles): leaf.storage == .double
        case (.leaf(let leaf), .bytes(let strings)): leaf.storage == .byteArray && strings.fixedLength == nil
        case (.list(let element, let length), .lists(let offsets, let elements)):
            offsets.first == 0 && offsets.last == elements.count
                && zip(offsets, offsets.dropFirst()).allSatisfy { $0 <= $1 }
                && (length == nil
                    || (0..<count).allSatisfy { !isPresent($0) || offsets[$0 + 1] - offsets[$0] == length })
                && elements.field == element
        case (.group(let fields), .groups(let columns)):
            fields == columns.map(\.field) && columns.allSatisfy { $0.count == count }
        default: false
        }
    }
}

// MARK: - Values

extension ParquetColumn {
    /// Refuses what was asked of this column.
    private func fault(_ wanted: String) -> Fault {
        Fault(
            refused:
                "holds \(field.type.name) values, where \(wanted) is needed; name another column or cast it with pyarrow"
        )
    }

    /// A text; nil where it is missing. Throws a one-line error for other types, and for bytes that are no UTF-8.
    public func text(_ index: Int) throws -> String? { try located(index) { try textOrFault(index) } }

    func textOrFault(_ index: Int) throws -> String? {
        guard isPresent(index) else { return nil }
        guard case .bytes(let strings) = content, case .leaf(let leaf) = field.type, leaf.storage == .byteArray else {
            throw fault("text")
        }
        switch leaf.meaning {
        case .string, .json, .enumeration, .plain: break
        default: throw fault("text")
        }
        guard let text = String(validating: strings[index], as: UTF8.self) else {
            throw Fault(refused: "a text is no UTF-8; write the column again as text")
        }
        return text
    }

    /// An integer; nil where it is missing. Throws a one-line error for other types, and where it is beyond 64 bits with a sign.
    public func integer(_ index: Int) throws -> Int? {
        try located(index) {
            guard isPresent(index) else { return nil }
            guard case .leaf(let leaf) = field.type else { throw fault("an integer") }
            if case .decimal = leaf.meaning { throw fault("an integer") }
            let isUnsigned = if case .integer(_, false) = leaf.meaning { true } else { false }
            switch content {
            case .int32(let values): return isUnsigned ? Int(UInt32(bitPattern: values[index])) : Int(values[index])
            case .int64(let values):
                guard !isUnsigned || values[index] >= 0 else {
                    throw Fault(
                        refused:
                            "\(UInt64(bitPattern: values[index])) is beyond the integers read here; cast it to float64")
                }
                return Int(values[index])
            default: throw fault("an integer")
            }
        }
    }

    /// The lists' elements row by row, [rows, width]: what activations are stored as. Float16 and float64 become float32.
    ///
    /// - Throws: a one-line error for other types, for a list or a number that is missing, and where lists differ in length.
    public func matrix() throws -> (values: [Float], width: Int) {
        try located {
            guard case .lists(let offsets, let elements) = content, case .list = field.type else {
                throw fault("a list of numbers")
            }
            if let missing = validity?.firstIndex(of: false) {
                throw Fault(refused: "\(place(missing)) is missing; leave such rows out")
            }
            if let missing = elements.validity?.firstIndex(of: false) {
                let row = (offsets.firstIndex { $0 > missing } ?? 1) - 1
                throw Fault(refused: "\(place(row)) has a missing number; leave such rows out")
            }
            let width = count == 0 ? 0 : offsets[1]
            for row in 0..<count where offsets[row + 1] - offsets[row] != width {
                throw Fault(
                    refused:
                        "\(place(row)) has \(offsets[row + 1] - offsets[row]) numbers, \(place(0)) has \(width); all must have as many"
                )
            }
            switch elements.content {
            case .floats(let values): return (values, width)
            case .doubles(let values): return (values.map(Float.init), width)
            default: throw elements.fault("numbers (float32, float16 or float64)")
            }
        }
    }

    /// A row, or an element of a list, in words.
    private func place(_ index: Int) -> String {
        origin.firstRow.map { "row \($0 + index)" } ?? "element \(index) of a batch"
    }

    /// Names this column, and the row, in what `body` throws.
    func located<Result>(_ row: Int? = nil, _ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let fault as Fault {
            throw ParquetError(
                origin.file, column: origin.name ?? field.name, (row.map { place($0) + ": " } ?? "") + fault.reason)
        }
    }
}
