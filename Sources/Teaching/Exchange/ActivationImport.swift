import Activations
import Autoencoder
import Claims
import Foundation
import JSON
import LanguageModel
import Parquet
import Runs
import Tensors

/// Makes an activation store of a Parquet file: one that `ActivationStore.writeParquet` wrote, or a data
/// set that somebody made with the reference code.
///
///     let source = try ActivationImport([file])
///     let report = try source.write(to: folder, target: (hash, tokenizerHash), split: "av")
public struct ActivationImport {
    /// What was written.
    public struct Report: Sendable {
        /// Rows and documents.
        public internal(set) var rows = 0, documents = 0
        /// Documents that stand in the file in several places, and became several.
        public internal(set) var repeated = 0
        /// What the file explains: lines of ``TaughtExplanation``.
        public internal(set) var explanations = ""
        /// What the file left open and was found elsewhere, a line each.
        public internal(set) var inferences: [String] = []
    }

    /// Names that columns go by, ours first.
    private enum Names {
        static let vector = [ReferenceLayout.vector, "activation", "activations", "vector", "h"]
        static let document = [ReferenceLayout.document, "document_id", "document", "doc"]
        static let position = [ReferenceLayout.position, "position", "token_idx", "token_index"]
        static let text = [
            ReferenceLayout.text, "text_so_far", "detokenized_text_truncated", "text_prefix", "prefix", "context",
            "source_text",
        ]
        static let explanation = [ReferenceLayout.explanation, "explanation", "response"]
    }

    private let urls: [URL]
    private let files: [ParquetFile]
    private let sidecar: Sidecar?
    /// Our note, if we wrote the file.
    private let note: JSONValue?

    /// Opens a file. Throws a `ModelError`.
    public init(_ url: URL) throws { try self.init([url]) }

    /// Opens files that are one data set, in the order of their rows. Throws a `ModelError`, also where their sidecars are about different
    /// activations.
    public init(_ urls: [URL]) throws {
        guard !urls.isEmpty else { throw ModelError("no file of activations is named") }
        self.urls = urls
        do { files = try urls.map { try ParquetFile($0) } } catch let error as ParquetError {
            throw ModelError(error.description)
        }
        sidecar = try Sidecar.read(beside: urls)?.sidecar
        let notes = files.map { $0.notes[ReferenceLayout.note] }
        if let whole = notes.firstIndex(where: { $0 != nil }), files.count > 1 {
            throw ModelError("\(urls[whole].path): holds a whole store; import it alone")
        }
        note = try notes[0].map { text in
            do { return try JSONValue.parse(text) } catch {
                throw ModelError(
                    "\(urls[0].path): the note \(ReferenceLayout.note) is no JSON; write the file again from its store")
            }
        }
    }

    /// Whether the file is a store of ours, so that nothing else need be said about it.
    public var isOwn: Bool { note != nil }

    /// Writes a store into a new folder.
    ///
    /// - Parameters:
    ///   - target: the SHA-256 of the model and of its tokenizer.json; not needed for a file of ours.
    ///   - split: the split that all rows belong to; not needed for a file of ours.
    /// - Throws: a one-line error with the column that is missing or wrong.
    public func write(to folder: URL, target: (model: String, tokenizer: String)?, split: String?) throws -> Report {
        do {
            if let note { return try writeOwn(note, to: folder) }
            return try writeForeign(to: folder, target, split)
        } catch let error as ParquetError { throw ModelError(error.description) }
    }

    /// - Parameter place: the number of the file.
    private func fail(_ reason: String, _ place: Int = 0) -> ModelError { ModelError("\(urls[place].path): \(reason)") }

    private func column(_ names: [String], _ what: String) throws -> String {
        let file = files[0]
        guard let name = names.first(where: { name in file.schema.contains { $0.name == name } }) else {
            throw fail(
                "no column with \(what) (\(names.joined(separator: ", "))); it has \(file.schema.prefix(30).map(\.name).joined(separator: ", "))"
            )
        }
        return name
    }

    // MARK: Our own

