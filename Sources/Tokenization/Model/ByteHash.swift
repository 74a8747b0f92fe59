/// Hashes short byte strings, such as words and vocabulary pieces.
///
/// Seeded per process, so that nobody can craft a vocabulary whose pieces all collide.
struct ByteHash: Sendable {
    private let seed = UInt64.random(in: .min ... .max)

    @inline(__always)
    func callAsFunction(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
        let count = bytes.count
        var hash = seed ^ UInt64(truncatingIfNeeded: count)
        guard let base = UnsafeRawPointer(bytes.baseAddress), count > 0 else { return Self.mix(hash) }
        var offset = 0
        while offset + 8 <= count {
            hash = Self.mix(hash ^ base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        if offset < count {
            hash = Self.mix(hash ^ Self.tail(base, count))
        }
        return Self.mix(hash)
    }

    /// The last eight bytes, or all of them where there are fewer.
    @inline(__always)
    private static func tail(_ base: UnsafeRawPointer, _ count: Int) -> UInt64 {
        if count >= 8 { return base.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self) }
        if count >= 4 {
            let low = base.loadUnaligned(as: UInt32.self)
            let high = base.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self)
            return UInt64(high) << 32 | UInt64(low)
        }
        let first = base.load(as: UInt8.self)
        let middle = base.load(fromByteOffset: count / 2, as: UInt8.self)
        let last = base.load(fromByteOffset: count - 1, as: UInt8.self)
        return UInt64(first) | UInt64(middle) << 8 | UInt64(last) << 16
    }

    /// Multiplies to 128 bits and folds the halves together, which spreads every input bit over the result.
    @inline(__always)
    static func mix(_ value: UInt64) -> UInt64 {
        let product = (value ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
        return product.high ^ product.low
    }
}
