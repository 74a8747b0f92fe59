/// Values of a leaf as they are stored, without the missing ones.
enum LeafValues: Sendable {
    case booleans([Bool]), int32([Int32]), int64([Int64]), floats([Float]), doubles([Double]), bytes(ByteStrings)
}

/// How values stand in a page: numbers of the format.
enum Encoding {
    static let plain = 0, plainDictionary = 2, runs = 3, bitPacked = 4, delta = 5, deltaLength = 6, deltaBytes = 7
    static let dictionary = 8, byteStreamSplit = 9

    static func unknown(_ encoding: Int, _ type: String) -> Fault {
        Fault(
            refused:
                "has \(type) values in the encoding \(encoding), which is not read; write it again with pyarrow's defaults"
        )
    }
}

/// Decodes the values of a column chunk, page by page.
class LeafDecoder {
    /// Takes in the values of a dictionary page.
    func setDictionary(_ memory: PageMemory, count: Int) throws {}
    /// Begins a page whose values, at most `most`, stand from `start` to the end of the memory.
    func begin(_ memory: PageMemory, _ start: Int, encoding: Int, most: Int) throws {}
    /// Makes room for values that are about to be decoded.
    func reserve(_ count: Int) {}
    /// Decodes the next values of the page behind those decoded before.
    func read(_ count: Int) throws {}
    /// What was decoded since the last time.
    func take() -> LeafValues { .bytes(ByteStrings()) }

    /// The most bytes that the values of a batch may have.
    static let mostBytes = 1 << 30

    /// The decoder for a type.
    static func make(_ leaf: ParquetLeaf) -> LeafDecoder {
        switch leaf.storage {
        case .boolean: BooleanDecoder()
        case .int32: Int32Decoder()
        case .int64: Int64Decoder()
        case .float: FloatDecoder()
        case .double: DoubleDecoder()
        case .int96, .byteArray, .fixedLengthByteArray:
            BytesDecoder(fixedLength: leaf.fixedLength, isHalf: leaf.meaning == .float16)
        }
    }

    /// The decoder of places in a dictionary, whose first byte says how many bits a place has.
    static func places(_ memory: PageMemory, _ start: Int) throws -> HybridDecoder {
        guard let width = memory.load(start, as: UInt8.self) else {
            // A page without values may have no width either.
            return try HybridDecoder(memory, start..<start, width: 1)
        }
        return try HybridDecoder(memory, start + 1..<memory.count, width: Int(width))
    }

    /// Calls `body` with places in a dictionary of `size`, some at a time.
    static func eachPlaces(
        _ decoder: inout HybridDecoder, _ count: Int, size: Int, _ body: (UnsafeBufferPointer<UInt32>) throws -> Void
    ) throws {
        try withUnsafeTemporaryAllocation(of: UInt32.self, capacity: min(count, 4096)) { places in
            places.initialize(repeating: 0)
            var left = count
            while left > 0 {
                let part = UnsafeMutableBufferPointer(rebasing: places[..<min(left, places.count)])
                try decoder.read(part)
                var largest: UInt32 = 0
                for place in part { largest = max(largest, place) }
                guard Int(largest) < size else { throw Fault("place \(largest) in a dictionary of \(size) values") }
                try body(UnsafeBufferPointer(part))
                left -= part.count
            }
        }
    }
}

// MARK: - Truth values

private final class BooleanDecoder: LeafDecoder {
    private enum State {
        case none
        case plain(PageMemory, bit: Int)
        case runs(HybridDecoder)
    }
    private var values: [Bool] = []
    private var state = State.none

    override func begin(_ memory: PageMemory, _ start: Int, encoding: Int, most: Int) throws {
        switch encoding {
        case Encoding.plain: state = .plain(memory, bit: start * 8)
        case Encoding.runs:
            guard let length = memory.load(start, as: UInt32.self) else {
                state = .none
                return
            }
            guard Int(length) <= memory.count - start - 4 else { throw Fault.end }
            state = .runs(try HybridDecoder(memory, start + 4..<start + 4 + Int(length), width: 1))
        default: throw Encoding.unknown(encoding, "boolean")
        }
    }

    override func read(_ count: Int) throws {
        guard count > 0 else { return }
        guard count <= LeafDecoder.mostBytes - values.count else {
            throw Fault(refused: "has more than 1 GiB in one batch of rows; ask for fewer rows at a time")
        }
        switch state {
        case .none: throw Fault.end
        case .plain(let memory, let bit):
            guard count <= memory.count * 8 - bit else { throw Fault.end }
            for index in bit..<bit + count { values.append(memory.bit(index)) }
            state = .plain(memory, bit: bit + count)
        case .runs(var decoder):
            try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: min(count, 4096)) { bits in
                bits.initialize(repeating: 0)
                var left = count
                while left > 0 {
                    let part = UnsafeMutableBufferPointer(rebasing: bits[..<min(left, bits.count)])
                    try decoder.read(part)
                    for value in part { values.append(value != 0) }
                    left -= part.count
                }
            }
            state = .runs(decoder)
        }
    }

    override func take() -> LeafValues {
        defer { values = [] }
        return .booleans(values)
    }
}
