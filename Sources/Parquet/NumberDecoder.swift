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

/// The values of a leaf of numbers. A structure, so that the compiler makes each type's own code of it: what a class inherits it would not.
private struct Numbers<Number: StoredNumber> {
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
    private var size: Int { MemoryLayout<Number>.size }

    mutating func setDictionary(_ memory: PageMemory, count: Int) throws {
        guard count <= memory.count / size else { throw Fault.end }
        var values: [Number] = []
        Numbers.append(memory, 0, count, to: &values)
        dictionary = values
    }

    mutating func begin(_ memory: PageMemory, _ start: Int, encoding: Int) throws {
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

    mutating func read(_ count: Int) throws {
        guard count > 0 else { return }
        guard count <= (LeafDecoder.mostBytes / size) - values.count else {
            throw Fault(refused: "has more than 1 GiB in one batch of rows; ask for fewer rows at a time")
        }
        switch state {
        case .none: throw Fault.end
        case .plain(let memory, let position):
            guard count <= (memory.count - position) / size else { throw Fault.end }
            Numbers.append(memory, position, count, to: &values)
            state = .plain(memory, position + count * size)
        case .dictionary(var decoder):
            guard let dictionary else { throw Fault("a page refers to a dictionary that is not there") }
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
            let first = values.count, size = size
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

    mutating func reserve(_ count: Int) { values.reserveCapacity(count) }

    mutating func take() -> [Number] {
        defer { values = [] }
        return values
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

final class Int32Decoder: LeafDecoder {
    private var numbers = Numbers<Int32>()

    override func setDictionary(_ memory: PageMemory, count: Int) throws {
        try numbers.setDictionary(memory, count: count)
    }
    override func begin(_ memory: PageMemory, _ start: Int, encoding: Int, most: Int) throws {
        try numbers.begin(memory, start, encoding: encoding)
    }
    override func reserve(_ count: Int) { numbers.reserve(count) }
    override func read(_ count: Int) throws { try numbers.read(count) }
    override func take() -> LeafValues { .int32(numbers.take()) }
}

final class Int64Decoder: LeafDecoder {
    private var numbers = Numbers<Int64>()

    override func setDictionary(_ memory: PageMemory, count: Int) throws {
        try numbers.setDictionary(memory, count: count)
    }
    override func begin(_ memory: PageMemory, _ start: Int, encoding: Int, most: Int) throws {
        try numbers.begin(memory, start, encoding: encoding)
    }
    override func reserve(_ count: Int) { numbers.reserve(count) }
    override func read(_ count: Int) throws { try numbers.read(count) }
    override func take() -> LeafValues { .int64(numbers.take()) }
}

final class FloatDecoder: LeafDecoder {
    private var numbers = Numbers<Float>()

    override func setDictionary(_ memory: PageMemory, count: Int) throws {
        try numbers.setDictionary(memory, count: count)
    }
    override func begin(_ memory: PageMemory, _ start: Int, encoding: Int, most: Int) throws {
        try numbers.begin(memory, start, encoding: encoding)
    }
    override func reserve(_ count: Int) { numbers.reserve(count) }
    override func read(_ count: Int) throws { try numbers.read(count) }
    override func take() -> LeafValues { .floats(numbers.take()) }
}

final class DoubleDecoder: LeafDecoder {
    private var numbers = Numbers<Double>()

    override func setDictionary(_ memory: PageMemory, count: Int) throws {
        try numbers.setDictionary(memory, count: count)
    }
    override func begin(_ memory: PageMemory, _ start: Int, encoding: Int, most: Int) throws {
        try numbers.begin(memory, start, encoding: encoding)
    }
    override func reserve(_ count: Int) { numbers.reserve(count) }
    override func read(_ count: Int) throws { try numbers.read(count) }
    override func take() -> LeafValues { .doubles(numbers.take()) }
}
