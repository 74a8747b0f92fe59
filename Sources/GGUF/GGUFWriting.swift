/// A value to be written into a GGUF file's metadata.
package enum GGUFNewValue: Sendable {
    case uint32(UInt32)
    case float32(Float)
    case bool(Bool)
    case string(String)
    /// Texts as UTF-8.
    case strings([[UInt8]])
    case int32s([Int32])
    case float32s([Float])
    case bools([Bool])
}

/// What stands before the weights in a GGUF file that is to be written: version 3, little-endian, aligned to 32.
package struct GGUFNewHeader: Sendable {
    /// A tensor to be written.
    package struct Tensor: Sendable {
        let name: String
        let type: GGMLType
        /// Lengths of the axes, outermost first.
        let shape: [Int]
        /// Bytes it takes.
        package let byteCount: Int

        /// A tensor whose rows are whole blocks.
        package init(_ name: String, _ type: GGMLType, _ shape: [Int]) {
            self.name = name
            self.type = type
            self.shape = shape
            byteCount = shape.reduce(1, *) / type.block.weights * type.block.bytes
        }
    }

    /// Every tensor begins at a multiple of it.
    package static let alignment = 32

    /// The header, up to where the first tensor begins.
    package let bytes: [UInt8]

    /// - Parameters:
    ///   - metadata: keys with values, in order; no key twice.
    ///   - tensors: the tensors in the order in which they follow. After each one zeros come up to the next multiple of
    ///     ``alignment``.
    package init(_ metadata: [(key: String, value: GGUFNewValue)], _ tensors: [Tensor]) {
        var file = Output()
        file.bytes += "GGUF".utf8
        file.add(UInt32(3))
        file.add(UInt64(tensors.count))
        file.add(UInt64(metadata.count))
        for (key, value) in metadata {
            file.add(Array(key.utf8))
            file.add(value)
        }
        var offset = 0
        for tensor in tensors {
            file.add(Array(tensor.name.utf8))
            file.add(UInt32(tensor.shape.count))
            for length in tensor.shape.reversed() { file.add(UInt64(length)) }
            file.add(tensor.type.rawValue)
            file.add(UInt64(offset))
            offset += GGUFNewHeader.padded(tensor.byteCount)
        }
        file.bytes += [UInt8](repeating: 0, count: GGUFNewHeader.padded(file.bytes.count) - file.bytes.count)
        bytes = file.bytes
    }

    /// The next multiple of ``alignment``.
    package static func padded(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }

    private struct Output {
        var bytes: [UInt8] = []

        mutating func add(_ number: some FixedWidthInteger) {
            withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
        }

        /// A text with its length before it.
        mutating func add(_ text: [UInt8]) {
            add(UInt64(text.count))
            bytes += text
        }

        mutating func add(_ type: GGUFValueType) { add(type.rawValue) }

        mutating func add(_ value: GGUFNewValue) {
            switch value {
            case .uint32(let number):
                add(.uint32)
                add(number)
            case .float32(let number):
                add(.float32)
                add(number.bitPattern)
            case .bool(let flag):
                add(.bool)
                add(UInt8(flag ? 1 : 0))
            case .string(let text):
                add(.string)
                add(Array(text.utf8))
            case .strings(let texts):
                list(.string, texts.count)
                for text in texts { add(text) }
            case .int32s(let numbers):
                list(.int32, numbers.count)
                for number in numbers { add(number) }
            case .float32s(let numbers):
                list(.float32, numbers.count)
                for number in numbers { add(number.bitPattern) }
            case .bools(let flags):
                list(.bool, flags.count)
                for flag in flags { add(UInt8(flag ? 1 : 0)) }
            }
        }

        private mutating func list(_ type: GGUFValueType, _ count: Int) {
            add(.array)
            add(type)
            add(UInt64(count))
        }
    }
}
