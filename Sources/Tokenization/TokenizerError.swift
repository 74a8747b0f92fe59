/// Why a tokenizer or a chat template cannot be used.
public struct TokenizerError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file, or another name for where the trouble lies.
    public let source: String
    /// What is wrong and what to do about it, as one line.
    public let reason: String

    /// Makes an error about `source`.
    public init(source: String, reason: String) {
        self.source = source
        self.reason = reason
    }

    /// One line: where and what.
    public var description: String { "\(source): \(reason)" }
}
