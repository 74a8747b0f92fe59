// Swift's `max(0, x)` is 0 where x is NaN, and `max()` of numbers depends on where a NaN stands among them: what is broken would read as
// nothing to see. Measured numbers are bounded and compared by these, which let NaN through.

extension BinaryFloatingPoint {
    /// The number, or `least` where it is below; NaN stays NaN.
    @inlinable
    public func atLeast(_ least: Self) -> Self { self < least ? least : self }

    /// The number, or `most` where it is above; NaN stays NaN.
    @inlinable
    public func atMost(_ most: Self) -> Self { self > most ? most : self }

    /// The number, or the nearest in `range`; NaN stays NaN.
    @inlinable
    public func clamped(to range: ClosedRange<Self>) -> Self { atLeast(range.lowerBound).atMost(range.upperBound) }

    /// The larger of two; NaN if either is.
    @inlinable
    public static func larger(_ a: Self, _ b: Self) -> Self { a.isNaN || a > b ? a : b }
}

extension Sequence where Element: BinaryFloatingPoint {
    /// The largest; NaN if any is, and nil of none.
    @inlinable
    public func largest() -> Element? {
        reduce(nil as Element?) { most, next in most.map { .larger($0, next) } ?? next }
    }

    /// The smallest; NaN if any is, and nil of none.
    @inlinable
    public func smallest() -> Element? {
        reduce(nil as Element?) { least, next in
            guard let least else { return next }
            return least.isNaN || least < next ? least : next
        }
    }
}
