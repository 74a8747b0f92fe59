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
        case .int32: NumberDecoder<Int32>(LeafValues.int32)
        case .int64: NumberDecoder<Int64>(LeafValues.int64)
        case .float: NumberDecoder<Float>(LeafValues.floats)
        case .double: NumberDecoder<Double>(LeafValues.doubles)
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

// MARK: - Numbers

/// A number of fixed width.
protocol StoredNumber: BitwiseCopyable, Sendable {
    static var zero: Self { get }
    /// From a value that was stored as differences; nil for types that are not.
    init?(difference: UInt64)
}
extension Int32: StoredNumber { init?(difference: UInt64) { self.init(truncatingIfNeeded: difference) } }
extension Int64: StoredNumber { init?(difference: UInt64) { self.init(bitPattern: difference) } }
extension Float: StoredNumber { init?(difference: UInt64) { return nil } }
extension Double: StoredNumber { init?(difference: UInt64) { return nil } }

private final class NumberDecoder<Number: StoredNumber>: LeafDecoder {
    private enum State {
        case none
        case plain(PageMemory, Int)
        case dictionary(HybridDecoder)
        case delta(DeltaDecoder)
        /// The first bytes of all numbers, then the second ones, …; with the number of numbers and those read.
        case split(PageMemory, Int, count: Int, done: Int)
    }

    private var values: [Number] = []
    private var dictionary: [Number]?
    private var state = State.none
    private let wrap: ([Number]) -> LeafValues
    private let size = MemoryLayout<Number>.size

    init(_ wrap: @escaping ([Number]) -> LeafValues) { self.wrap = wrap }

    override func setDictionary(_ memory: PageMemory, count: Int) throws {
        guard count <= memory.count / size else { throw Fault.end }
        dictionary = []
        NumberDecoder.append(memory, 0, count, to: &dictionary!)
    }

    override func begin(_ memory: PageMemory, _ start: Int, encoding: Int, most: Int) throws {
        switch encoding {
        case Encoding.plain: state = .plain(memory, start)
        case Encoding.plainDictionary, Encoding.dictionary:
            state = .dictionary(try LeafDecoder.places(memory, start))
        case Encoding.delta where Number(difference: 0) != nil:
            // A page without values may be empty.
            state = start == memory.count ? .none : .delta(try DeltaDecoder(memory, start, bits: size * 8))
        case Encoding.byteStreamSplit:
            state = .split(memory, start, count: (memory.count - start) / size, done: 0)
        default: throw Encoding.unknown(encoding, "\(Number.self)")
        }
    }

    override func read(_ count: Int) throws {
        guard count > 0 else { return }
        guard count <= (LeafDecoder.mostBytes / size) - values.count else {
            throw Fault(refused: "has more than 1 GiB in one batch of rows; ask for fewer rows at a time")
        }
        switch state {
        case .none: throw Fault.end
        case .plain(let memory, let position):
            guard count <= (memory.count - position) / size else { throw Fault.end }
            NumberDecoder.append(memory, position, count, to: &values)
            state = .plain(memory, position + count * size)
        case .dictionary(var decoder):
            guard let dictionary else { throw Fault("a page refers to a dictionary that is not there") }
            values.reserveCapacity(values.count + count)
            try dictionary.withUnsafeBufferPointer { dictionary in
                try LeafDecoder.eachPlaces(&decoder, count, size: dictionary.count) { places in
                    for place in places { values.append(dictionary[Int(place)]) }
                }
            }
            state = .dictionary(decoder)
        case .delta(var decoder):
            for _ in 0..<count {
                guard let value = Number(difference: try decoder.next()) else { break }
                values.append(value)
            }
            state = .delta(decoder)
        case .split(let memory, let start, let total, let done):
            guard count <= total - done else { throw Fault.end }
            let first = values.count
            values.append(contentsOf: repeatElement(.zero, count: count))
            values.withUnsafeMutableBytes { bytes in
                for byte in 0..<size {
                    let stream = memory.base + start + byte * total + done
                    for index in 0..<count {
                        bytes[(first + index) * size + byte] = stream.load(fromByteOffset: index, as: UInt8.self)
                    }
                }
            }
            state = .split(memory, start, count: total, done: done + count)
        }
    }

    override func take() -> LeafValues {
        defer { values = [] }
        return wrap(values)
    }

    /// Appends plain numbers, whose bytes must be there.
    private static func append(_ memory: PageMemory, _ start: Int, _ count: Int, to values: inout [Number]) {
        guard count > 0 else { return }
        let first = values.count, size = MemoryLayout<Number>.size
        values.append(contentsOf: repeatElement(.zero, count: count))
        values.withUnsafeMutableBytes { bytes in
            (bytes.baseAddress! + first * size).copyMemory(from: memory.base + start, byteCount: count * size)
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
