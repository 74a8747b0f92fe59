import Foundation
import Runs

/// A teacher that has written already: a file with a line for each explanation.
///
///     {"id": "a/1#57", "explanation": "A fairy tale.\nThe text ends with \"once upon\"; \"a time\" must follow."}
///
/// Instead of "id" a line may have "document" and "position". Parquet with these columns is read too, and in the reference layout.
public struct JSONLTeacher: TextTeacher {
    /// Where it has written: one file, or several that are read as one.
    let files: [URL]
    /// The first of them, for messages.
    var place: String { files.first?.path ?? "no file" }
    /// Explanations by id.
    private let explanations: [String: String]

    /// Reads the file. Throws as the reading of several does.
    public init(_ file: URL) throws { try self.init([file]) }

    /// Reads files as one. One place may stand there twice only with the same words; anything else is a `TrainingError` with its line.
    public init(_ files: [URL]) throws {
        var explanations: [String: String] = [:]
        var places: [String: String] = [:]
        try TeacherLines.read(files, passingOverUnexplained: true) { json, place in
            let id = try TeacherLines.id(json, place)
            let explanation = try TeacherLines.text(json, "explanation", place)
                .trimmingCharacters(in: .whitespacesAndNewlines)
            if let other = explanations.updateValue(explanation, forKey: id), other != explanation {
                throw TrainingError("\(place): \(id) has another explanation already: \(places[id] ?? "")")
            }
            places[id] = place
        }
        self.explanations = explanations
        self.files = files
    }

    /// The explanation of a place by its id; nil if the file has none.
    public subscript(id: String) -> String? { explanations[id] }

    public func explain(
        _ requests: [TeacherRequest], deliver: (TaughtExplanation) throws -> Void
    ) async throws -> TeacherReport {
        var report = TeacherReport(requested: requests.count)
        for request in requests {
            if let explanation = explanations[request.id] {
                report.answered += 1
                try deliver(TaughtExplanation(id: request.id, explanation: explanation))
            } else {
                report.skipped["not in the file", default: 0] += 1
            }
        }
        return report
    }
}
