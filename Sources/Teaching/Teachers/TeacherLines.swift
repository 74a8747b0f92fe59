import Foundation
import JSON
import Parquet
import Runs

/// Reads files of one JSON object per line, or Parquet with the same columns.
enum TeacherLines {
    /// What is looked at in a record.
    private static let fields = [
        "id", "document", "position", "text", "explanation", "doc_id", "token_position", "api_explanation",
    ]

    /// Calls `body` with each object and its place, "FILE: line N" or "FILE: row N". Empty lines are passed over.
    ///
    /// Of Parquet in the reference layout `doc_id`, `token_position` and `api_explanation` stand for "document", "position" and
    /// "explanation".
    ///
    /// - Parameter passingOverUnexplained: whether rows that nobody explained are passed over.
    static func read(
        _ files: [URL], passingOverUnexplained: Bool = false, _ body: (JSONValue, String) throws -> Void
    ) throws {
        try RecordReader.read(files, fields: fields, failure: { TrainingError($0) }) { record in
            guard var object = record.json.object else { throw TrainingError("\(record.place): an object is needed") }
            if record.isRow {
                for (name, theirs) in [
                    ("document", "doc_id"), ("position", "token_position"), ("explanation", "api_explanation"),
                ]
                where object[name] == nil { object[name] = object[theirs] }
                if passingOverUnexplained, object["explanation"]?.isNull == true { return }
                // The store's line of a document is no name of one.
                if object["doc_id"] != nil { object["document"] = object["doc_id"] }
            }
            try body(.object(object), record.place)
        }
    }

    /// The name of a line's place: "id", or "document" with "position".
    static func id(_ json: JSONValue, _ place: String) throws -> String {
        if let id = json["id"]?.string ?? json["id"]?.int.map(String.init) {
            guard !id.isEmpty else { throw TrainingError("\(place): \"id\" is empty") }
            return id
        }
        guard let document = json["document"]?.string, let position = json["position"]?.int else {
            throw TrainingError("\(place): \"id\", or \"document\" and \"position\", is needed")
        }
        return TeacherRequest.id(document: document, position: position)
    }

    /// A line's text under a key, with something in it.
    static func text(_ json: JSONValue, _ key: String, _ place: String) throws -> String {
        guard let text = json[key]?.string else { throw TrainingError("\(place): \"\(key)\" is missing or no text") }
        guard !text.allSatisfy(\.isWhitespace) else { throw TrainingError("\(place): \"\(key)\" is empty") }
        return text
    }
}

extension TeacherRequest {
    /// Reads a file of texts to explain: a line for each, with "text" and "id" (or "document" and "position").
    ///
    /// Throws a `TrainingError` that names the line.
    public static func read(_ file: URL) throws -> [TeacherRequest] { try read([file]) }

    /// Reads files as one. Throws as the reading of one does.
    public static func read(_ files: [URL]) throws -> [TeacherRequest] {
        var requests: [TeacherRequest] = []
        var places: [String: String] = [:]
        try TeacherLines.read(files) { json, place in
            let id = try TeacherLines.id(json, place)
            if let first = places.updateValue(place, forKey: id) {
                throw TrainingError("\(place): the id \(id) stands before already: \(first)")
            }
            requests.append(TeacherRequest(id: id, textSoFar: try TeacherLines.text(json, "text", place)))
        }
        guard !requests.isEmpty else { throw TrainingError("\(files.first?.path ?? "no file"): no texts in it") }
        return requests
    }
}
