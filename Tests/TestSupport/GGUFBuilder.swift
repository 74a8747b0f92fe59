import Foundation

/// Puts a GGUF file together, byte by byte, for tests: also files that no program would write.
public struct GGUFBuilder: Sendable {
    /// A value of the metadata.
    public enum Value: Sendable {
        case uint32(UInt32)
        case int32(Int32)
        case uint16(UInt16)
        case uint64(UInt64)
        case float32(Float)
        case bool(Bool)
        case string(String)
        case strings([String])
        case int32s([Int32])
        case uint32s([UInt32])
        case float32s([Float])
        case bools([Bool])
        /// The number of a type, and what stands behind it.
        case raw(UInt32, [UInt8])
    }

    /// A tensor: its name, the number of its type, the lengths of its axes as the file orders them (the longest run of memory first),
    /// and its bytes.
    public struct Tensor: Sendable {
        public var name: String
        public var type: UInt32
        public var dimensions: [UInt64]
        public var data: [UInt8]
        /// The place in the data that the file claims; nil for the place where the bytes are put.
        public var offset: UInt64?

        /// A tensor.
        public init(_ name: String, type: UInt32, _ dimensions: [UInt64], _ data: [UInt8], offset: UInt64? = nil) {
            self.name = name
            self.type = type
            self.dimensions = dimensions
            self.data = data
            self.offset = offset
        }

        /// A tensor of float32. The shape has the outermost axis first, as everywhere but in the file.
        public init(_ name: String, _ shape: [Int], floats: [Float]) {
            self.init(
                name, type: 0, shape.reversed().map(UInt64.init),
                floats.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) } })
        }
    }

    public var version: UInt32 = 3
    public var metadata: [(key: String, value: Value)]
    public var tensors: [Tensor]
    /// What the file claims to have; nil for what it has.
    public var claimedTensors: UInt64?
    public var claimedKeys: UInt64?
    public var alignment = 32

    /// A file with nothing wrong.
    public init(_ metadata: [(String, Value)] = [], tensors: [Tensor] = []) {
        self.metadata = metadata.map { (key: $0.0, value: $0.1) }
        self.tensors = tensors
    }

    /// The file.
    public var bytes: [UInt8] {
        var file = Array("GGUF".utf8) + little(version)
        file += little(claimedTensors ?? UInt64(tensors.count)) + little(claimedKeys ?? UInt64(metadata.count))
        for (key, value) in metadata { file += text(key) + encoded(value) }
        var data: [UInt8] = []
        for tensor in tensors {
            while data.count % alignment != 0 { data.append(0) }
            file += text(tensor.name) + little(UInt32(tensor.dimensions.count)) + tensor.dimensions.flatMap(little)
            file += little(tensor.type) + little(tensor.offset ?? UInt64(data.count))
            data += tensor.data
        }
        while file.count % alignment != 0 { file.append(0) }
        return file + data
    }

    /// Writes the file.
    public func write(to url: URL) throws { try Data(bytes).write(to: url) }

    private func encoded(_ value: Value) -> [UInt8] {
        func list(_ type: UInt32, _ count: Int, _ bytes: [UInt8]) -> [UInt8] {
            little(UInt32(9)) + little(type) + little(UInt64(count)) + bytes
        }
        return switch value {
        case .uint16(let number): little(UInt32(2)) + little(number)
        case .uint32(let number): little(UInt32(4)) + little(number)
        case .int32(let number): little(UInt32(5)) + little(number)
        case .float32(let number): little(UInt32(6)) + little(number.bitPattern)
        case .bool(let flag): little(UInt32(7)) + [flag ? 1 : 0]
        case .string(let string): little(UInt32(8)) + text(string)
        case .uint64(let number): little(UInt32(10)) + little(number)
        case .strings(let strings): list(8, strings.count, strings.flatMap(text))
        case .int32s(let numbers): list(5, numbers.count, numbers.flatMap(little))
        case .uint32s(let numbers): list(4, numbers.count, numbers.flatMap(little))
        case .float32s(let numbers): list(6, numbers.count, numbers.flatMap { little($0.bitPattern) })
        case .bools(let flags): list(7, flags.count, flags.map { $0 ? 1 : 0 })
        case .raw(let type, let bytes): little(type) + bytes
        }
    }

    private func text(_ string: String) -> [UInt8] { little(UInt64(string.utf8.count)) + Array(string.utf8) }
}

/// A number's bytes, the lowest first.
public func little(_ number: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
}
