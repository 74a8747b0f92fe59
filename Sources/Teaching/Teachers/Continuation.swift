import Activations
import Autoencoder
import Claims
import Foundation
import JSON
import LanguageModel
import Tensors
import Tokenization

/// What a target itself would write behind a row of a store: its most probable next tokens, one after the other.
public struct Continuation: Sendable, Equatable {
    /// The tokens, the one that ends a text included.
    public var ids: [Int32]
    /// Their text; empty where the text ends at once.
    public var text: String
    /// log P of each token, in nats.
    public var logProbabilities: [Float]
    /// Whether the target ends the text there.
    public var endsText: Bool

    /// A continuation.
    public init(ids: [Int32], text: String, logProbabilities: [Float], endsText: Bool) {
        self.ids = ids
        self.text = text
        self.logProbabilities = logProbabilities
        self.endsText = endsText
    }

    /// How sure the target is: the geometric mean of its tokens' probabilities, 0...1.
    public var sureness: Double {
        guard !logProbabilities.isEmpty else { return 0 }
        return exp(logProbabilities.reduce(0) { $0 + Double($1) } / Double(logProbabilities.count))
    }
}

/// Lets a target go on behind the rows of a store, greedily: a document's rows share what they have in common, and are continued together.
public struct ContinuationWriter {
    /// Tokens of a continuation at most.
    public var tokens: Int
    /// Tokens of documents that are read at once.
    public var tokensPerPass = 2048
    private let decoder: TransformerDecoder
    private let tokenizer: Tokenizer
    private let stopTokens: Set<Int32>
    fileprivate let precision: Precision

    /// A writer on an open target, whose tokenizer must be the one that the store's tokens were made with.
    public init(
        _ decoder: TransformerDecoder, _ tokenizer: Tokenizer, stopTokens: Set<Int32>, precision: Precision, tokens: Int
    ) {
        require(tokens > 0, "continuations of no tokens")
        self.decoder = decoder
        self.tokenizer = tokenizer
        self.stopTokens = stopTokens
        self.precision = precision
        self.tokens = tokens
    }

    /// The continuations of rows, which must be in the order of the store.
    ///
    /// - Throws: a ``ModelError`` if the target computes NaN, or if its tokenizer did not make the store's tokens.
    public func continuations(_ store: ActivationStore, rows: [Int]) throws -> [Continuation] {
        var result: [Continuation] = []
        result.reserveCapacity(rows.count)
        var begin = 0
        while begin < rows.count {
            var tree = TokenTree(), segments: [Int] = [], end = begin
            while end < rows.count, tree.rowCount < tokensPerPass || end == begin {
                let document = store.row(rows[end]).document
                let own = rows[end...].prefix { store.row($0).document == document }
                segments += try append(store, Array(own), to: &tree)
                end += own.count
            }
            result += try write(tree, segments)
            begin = end
        }
        return result
    }

    /// Appends a document up to its last row, a segment for each row; returns these.
    private func append(_ store: ActivationStore, _ rows: [Int], to tree: inout TokenTree) throws -> [Int] {
        let document = store.document(of: rows[0])
        let ids = try tokenizer.encodeWithPlaces(document.text).ids
        var segments: [Int] = [], next = 0
        for row in rows {
            let position = store.row(row).position
            guard position < ids.count, position + 1 >= next else {
                throw ModelError(
                    "\(store.folder.path): row \(store.id(of: row)) is no token of its document under this tokenizer, or rows are out of order; give the target that the store was made with"
                )
            }
            segments.append(tree.append(Array(ids[next..<position + 1]), after: segments.last))
            next = position + 1
        }
        return segments
    }

    private func write(_ tree: TokenTree, _ segments: [Int]) throws -> [Continuation] {
        let session = DecodingSession(
            decoder, precision: precision, expectedRows: tree.rowCount + segments.count * tokens)
        let nodes = session.prefill(tree, logitsFor: segments)
        var found = [Continuation](
            repeating: Continuation(ids: [], text: "", logProbabilities: [], endsText: false), count: segments.count)
        var places: [DecodingSession.Leaf: Int] = [:]
        let options = DecodingSession.Options(sampling: .greedy, maximumTokens: tokens, stopTokens: stopTokens)
        for (place, segment) in segments.enumerated() {
            places[session.start(after: nodes[segment], options, seed: 0)] = place
        }
        while !session.isIdle {
            for event in session.step() {
                guard let place = places[event.leaf] else { continue }
                guard event.logProbability.isFinite else {
                    throw ModelError("the target computes NaN behind a row; try --dtype f32")
                }
                found[place].ids.append(event.token)
                found[place].logProbabilities.append(event.logProbability)
                found[place].endsText = event.end == .stopToken
            }
        }
        for place in found.indices {
            found[place].text = tokenizer.decode(found[place].ids.filter { !stopTokens.contains($0) })
        }
        return found
    }
}

