import JSON

/// Something a user can mend: one line that says what, where and what to do.
public struct ModelError: Error, CustomStringConvertible, Sendable {
    /// The line.
    public let description: String

    /// Where a NaN or an infinity was computed, such as `in the logits`, if that is the error.
    public let nonFinitePlace: String?

    /// An error with its line.
    public init(_ description: String, nonFinitePlace: String? = nil) {
        self.description = description.onOneLine
        self.nonFinitePlace = nonFinitePlace
    }
}
