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

    var numbers: [Float] { [Float](bytes: bytes) }
}
