import Foundation
import JSON
import LanguageModel
import Parquet
import Tensors

/// A text up to a position, for which an explanation is wanted.
public struct TeacherRequest: Sendable, Equatable {
    /// The name under which the explanation comes back, `document#position` for a position of a document.
    public var id: String
    /// The text up to the position, and nothing behind it.
    public var textSoFar: String

    /// A request for one place.
    public init(id: String, textSoFar: String) {
        self.id = id
        self.textSoFar = textSoFar
    }

    /// A request for a position of a document.
    public init(document: String, position: Int, textSoFar: String) {
        self.init(id: TeacherRequest.id(document: document, position: position), textSoFar: textSoFar)
    }

    /// The name of a position of a document.
    public static func id(document: String, position: Int) -> String { "\(document)#\(position)" }
}

/// What a teacher wrote about one place.
public struct TaughtExplanation: Sendable, Equatable {
    /// The request's name.
    public var id: String
    /// Two or three features of the text so far, a line each.
    public var explanation: String

    /// An explanation with its name.
    public init(id: String, explanation: String) {
        self.id = id
        self.explanation = explanation
    }

    /// As a line of a teacher's file, its end included.
    public var line: String {
        (["id": .string(id), "explanation": .string(explanation)] as JSONValue).serialized() + "\n"
    }

    /// Writes lines as a teacher's file; under a name that ends in `.parquet` as Parquet. Throws a one-line error.
    public static func write(_ lines: String, to file: URL) throws {
        guard RecordWriter.isParquet(file) else { return try AtomicFile.write(lines, to: file) }
        var records: [JSONValue] = []
        try JSONLines.read(Data(lines.utf8), source: file.path, failure: { ModelError($0) }) { records.append($0.json) }
        do { try RecordWriter.write(records, fields: ["id", "explanation"], to: file) } catch let error as ParquetError
        {
            throw ModelError(error.description)
        }
    }
}

/// How the requests fared: `requested = answered + reused + skippedCount`.
public struct TeacherReport: Sendable, Equatable {
    /// Requests.
    public var requested = 0
    /// Questions put to a model in this run, however often each was repeated.
    public var asked = 0
    /// Requests explained anew.
    public var answered = 0
    /// Requests explained without asking: by an earlier run, or together with a request of the same text.
    public var reused = 0
    /// Requests without an explanation, by reason.
    public var skipped: [String: Int] = [:]
    /// Tokens of questions in this run, where they are counted.
    public var inputTokens = 0
    /// Tokens of answers in this run, where they are counted.
    public var outputTokens = 0

    /// All requests without an explanation.
    public var skippedCount: Int { skipped.values.reduce(0, +) }

    /// A report of nothing.
    public init(requested: Int = 0) { self.requested = requested }
}

/// Writes explanations of texts, from which a verbalizer and a reconstructor learn first (docs/method.md §4.1).
public protocol TextTeacher: Sendable {
    /// Explains what it can and calls `deliver` with each explanation, in the order of the requests.
    ///
    /// Requests that end without an explanation are left out and counted in the report. Throws a `TrainingError` or what its source
    /// throws when going on would be useless, and what `deliver` throws.
    func explain(
        _ requests: [TeacherRequest], deliver: (TaughtExplanation) throws -> Void
    ) async throws -> TeacherReport
}