/// Continuations of a store's rows in a file, by the rows' names: what `nla data continue` writes.
public struct Continuations: Sendable {
    /// The file.
    public let file: URL
    private let known: [String: Continuation]

    /// Reads a file. Throws a ``ModelError`` with the line of what is no continuation, and if its sidecar says that it is about other
    /// activations than the store's.
    public init(_ file: URL, matching store: ActivationStore) throws {
        self.file = file
        if let found = try Sidecar.read(beside: file) {
            try found.check(store.sidecar, at: Sidecar.place(beside: file), against: store.folder.path)
        }
        var known: [String: Continuation] = [:]
        guard let data = FileManager.default.contents(atPath: file.path) else {
            throw ModelError("\(file.path): no file that can be read; nla data continue writes it")
        }
        try JSONLines.read(data, source: file.path, failure: { ModelError($0) }) { line in
            guard let id = line.json["id"]?.string, let text = line.json["text"]?.string,
                let ids = line.json["ids"]?.array?.map({ $0.int.flatMap(Int32.init(exactly:)) }), !ids.isEmpty,
                let values = line.json["log_probabilities"]?.array?.map(\.double), values.count == ids.count,
                ids.allSatisfy({ $0 != nil }), values.allSatisfy({ $0 != nil })
            else {
                throw ModelError(
                    "\(line.place): no continuation (id, text, ids and log_probabilities); nla data continue writes them"
                )
            }
            known[id] = Continuation(
                ids: ids.compactMap { $0 }, text: text, logProbabilities: values.compactMap { $0.map { Float($0) } },
                endsText: line.json["ends_text"]?.bool ?? false)
        }
        guard !known.isEmpty else { throw ModelError("\(file.path): no continuations in it") }
        self.known = known
    }

    /// How many there are.
    public var count: Int { known.count }

    /// The continuation of a row of the store; nil if the file has none.
    public subscript(_ store: ActivationStore, row: Int) -> Continuation? { known[store.id(of: row)] }

    /// Continues rows and writes the file, with a sidecar. Rows that a run which was stopped has continued are not continued again.
    ///
    /// - Parameters:
    ///   - rows: in the order of the store.
    ///   - progress: called with the number of rows that are done.
    public static func write(
        _ writer: ContinuationWriter, _ store: ActivationStore, rows: [Int], to file: URL,
        progress: (Int) -> Void = { _ in }
    ) throws {
        let rowsPerPart = 4096
        let parts = try PartFolder(
            of: file,
            settings: [
                "format": "continuations 1", "precision": .string(writer.precision == .float32 ? "f32" : "bf16"),
                "store": .string(try StoreManifest.hash(folder: store.folder)),
                "rows": .integer(rows.count), "first": rows.first.map { .integer($0) } ?? .null,
                "last": rows.last.map { .integer($0) } ?? .null,
                "key": .string("\(rows.reduce(into: UInt64(0)) { $0 = ($0 &+ UInt64($1)) &* 0x9E37_79B9_7F4A_7C15 })"),
                "tokens": .integer(writer.tokens),
            ])
        var index = 0
        for begin in stride(from: 0, to: rows.count, by: rowsPerPart) {
            let some = Array(rows[begin..<min(rows.count, begin + rowsPerPart)])
            try parts.write(index) {
                zip(some, try writer.continuations(store, rows: some)).map { line(store.id(of: $0), $1) }.joined()
            }
            index += 1
            progress(begin + some.count)
        }
        try Sidecar.write(store.sidecar, beside: file) { try parts.finish(index) }
    }

    private static func line(_ id: String, _ continuation: Continuation) -> String {
        let json: JSONValue = [
            "id": .string(id), "text": .string(continuation.text),
            "ids": .array(continuation.ids.map { .integer(Int($0)) }),
            "log_probabilities": .array(continuation.logProbabilities.map { .number(Double($0)) }),
            "ends_text": .bool(continuation.endsText),
        ]
        return json.serialized() + "\n"
    }
}
