/// Something a user can mend: one line that says what, where and what to do.
public struct ModelError: Error, CustomStringConvertible, Sendable {
    /// The line.
    public let description: String

    /// An error with its line.
    public init(_ description: String) { self.description = description }
}
