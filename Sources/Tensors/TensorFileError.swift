import JSON

/// What is wrong with a tensor file, in one line: the file, the place in it, and what to do where there is something to do.
public struct TensorFileError: Error, CustomStringConvertible, Sendable {
    /// The line.
    public let description: String

    /// An error with its line.
    public init(_ description: String) { self.description = description.onOneLine }
}
