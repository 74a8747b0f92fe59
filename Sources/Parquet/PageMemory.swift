import Foundation

/// The bytes of a page. The system gives memory when it is first written to, so a length that a damaged file makes up costs nothing.
package final class PageMemory {
    /// Its beginning.
    package let base: UnsafeMutableRawPointer
    /// Length in bytes.
    let count: Int

    /// Memory for a page. Throws a ``Fault`` where the system gives none.
    package init(count: Int) throws {
        precondition(count >= 0, "a page of negative length")
        guard let base = malloc(max(count, 8)) else {
            throw Fault(
                refused:
                    "has a page of \(count) bytes, for which memory is missing; free some, or write it again with smaller pages"
            )
        }
        self.count = count
        self.base = base
    }

    deinit { free(base) }

    /// The bytes in `range`, which must lie inside.
    func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "outside the page")
        return UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
    }

    /// A number in little-endian order, or nil where the page ends before it does.
    func load<Value: FixedWidthInteger & BitwiseCopyable>(_ position: Int, as type: Value.Type) -> Value? {
        guard position >= 0, position <= count - MemoryLayout<Value>.size else { return nil }
        return Value(littleEndian: base.loadUnaligned(fromByteOffset: position, as: Value.self))
    }
}