    private func writeOwn(_ note: JSONValue, to folder: URL) throws -> Report {
        let manifest = try StoreManifest(
            json: note["manifest"] ?? .null, source: "\(urls[0].path): the note \(ReferenceLayout.note)")
        let writer = try ActivationStoreWriter(folder: folder, manifest.settings)
        var others = try (note["documents"]?.array ?? []).map { entry in
            guard let number = entry["number"]?.int, let line = entry["line"]?.string else {
                throw fail(
                    "the note \(ReferenceLayout.note) has a document without a line; write the file again from its store"
                )
            }
            return (number: number, line: line)
        }[...]
        var sizes = manifest.shards.map(\.documents)[...]
        var shard = PendingShard(width: manifest.settings.hiddenSize), report = Report()
        func flushIfFull() throws {
            while let size = sizes.first, shard.documents.count >= size {
                try shard.write(to: writer, &report)
                sizes.removeFirst()
            }
        }
        func addOthers() throws {
            while let other = others.first, other.number == report.documents + shard.documents.count {
                shard.documents.append(try document(other.line, other.number))
                others.removeFirst()
                try flushIfFull()
            }
        }
        let names = [
            ReferenceLayout.position, ReferenceLayout.byteEnd, ReferenceLayout.moment, ReferenceLayout.line,
            ReferenceLayout.vector,
        ]
        var rows = try files[0].rows(columns: names, rowsPerBatch: 256)
        while let batch = try rows.next() {
            let (values, width) = try batch.column(ReferenceLayout.vector).matrix()
            guard width == manifest.settings.hiddenSize else {
                throw fail("vectors of \(width), its note says \(manifest.settings.hiddenSize)")
            }
            for row in 0..<batch.count {
                if let line = try batch.column(ReferenceLayout.line).text(row) {
                    // The rows of the document before are all in.
                    try flushIfFull()
                    try addOthers()
                    shard.documents.append(try document(line, batch.firstRow + row))
                }
                func integer(_ name: String) throws -> Int {
                    guard let value = try batch.column(name).integer(row), (0...Int(Int32.max)).contains(value) else {
                        throw fail("row \(batch.firstRow + row): \(name) is missing or no place")
                    }
                    return value
                }
                guard let current = shard.documents.indices.last else {
                    throw fail("row \(batch.firstRow + row) belongs to no document")
                }
                let document = shard.documents[current].document, end = try integer(ReferenceLayout.byteEnd)
                let moment = try batch.column(ReferenceLayout.moment).integer(row)
                guard end <= document.text.utf8.count, moment.map(document.moments.indices.contains) ?? true else {
                    throw fail("row \(batch.firstRow + row) stands outside document \(document.id)")
                }
                shard.rows.append(
                    StoredRow(
                        document: current, position: try integer(ReferenceLayout.position), byteEnd: end, moment: moment
                    ))
                shard.values.append(contentsOf: values[row * width..<(row + 1) * width])
            }
        }
        try flushIfFull()
        try addOthers()
        try shard.write(to: writer, &report)
        return report
    }

    private func document(_ line: String, _ number: Int) throws -> StoredDocument {
        do {
            let json = try JSONValue.parse(line)
            guard let split = json["split"]?.string else { throw fail("document \(number) has no split") }
            return StoredDocument(try LabelledDocument(json: json, fallbackID: "document \(number)"), split: split)
        } catch let error where error is JSONError || error is ClaimsError {
            throw fail("document \(number): \(error)")
        }
    }

    // MARK: Others'

    /// A row as others' files have it.
    private struct Foreign {
        let id: String
        let position: Int
        let text: String
        let values: ArraySlice<Float>
        let explanation: String?
    }

