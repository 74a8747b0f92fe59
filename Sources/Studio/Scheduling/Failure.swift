import LanguageModel

/// What can come of work beside a result.
enum Failure: Error {
    /// The model computed NaN.
    case notANumber
    /// The text has no place in the memory for keys and values. Units: tokens.
    case tooLarge(tokens: Int, limit: Int)
}
