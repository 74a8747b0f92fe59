import Foundation

/// An activation as the library keeps it: little-endian float32 numbers, all finite.
struct StoredVector: Sendable {
    let bytes: Data

    /// Numbers of the widest.
    static let limit = 1 << 20

    /// Nil for bytes that are none.
    init?(_ bytes: Data) {
        guard !bytes.isEmpty, bytes.count % 4 == 0, bytes.count / 4 <= StoredVector.limit,
            [Float](bytes: bytes).allSatisfy(\.isFinite)
        else { return nil }
        self.bytes = bytes
    }

    /// Nil for numbers that are not finite.
    init?(_ numbers: [Float]) { self.init(numbers.bytes) }
}

extension [Float] {
    /// Little-endian float32 numbers.
    fileprivate init(bytes: Data) {
        self = bytes.withUnsafeBytes { raw in
            (0..<raw.count / 4).map {
                Float(bitPattern: UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
            }
        }
    }

    /// Their bytes, little-endian.
    fileprivate var bytes: Data {
        var data = Data(capacity: 4 * count)
        for value in self { Swift.withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) } }
        return data
    }
}
