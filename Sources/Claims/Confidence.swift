/// How probable it is that a claim is true: a number between 0 and 1, and nothing else.
public struct Confidence: Hashable, Sendable {
    /// The probability.
    public let value: Double

    /// A confidence; nil for what is no probability: NaN, and numbers outside 0...1.
    public init?(_ value: Double) {
        guard (0...1).contains(value) else { return nil }
        // Not −0, which would be written as it is.
        self.value = value + 0
    }

    /// In percent, rounded.
    public var percent: Int { Int((100 * value).rounded()) }
}

extension Confidence: Comparable {
    public static func < (left: Confidence, right: Confidence) -> Bool { left.value < right.value }
}
