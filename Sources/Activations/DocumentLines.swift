import Claims
import Foundation
import JSON
import LanguageModel
import Parquet
import Tokenization

/// Documents in a JSON Lines or Parquet file, one object with at least a `text` in each line or row; see `LabelledDocument.json`.
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

    /// What is looked at in a document.
    private static let fields = ["id", "kind", "text", "facts", "moments"]

    /// Reads a file. A document without an id is called after file and line, or row. Empty lines are skipped.
    ///
    /// Throws as the reading of several files does.
    public static func documents(_ url: URL, chats: ChatRendering? = nil) throws -> [LabelledDocument] {
        try documents([url], chats: chats)
    }

    /// Reads files as one.
    ///
    /// Throws a `ModelError` with the line for what is no such document, and for an id that stands there twice.
    ///
    /// - Parameter chats: makes texts of conversations; nil where every record must have a text.
    public static func documents(_ files: [URL], chats: ChatRendering? = nil) throws -> [LabelledDocument] {
        try records(files, chats: chats, fields) { document, _, _ in document }
    }

    /// The same with the split that each record names in "split". Throws a `ModelError` with the line of one that names none.
    public static func splitDocuments(_ files: [URL], chats: ChatRendering? = nil) throws -> [StoredDocument] {
        try records(files, chats: chats, fields + ["split"]) { document, json, place in
            guard let split = json["split"]?.string, !split.isEmpty else {
                throw ModelError(
                    "\(place): names no \"split\"; give every document one, or all of them by --split or --splits")
            }
            return StoredDocument(document, split: split)
        }
    }

    private static func records<Result>(
        _ files: [URL], chats: ChatRendering?, _ fields: [String],
        _ make: (_ document: LabelledDocument, _ json: JSONValue, _ place: String) throws -> Result
    ) throws -> [Result] {
        var places: [String: (file: URL, number: Int)] = [:]
        var documents: [Result] = []
        let names = names(of: files)
        try RecordReader.read(
            files, fields: chats == nil ? fields : fields + ChatFormat.fields, contents: contents,
            failure: { ModelError($0) }
        ) { record in
            let json = try chats?.record(record.json, place: record.place) ?? record.json
            let name = names[record.file] ?? record.file.lastPathComponent
            let document = try document(json, record.number, record.place, name)
            if let first = places.updateValue((record.file, record.number), forKey: document.id) {
                let kind = record.isRow ? "row" : "line"
                let both =
                    first.file == record.file
                    ? "\(kind)s \(first.number) and \(record.number)"
                    : "\(kind) \(record.number), and \(kind) \(first.number) of \(first.file.lastPathComponent),"
                throw ModelError(
                    "\(record.file.path): \(both) have the same id \(document.id); give each its own")
            }
            documents.append(try make(document, json, record.place))
        }
        guard !documents.isEmpty else { throw ModelError("\(files.first?.path ?? "no file"): no documents in it") }
        return documents
    }

    /// What documents without an id are called after: the end of each file's path, as long as it takes to tell it from the others.
    private static func names(of files: [URL]) -> [URL: String] {
        let paths = files.map { $0.standardizedFileURL.pathComponents }
        let longest = paths.map(\.count).max() ?? 1
        for length in 1...max(1, longest) {
            let names = paths.map { $0.suffix(length).joined(separator: "/") }
            guard Set(names).count == names.count || length == longest else { continue }
            return Dictionary(zip(files, names)) { first, _ in first }
        }
        return [:]
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
            let document = try document(line.json, line.number, line.place, url.lastPathComponent)
            try body(Line(number: line.number, bytes: line.bytes, json: line.json, document: document))
        }
    }

    private static func document(
        _ json: JSONValue, _ number: Int, _ place: String, _ file: String
    ) throws -> LabelledDocument {
        do { return try LabelledDocument(json: json, fallbackID: "\(file):\(number)") } catch let error
            as ClaimsError
        { throw ModelError("\(place): \(error)") }
    }
}
