import JSON

/// Why a Parquet file cannot be read or written: one line with the file, the column where there is one, what is wrong and what to do.
public struct ParquetError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The line.
    public let description: String

    init(_ file: String, column: String? = nil, _ reason: String) {
        let place = column.map { "\(file): column \($0.onOneLine.abridged)" } ?? file
        description = "\(place): \(reason)"
    }
}

/// What is wrong inside a file, before it is known in which: a clause. ``ParquetError`` adds the place.
struct Fault: Error {
    let reason: String
    /// Whether the bytes at hand ended too early.
    let isEnd: Bool

    /// Something that no sound file says.
    init(_ reason: String) {
        self.reason = reason + "; the file is damaged, fetch or write it again"
        isEnd = false
    }

    /// Something that sound files may say and that is not read here.
    init(refused reason: String) {
        self.reason = reason
        isEnd = false
    }

    private init(end: Void) {
        reason = "it ends in the middle of a value; the file is damaged, fetch or write it again"
        isEnd = true
    }

    /// The bytes at hand ended too early.
    static var end: Fault { Fault(end: ()) }
}
