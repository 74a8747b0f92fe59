// What is drawn from a generator is part of what a seed means: runs, splits of data and experiments are found again by it. So the draws
// are defined here and not left to the standard library, whose algorithms may change; `Random` is deliberately no
// `RandomNumberGenerator`, so that nothing else can draw from it.

extension FixedWidthInteger {
    /// A number of `range`, which must not be empty, each equally likely.
    @inlinable
    public static func random(in range: Range<Self>, using random: inout Random) -> Self {
        precondition(!range.isEmpty, "no number in an empty range")
        let width = Magnitude(truncatingIfNeeded: range.upperBound &- range.lowerBound)
        return range.lowerBound &+ Self(truncatingIfNeeded: drawn(below: width, &random))
    }

    /// A number of `range`, each equally likely.
    @inlinable
    public static func random(in range: ClosedRange<Self>, using random: inout Random) -> Self {
        let width = Magnitude(truncatingIfNeeded: range.upperBound &- range.lowerBound)
        // All numbers of the type: a width of one more does not fit in it.
        if width == .max { return Self(truncatingIfNeeded: random.next()) }
        return range.lowerBound &+ Self(truncatingIfNeeded: drawn(below: width + 1, &random))
    }

    /// A number below `bound` > 0 (Lemire 2019): the high half of the product of a draw and the bound, drawn again where the low half
    /// says that the number would come too often. A type of fewer than 64 bits takes the low bits of a draw.
    @inlinable
    static func drawn(below bound: Magnitude, _ random: inout Random) -> Magnitude {
        precondition(bitWidth <= 64, "numbers of \(bitWidth) bits are not drawn")
        func draw() -> (high: Magnitude, low: Magnitude.Magnitude) {
            Magnitude(truncatingIfNeeded: random.next()).multipliedFullWidth(by: bound)
        }
        var product = draw()
        if product.low < bound {
            let least = (0 &- bound) % bound
            while product.low < least { product = draw() }
        }
        return product.high
    }
}

extension Bool {
    /// Either, equally likely.
    @inlinable
    public static func random(using random: inout Random) -> Bool { (random.next() >> 17) & 1 == 0 }
}

extension MutableCollection where Self: RandomAccessCollection {
    /// Puts the elements in a random order (Fisher and Yates): each place in turn takes one of those that are left, itself included.
    @inlinable
    public mutating func shuffle(using random: inout Random) {
        var left = count, place = startIndex
        while left > 1 {
            swapAt(place, index(place, offsetBy: Int.random(in: 0..<left, using: &random)))
            left -= 1
            formIndex(after: &place)
        }
    }
}

extension Sequence {
    /// The elements in a random order, as `shuffle(using:)` puts them.
    @inlinable
    public func shuffled(using random: inout Random) -> [Element] {
        var result = ContiguousArray(self)
        result.shuffle(using: &random)
        return Array(result)
    }
}

extension Collection {
    /// One of the elements, each equally likely; nil of none, which draws nothing.
    @inlinable
    public func randomElement(using random: inout Random) -> Element? {
        isEmpty ? nil : self[index(startIndex, offsetBy: Int.random(in: 0..<count, using: &random))]
    }
}
