/// Byte strings, of any or of one length; numbers of 16 bits are among them.
final class BytesDecoder: LeafDecoder {
    private enum State {
        case none
        case plain(PageMemory, Int)
        case dictionary(HybridDecoder)
        /// Lengths behind one another, then the bytes.
        case lengths(PageMemory, Int, [Int32], done: Int)
        /// How much of the value before stands at the beginning of each, and the lengths of the rest, then the bytes.
        case prefixes(PageMemory, Int, [Int32], [Int32], done: Int)
        case split(PageMemory, Int, count: Int, done: Int)
    }
    private let fixedLength: Int?
    private let isHalf: Bool
    private var values: ByteStrings
    private var dictionary: ByteStrings?
    private var state = State.none
    /// The last value in an encoding by prefixes.
    private var last: [UInt8] = []

    init(fixedLength: Int?, isHalf: Bool) {
        self.fixedLength = fixedLength
        self.isHalf = isHalf
        values = ByteStrings(fixedLength: fixedLength)
    }

    override func setDictionary(_ memory: PageMemory, count: Int) throws {
        var strings = ByteStrings(fixedLength: fixedLength)
        _ = try plain(memory, 0, count, into: &strings)
        dictionary = strings
    }

    override func begin(_ memory: PageMemory, _ start: Int, encoding: Int, most: Int) throws {
        let isEmpty = start == memory.count
        switch encoding {
        case Encoding.plain: state = .plain(memory, start)
        case Encoding.plainDictionary, Encoding.dictionary:
            state = .dictionary(try LeafDecoder.places(memory, start))
        case Encoding.deltaLength where fixedLength == nil:
            guard !isEmpty else { break }
            let (lengths, end) = try DeltaDecoder.lengths(memory, start, most: most)
            state = .lengths(memory, end, lengths, done: 0)
        case Encoding.deltaBytes:
            guard !isEmpty else { break }
            let (prefixes, middle) = try DeltaDecoder.lengths(memory, start, most: most)
            let (suffixes, end) = try DeltaDecoder.lengths(memory, middle, most: most)
            guard prefixes.count == suffixes.count else {
                throw Fault("\(prefixes.count) beginnings of \(suffixes.count) values")
            }
            last = []
            state = .prefixes(memory, end, prefixes, suffixes, done: 0)
        case Encoding.byteStreamSplit:
            guard let fixedLength else { throw Encoding.unknown(encoding, "binary") }
            state = .split(memory, start, count: (memory.count - start) / fixedLength, done: 0)
        default: throw Encoding.unknown(encoding, fixedLength == nil ? "binary" : "fixed-length binary")
        }
        if isEmpty, encoding == Encoding.deltaLength || encoding == Encoding.deltaBytes { state = .none }
    }

    private func check(_ more: Int) throws {
        guard more <= LeafDecoder.mostBytes - values.bytes.count, values.count < LeafDecoder.mostBytes / 8 else {
            throw Fault(refused: "has more than 1 GiB in one batch of rows; ask for fewer rows at a time")
        }
    }

    /// Appends plain values and says where they end.
    private func plain(_ memory: PageMemory, _ start: Int, _ count: Int, into strings: inout ByteStrings) throws -> Int
    {
        if let fixedLength {
            guard count <= (memory.count - start) / fixedLength else { throw Fault.end }
            strings.bytes.append(contentsOf: memory.bytes(start..<start + count * fixedLength))
            return start + count * fixedLength
        }
        var position = start
        for _ in 0..<count {
            guard let length = memory.load(position, as: UInt32.self) else { throw Fault.end }
            position += 4
            guard Int(length) <= memory.count - position else { throw Fault.end }
            strings.append(memory.bytes(position..<position + Int(length)))
            position += Int(length)
        }
        return position
    }

    override func read(_ count: Int) throws {
        guard count > 0 else { return }
        try check(count * (fixedLength ?? 0))
        switch state {
        case .none: throw Fault.end
        case .plain(let memory, let position):
            try check(fixedLength == nil ? memory.count - position : 0)
            state = .plain(memory, try plain(memory, position, count, into: &values))
        case .dictionary(var decoder):
            guard let dictionary else { throw Fault("a page refers to a dictionary that is not there") }
            try LeafDecoder.eachPlaces(&decoder, count, size: dictionary.count) { places in
                for place in places {
                    let range = dictionary.range(Int(place))
                    try check(range.count)
                    values.append(dictionary.bytes[range])
                }
            }
            state = .dictionary(decoder)
        case .lengths(let memory, var position, let lengths, let done):
            guard count <= lengths.count - done else { throw Fault.end }
            for length in lengths[done..<done + count] {
                guard Int(length) <= memory.count - position else { throw Fault.end }
                try check(Int(length))
                values.append(memory.bytes(position..<position + Int(length)))
                position += Int(length)
            }
            state = .lengths(memory, position, lengths, done: done + count)
        case .prefixes(let memory, var position, let prefixes, let suffixes, let done):
            guard count <= prefixes.count - done else { throw Fault.end }
            for index in done..<done + count {
                let prefix = Int(prefixes[index]), suffix = Int(suffixes[index])
                guard prefix <= last.count, suffix <= memory.count - position else { throw Fault.end }
                if let fixedLength, prefix + suffix != fixedLength {
                    throw Fault("a value of \(prefix + suffix) bytes, not \(fixedLength)")
                }
                try check(prefix + suffix)
                last.removeLast(last.count - prefix)
                last.append(contentsOf: memory.bytes(position..<position + suffix))
                position += suffix
                values.append(last)
            }
            state = .prefixes(memory, position, prefixes, suffixes, done: done + count)
        case .split(let memory, let start, let total, let done):
            guard let fixedLength, count <= total - done else { throw Fault.end }
            let first = values.bytes.count
            values.bytes.append(contentsOf: repeatElement(0, count: count * fixedLength))
            for byte in 0..<fixedLength {
                let stream = memory.base + start + byte * total + done
                for index in 0..<count {
                    values.bytes[first + index * fixedLength + byte] = stream.load(
                        fromByteOffset: index, as: UInt8.self)
                }
            }
            state = .split(memory, start, count: total, done: done + count)
        }
    }

    override func take() -> LeafValues {
        defer { values = ByteStrings(fixedLength: fixedLength) }
        guard isHalf else { return .bytes(values) }
        return .floats(
            values.bytes.withUnsafeBytes { bytes in
                (0..<bytes.count / 2).map { index in
                    Float(half: UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)))
                }
            })
    }
}

extension Float {
    /// The number that 16 bits in IEEE 754's binary16 stand for.
    package init(half bits: UInt16) {
        let sign = UInt32(bits & 0x8000) << 16
        let exponent = UInt32(bits >> 10 & 31), fraction = UInt32(bits & 0x3FF)
        switch exponent {
        case 0:
            // Fractions of 2⁻²⁴, without an implied one.
            let magnitude = Float(fraction) * 0x1p-24
            self = sign == 0 ? magnitude : -magnitude
        case 31: self = Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
        default: self = Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
        }
    }
}
