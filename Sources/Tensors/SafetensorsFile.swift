import Foundation
import JSON

/// A safetensors file, mapped read-only: an 8-byte little-endian header length, a JSON header, the tensors' bytes.
///
/// Nothing is read until it is used, and nothing is copied: the tensors lie in the mapping. The header is believed only as far
/// as it can be checked. Format: huggingface.co/docs/safetensors.
public struct SafetensorsFile: Sendable {
    /// Where it came from.
    public let url: URL
    /// Free text beside the tensors (`__metadata__`).
    public let metadata: [String: String]
    /// What the header says of each tensor.
    public let entries: [String: Entry]
    private let buffer: Buffer
    private let dataOffset: Int

    /// One tensor's place.
    public struct Entry: Sendable {
        /// The element type as written, for instance `BF16`.
        public let type: String
        /// Lengths of the axes.
        public let shape: [Int]
        /// Bytes of the data section.
        public let range: Range<Int>
    }

    /// Maps the file and checks its header. Throws `TensorFileError`.
    public init(_ url: URL) throws { try self.init(Buffer(mapping: url), url) }

    /// Reads a file that is in memory already; `source` stands for its path in messages.
    package init(bytes: [UInt8], source: String) throws {
        try self.init(bytes.withUnsafeBytes { Buffer(copying: $0) }, URL(fileURLWithPath: source))
    }

    private init(_ buffer: Buffer, _ url: URL) throws {
        self.url = url
        self.buffer = buffer
        func fail(_ reason: String) -> TensorFileError { TensorFileError("\(url.path): \(reason)") }
        // What the file is instead is worth more than what is wrong with its header.
        func unreadable(_ reason: String) -> TensorFileError {
            buffer.withBytes(0..<min(buffer.byteCount, 4096)) { bytes in
                fail(FileFormat.complaint(of: bytes, wanted: .safetensors) ?? reason)
            }
        }
        guard buffer.byteCount >= 8 else {
            throw unreadable(
                "\(buffer.byteCount) bytes are too few for a safetensors file; is the download complete?")
        }
        let length = buffer.withBytes(0..<8) { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
        guard length <= UInt64(buffer.byteCount - 8), length <= 100_000_000 else {
            throw unreadable(
                "the header claims \(length) bytes, the file has \(buffer.byteCount); it is truncated or no safetensors file"
            )
        }
        let header: JSONValue
        do {
            header = try buffer.withBytes(8..<8 + Int(length)) { try JSONValue.parse($0) }
        } catch {
            throw unreadable("the header is not JSON: \(error)")
        }
        guard let object = header.object else { throw fail("the header is no JSON object") }
        dataOffset = 8 + Int(length)
        let available = buffer.byteCount - dataOffset
        var entries: [String: Entry] = [:]
        var metadata: [String: String] = [:]
        for (name, description) in object {
            if name == "__metadata__" {
                for (key, value) in description.object ?? JSONObject() {
                    metadata[key] = value.string ?? value.serialized()
                }
                continue
            }
            entries[name] = try SafetensorsFile.entry(name, description, available: available, fail: fail)
        }
        // Empty tensors share their place with anything.
        let ordered = entries.filter { !$0.value.range.isEmpty }.sorted {
            $0.value.range.lowerBound < $1.value.range.lowerBound
        }
        for (one, next) in zip(ordered, ordered.dropFirst()) where one.value.range.overlaps(next.value.range) {
            throw fail("the tensors \(one.key) and \(next.key) overlap")
        }
        self.entries = entries
        self.metadata = metadata
    }

    private static let byteCounts = [
        "F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "BF16": 2, "F16": 2, "I16": 2, "U16": 2, "I8": 1,
        "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "C64": 8,
    ]

    private static func entry(
        _ name: String, _ description: JSONValue, available: Int, fail: (String) -> TensorFileError
    ) throws -> Entry {
        guard let type = description["dtype"]?.string, let size = byteCounts[type] else {
            throw fail(
                "tensor \(name): unknown dtype \(description["dtype"]?.serialized() ?? "(none)"); download it again")
        }
        guard let axes = description["shape"]?.array else { throw fail("tensor \(name): no shape") }
        // Axes of length zero are left out of the product at first, so that no part of the shape can overflow later.
        var largest = size
        var shape: [Int] = []
        for axis in axes {
            guard let axis = axis.int, axis >= 0 else {
                throw fail("tensor \(name): the shape \(axes.map { $0.serialized() }) is no list of lengths")
            }
            let (product, overflow) = largest.multipliedReportingOverflow(by: max(axis, 1))
            guard !overflow else { throw fail("tensor \(name): its shape overflows") }
            largest = product
            shape.append(axis)
        }
        let bytes = shape.contains(0) ? 0 : largest
        guard let offsets = description["data_offsets"]?.array, offsets.count == 2, let begin = offsets[0].int,
            let end = offsets[1].int, begin >= 0, end >= begin
        else { throw fail("tensor \(name): bad data_offsets, [begin, end] are needed") }
        guard end <= available else {
            throw fail(
                "tensor \(name) ends at byte \(end) of the data, the file has \(available); it is truncated, download it again"
            )
        }
        guard end - begin == bytes else {
            throw fail("tensor \(name): \(type) \(shape) takes \(bytes) bytes, data_offsets hold \(end - begin)")
        }
        return Entry(type: type, shape: shape, range: begin..<end)
    }

    /// The names in the file, sorted.
    public var names: [String] { entries.keys.sorted() }

    /// A tensor, in place. Nil if the file has none of that name; throws if its element type cannot be used here. Numbers of 64 bits are
    /// rounded to 32.
    public func tensor(_ name: String) throws -> Tensor? {
        guard let entry = entries[name] else { return nil }
        if entry.type == "F64" { return doubles(entry) }
        guard let type = ElementType(rawValue: entry.type) else {
            throw TensorFileError(
                "\(url.path): tensor \(name) has dtype \(entry.type); usable are \(ElementType.allCases.map(\.rawValue).joined(separator: ", "))"
            )
        }
        let offset = dataOffset + entry.range.lowerBound
        let tensor = Tensor(shape: entry.shape, elementType: type, buffer: buffer, byteOffset: offset)
        // Writers align tensors; one that did not gets memory of its own, since kernels need whole elements.
        return offset % type.byteCount == 0 ? tensor : tensor.copy()
    }

    private func doubles(_ entry: Entry) -> Tensor {
        let begin = dataOffset + entry.range.lowerBound
        let values = buffer.withBytes(begin..<begin + entry.range.count) { bytes in
            stride(from: 0, to: bytes.count, by: 8).map {
                Float(
                    Double(bitPattern: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0, as: UInt64.self))))
            }
        }
        return Tensor(values, shape: entry.shape)
    }

    /// The tensor, or an error that lists what the file holds instead.
    public func requiredTensor(_ name: String) throws -> Tensor {
        if let tensor = try tensor(name) { return tensor }
        let some = names.prefix(6).joined(separator: ", ") + (names.count > 6 ? ", …" : "")
        throw TensorFileError("\(url.path): no tensor named \(name); it holds \(names.isEmpty ? "nothing" : some)")
    }
}
