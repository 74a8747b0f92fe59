import Claims
import Foundation
import JSON
import LanguageModel
import Synchronization
import Tensors

/// The documents of a store, which stay on disk: known of each is where its line lies, its split and kind and the kinds of its moments,
/// a few dozen bytes. A document is decoded when it is asked for, and the last ones are kept.
public struct StoredDocuments: RandomAccessCollection, Sendable {
    /// What is known of a document without decoding it.
    private struct Entry {
        let shard: Int32
        /// The line in the shard's file, for a document without an id.
        let number: Int32
        let lines: Range<Int>
        let split: Int32
        let kind: Int32
        let momentKinds: Range<Int>
        let textLength: Int32
    }

    /// A shard's lines, mapped.
    private struct Shard {
        let name: String
        let lines: Data
    }

    private var entries: [Entry] = []
    private var shards: [Shard] = []
    /// Names of splits and kinds, and of the kinds of all moments in the order of the documents.
    private var names = Names()
    private var momentKinds: [Int32] = []
    /// The first document of each id, by the id's hash; only while documents are added.
    private var known: [UInt64: Int32] = [:]
    private let cache = DocumentCache()

    /// Texts that are told from one another by small numbers.
    private struct Names {
        private(set) var texts: [String] = []
        private var numbers: [String: Int32] = [:]

        mutating func number(_ text: String) -> Int32 {
            if let number = numbers[text] { return number }
            numbers[text] = Int32(texts.count)
            texts.append(text)
            return Int32(texts.count - 1)
        }
    }

    init() {}

    public var startIndex: Int { 0 }
    public var endIndex: Int { entries.count }

    /// A document, decoded.
    public subscript(index: Int) -> StoredDocument {
        cache.document(index) {
            let entry = entries[index], shard = shards[Int(entry.shard)]
            guard let json = try? JSONValue.parse(Data(shard.lines[entry.lines])),
                let document = try? LabelledDocument(json: json, fallbackID: "\(shard.name):\(entry.number)")
            else { trap("\(shard.name): line \(entry.number) was changed while its store was open") }
            return (StoredDocument(document, split: split(of: index)), entry.lines.count)
        }
    }

    /// Documents that are held decoded now.
    package var decodedCount: Int { cache.count }

    /// The split that a document belongs to.
    public func split(of index: Int) -> String { names.texts[Int(entries[index].split)] }

    /// The kind of a document.
    public func kind(of index: Int) -> String { names.texts[Int(entries[index].kind)] }

    /// Length of a document's text in bytes.
    func textLength(of index: Int) -> Int { Int(entries[index].textLength) }

    /// How many moments a document has.
    func momentCount(of index: Int) -> Int { entries[index].momentKinds.count }

    /// The kind of a document's moment.
    func momentKind(of index: Int, _ moment: Int) -> String {
        names.texts[Int(momentKinds[entries[index].momentKinds.lowerBound + moment])]
    }

    /// The splits that there are.
    var splits: [String] { Set(entries.map(\.split)).map { names.texts[Int($0)] }.sorted() }

    // MARK: Reading shards

    /// Adds the documents of a shard's `.jsonl`, each of which is decoded once to see that it can be.
    ///
    /// - Throws: a `ModelError` with the line that is no document, or has the id of another.
    /// - Returns: the number of documents.
    mutating func add(_ file: StoreManifest.File, in folder: URL) throws -> Int {
        let url = folder.appendingPathComponent(file.name), first = entries.count
        let lines = try DocumentLines.contents(url)
        shards.append(Shard(name: url.path, lines: lines))
        try DocumentLines.each(lines, url) { line in
            let split = try line.stored(url).split
            guard line.bytes.count <= Int32.max, entries.count < Int32.max else {
                throw ModelError("\(url.path): line \(line.number): the document is too long; build the store again")
            }
            let document = line.document, begin = momentKinds.count
            for moment in document.moments { momentKinds.append(names.number(moment.kind)) }
            entries.append(
                Entry(
                    shard: Int32(shards.count - 1), number: Int32(truncatingIfNeeded: line.number), lines: line.bytes,
                    split: names.number(split), kind: names.number(document.kind),
                    momentKinds: begin..<momentKinds.count, textLength: Int32(document.text.utf8.count)))
            // Hashes that are equal are looked at; other documents are not kept for this.
            if let other = known.updateValue(Int32(entries.count - 1), forKey: Random.key(document.id)),
                self[Int(other)].document.id == document.id
            {
                throw ModelError(
                    "\(folder.path): document \(document.id) stands in it twice; delete the folder and build the store again"
                )
            }
        }
        return entries.count - first
    }

    /// Ends adding.
    mutating func finish() { known = [:] }
}

/// The documents that were asked for last.
private final class DocumentCache: Sendable {
    private struct State {
        var documents: [Int: (document: StoredDocument, bytes: Int)] = [:]
        /// In the order in which they came.
        var order: [Int] = []
        var first = 0
        var bytes = 0
    }
    private let state = Mutex(State())
    /// Bytes of lines whose documents are kept.
    private static let limit = 8 << 20

    var count: Int { state.withLock { $0.documents.count } }

    func document(_ index: Int, _ decode: () -> (StoredDocument, Int)) -> StoredDocument {
        if let known = state.withLock({ $0.documents[index]?.document }) { return known }
        let (document, bytes) = decode()
        state.withLock { state in
            guard state.documents[index] == nil else { return }
            state.documents[index] = (document, bytes)
            state.order.append(index)
            state.bytes += bytes
            while state.bytes > DocumentCache.limit, state.order.count - state.first > 1 {
                state.bytes -= state.documents.removeValue(forKey: state.order[state.first])?.bytes ?? 0
                state.first += 1
            }
            if state.first > 1024 {
                state.order.removeFirst(state.first)
                state.first = 0
            }
        }
        return document
    }
}
