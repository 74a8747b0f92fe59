import JSON

/// What is wrong with a GGUF file, in one line: the file, the place in it, and what to do where there is something to do.
public struct GGUFError: Error, CustomStringConvertible, Sendable {
    /// The line.
    public let description: String

    /// An error with its line.
    package init(_ description: String) { self.description = description.onOneLine }
}
