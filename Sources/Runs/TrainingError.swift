import JSON

/// Something a user can mend: one line that says what, where and what to do.
public struct TrainingError: Error, CustomStringConvertible, Sendable {
    /// The line.
    public let description: String

    /// An error with its line.
    public init(_ description: String) { self.description = description.onOneLine }
}

/// A number that training cannot go on from. The loop adds the step and the last good checkpoint.
public struct NonFiniteError: Error, CustomStringConvertible, Sendable {
    /// What was not a number, such as `the loss` or `the gradient of layers.0.mlp.up_proj.weight`.
    public let place: String

    /// An error about `place`.
    public init(_ place: String) { self.place = place }

    /// One line.
    public var description: String { "\(place) is NaN or infinite" }
}