    private func writeForeign(
        to folder: URL, _ target: (model: String, tokenizer: String)?, _ split: String?
    ) throws -> Report {
        guard let sidecar else {
            throw fail(
                "no sidecar \(Sidecar.place(beside: urls[0]).lastPathComponent) that says which block the activations are of; put it beside the file"
            )
        }
        guard let split, let target else {
            throw fail("says neither whose activations these are nor their split; give --target and --split")
        }
        if let known = sidecar.target?.hash, known.lowercased() != target.model.lowercased() {
            throw fail(
                "activations of the model \(known.prefix(12))…, not of \(target.model.prefix(12))…; name their own with --target"
            )
        }
        let vector = try column(Names.vector, "activations"),
            document = try column(Names.document, "the document's name")
        let position = try column(Names.position, "the token's position"),
            text = try column(Names.text, "the text up to the token")
        let explanation = try? column(Names.explanation, "explanations")
        var report = Report()
        report.inferences = [
            "activations from \(vector), texts from \(text), documents from \(document), positions from \(position)"
        ]
        if let explanation { report.inferences.append("explanations from \(explanation)") }
        let settings = StoreSettings(
            hiddenSize: sidecar.width, layerIndex: sidecar.layer, targetHash: target.model,
            tokenizerHash: target.tokenizer,
            positions: PositionPolicy(perDocument: 0), targetStorage: sidecar.targetStorage)
        let writer = try ActivationStoreWriter(folder: folder, settings)
        var shard = PendingShard(width: sidecar.width), run: [Foreign] = [], seen: [String: Int] = [:]
        func endRun() throws {
            guard let first = run.first else { return }
            let times = (seen[first.id] ?? 0) + 1
            seen[first.id] = times
            if times == 2 { report.repeated += 1 }
            let id = times == 1 ? first.id : "\(first.id)~\(times)"
            shard.add(
                id, split: split,
                run.sorted { $0.position < $1.position }.map { ($0.position, $0.text, $0.values, $0.explanation) },
                &report)
            run = []
            if shard.documents.count >= 1024 || shard.values.count >= 1 << 26 { try shard.write(to: writer, &report) }
        }
        func add(_ batch: ParquetBatch, of place: Int) throws {
            func fail(_ reason: String) -> ModelError { self.fail(reason, place) }
            let (values, width) = try batch.column(vector).matrix()
            guard width == sidecar.width else { throw fail("vectors of \(width), its sidecar says \(sidecar.width)") }
            if let bad = values.firstIndex(where: { !$0.isFinite }) {
                throw fail("row \(batch.firstRow + bad / width): NaN or infinity; leave such rows out")
            }
            for row in 0..<batch.count {
                let number = batch.firstRow + row, name = try batch.column(document)
                guard
                    let id = try name.isPresent(row)
                        ? (try? name.integer(row)).flatMap({ $0.map(String.init) }) ?? name.text(row) : nil,
                    let place = try batch.column(position).integer(row), (0...Int(Int32.max)).contains(place),
                    let text = try batch.column(text).text(row)
                else { throw fail("row \(number): \(document), \(position) or \(text) is missing") }
                let next = Foreign(
                    id: id, position: place, text: text, values: values[row * width..<(row + 1) * width],
                    explanation: try explanation.flatMap { try batch.column($0).text(row) })
                // A document goes on where the id does, at another token of one text.
                if let last = run.last,
                    last.id != id || run.contains(where: { $0.position == place }) || !Self.agree(last.text, text)
                {
                    try endRun()
                }
                run.append(next)
            }
        }
        let columns = [vector, document, position, text] + (explanation.map { [$0] } ?? [])
        for (place, file) in files.enumerated() {
            if let other = columns.first(where: { name in !file.schema.contains { $0.name == name } }) {
                throw fail("has no column \(other), which \(urls[0].lastPathComponent) has", place)
            }
            var rows = try file.rows(columns: columns, rowsPerBatch: 256)
            while let batch = try rows.next() { try add(batch, of: place) }
        }
        try endRun()
        try shard.write(to: writer, &report)
        return report
    }

    /// Whether one text is the beginning of the other.
    private static func agree(_ left: String, _ right: String) -> Bool {
        left.utf8.starts(with: right.utf8) || right.utf8.starts(with: left.utf8)
    }
}

/// Documents and rows that wait to be written together.
private struct PendingShard {
    let width: Int
    var documents: [StoredDocument] = []
    var rows: [StoredRow] = []
    var values: [Float] = []

    init(width: Int) { self.width = width }

    /// Adds a document of which beginnings are known: the longest is its text.
    mutating func add(
        _ id: String, split: String,
        _ places: [(position: Int, text: String, values: ArraySlice<Float>, explanation: String?)],
        _ report: inout ActivationImport.Report
    ) {
        let text = places.map(\.text).max { $0.utf8.count < $1.utf8.count } ?? ""
        documents.append(StoredDocument(LabelledDocument(id: id, kind: "text", text: text), split: split))
        for place in places {
            rows.append(
                StoredRow(document: documents.count - 1, position: place.position, byteEnd: place.text.utf8.count))
            values.append(contentsOf: place.values)
            if let explanation = place.explanation.map(Self.inside), !explanation.isEmpty {
                report.explanations +=
                    TaughtExplanation(
                        id: TeacherRequest.id(document: id, position: place.position), explanation: explanation
                    ).line
            }
        }
    }

    /// An explanation without its tags.
    private static func inside(_ text: String) -> String {
        var text = text[...]
        if let open = text.range(of: "<explanation>") { text = text[open.upperBound...] }
        if let close = text.range(of: "</explanation>") { text = text[..<close.lowerBound] }
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Writes what waits.
    mutating func write(to writer: ActivationStoreWriter, _ report: inout ActivationImport.Report) throws {
        guard !documents.isEmpty else { return }
        for document in documents where try writer.contains(document) {
            throw ModelError(
                "\(writer.folder.path): holds the document \(document.document.id) already; name a new folder")
        }
        try writer.append(documents, rows, activations: Tensor(values, shape: [rows.count, width]))
        report.rows += rows.count
        report.documents += documents.count
        (documents, rows, values) = ([], [], [])
    }
}
