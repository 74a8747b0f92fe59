import Claims
import Foundation
import JSON
import LanguageModel

/// Documents in a JSON Lines file, one object with at least a `text` on each line; see `LabelledDocument.json`.
public enum DocumentLines {
    /// A document and the line it stands on.
    struct Line {
        let number: Int
        /// Where it lies in the file.
        let bytes: Range<Int>
        let json: JSONValue
        let document: LabelledDocument

        /// The document as a store's line has it, with its split.
        func stored(_ url: URL) throws -> StoredDocument {
            guard let split = json["split"]?.string else {
                throw ModelError("\(url.path): line \(number): no \"split\"; build the store again")
            }
            return StoredDocument(document, split: split)
        }
    }

    /// Reads a file. A document without an id is called after file and line. Empty lines are skipped.
    ///
    /// Throws a `ModelError` with the line for what is no such document, and for an id that stands there twice.
    public static func documents(_ url: URL) throws -> [LabelledDocument] {
        var lines: [String: Int] = [:]
        var documents: [LabelledDocument] = []
        try each(contents(url), url) { line in
            if let first = lines.updateValue(line.number, forKey: line.document.id) {
                throw ModelError(
                    "\(url.path): lines \(first) and \(line.number) have the same id \(line.document.id); give each its own"
                )
            }
            documents.append(line.document)
        }
        guard !documents.isEmpty else { throw ModelError("\(url.path): no documents in it") }
        return documents
    }

    /// A file's bytes, mapped where they can be.
    static func contents(_ url: URL) throws -> Data {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
            throw ModelError("\(url.path): no such file")
        }
        guard !isFolder.boolValue,
            let data = (try? Data(contentsOf: url, options: .alwaysMapped))
                ?? FileManager.default.contents(atPath: url.path)
        else { throw ModelError("\(url.path): cannot be read; it must be a readable file") }
        return data
    }

    /// Calls `body` with one document after the other.
    static func each(_ data: Data, _ url: URL, _ body: (Line) throws -> Void) throws {
        try JSONLines.read(data, source: url.path, failure: { ModelError($0) }) { line in
            let id = "\(url.lastPathComponent):\(line.number)"
            let document: LabelledDocument
            do { document = try LabelledDocument(json: line.json, fallbackID: id) } catch let error as ClaimsError {
                throw ModelError("\(line.place): \(error)")
            }
            try body(Line(number: line.number, bytes: line.bytes, json: line.json, document: document))
        }
    }
}
