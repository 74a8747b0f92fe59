import Foundation
import JSON
import Runs

/// Reads files of one JSON object per line.
enum TeacherLines {
    /// Calls `body` with each object and its place, "FILE: line N". Empty lines are passed over.
    static func read(_ file: URL, _ body: (JSONValue, String) throws -> Void) throws {
        // By descriptor: pipes are read too, and the system says why a file is not.
        let descriptor = open(file.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw TrainingError("\(file.path): cannot be read: \(String(cString: strerror(errno)))")
        }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        guard let data = try? handle.readToEnd() ?? Data() else {
            throw TrainingError("\(file.path): cannot be read; is it a file?")
        }
        try JSONLines.read(data, source: file.path, failure: { TrainingError($0) }) { line in
            guard line.json.object != nil else { throw TrainingError("\(line.place): an object is needed") }
            try body(line.json, line.place)
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
    /// Throws a ``TrainingError`` that names the line.
    public static func read(_ file: URL) throws -> [TeacherRequest] {
        var requests: [TeacherRequest] = []
        var places: [String: String] = [:]
        try TeacherLines.read(file) { json, place in
            let id = try TeacherLines.id(json, place)
            if let first = places.updateValue(place, forKey: id) {
                throw TrainingError("\(place): the id \(id) stands before already: \(first)")
            }
            requests.append(TeacherRequest(id: id, textSoFar: try TeacherLines.text(json, "text", place)))
        }
        guard !requests.isEmpty else { throw TrainingError("\(file.path): no texts in it") }
        return requests
    }
}
