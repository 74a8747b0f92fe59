import Activations
import Autoencoder
import Claims
import Evaluation
import Foundation
import JSON
import LanguageModel
import Teaching
import Tensors
import TestSupport
import Testing
import Tokenization

/// A small store with what numpy makes of it (Tests/Goldens/make_tables.py).
private struct GoldenTables {
    let json: JSONValue
    let store: ActivationStore
    let tokenizer: Tokenizer
    let continuations: Continuations
    /// A table of embeddings, [vocabulary, 3].
    let embedding: Tensor

    init(in folder: URL) throws {
        json = try JSONValue.parse(Data(contentsOf: goldens.appending(path: "tables/tables.json")))
        let target = goldens.appending(path: "pairs/qwen2/target")
        tokenizer = try Tokenizer(folder: target)
        let width = 6
        let writer = try ActivationStoreWriter(
            folder: folder.appending(path: "store"),
            StoreSettings(
                hiddenSize: width, layerIndex: 1, targetHash: "target", tokenizerHash: "t",
                positions: .init(perDocument: 4)))
        let documents = try #require(json["documents"]?.array).map { document in
            StoredDocument(
                LabelledDocument(
                    id: document["id"]?.string ?? "", kind: document["kind"]?.string ?? "",
                    text: document["text"]?.string ?? ""), split: document["split"]?.string ?? "")
        }
        let rows = try #require(json["rows"]?.array)
        try writer.append(
            documents,
            rows.map {
                StoredRow(
                    document: $0["document"]?.int ?? 0, position: $0["position"]?.int ?? 0,
                    byteEnd: $0["byte_end"]?.int ?? 0)
            },
            activations: Tensor(
                rows.flatMap { $0["vector"]?.array?.compactMap { $0.double.map { Float($0) } } ?? [] },
                shape: [rows.count, width]))
        let built = try ActivationStore(folder: folder.appending(path: "store"))
        store = built
        let file = folder.appending(path: "continuations.jsonl")
        let lines = rows.enumerated().map { index, row -> String in
            let line: JSONValue = [
                "id": .string(built.id(of: index)), "text": "x", "ids": [row["next"] ?? 0], "log_probabilities": [-1.0],
            ]
            return line.serialized() + "\n"
        }
        try Data(lines.joined().utf8).write(to: file)
        continuations = try Continuations(file, matching: store)
        let vocabulary = 410
        embedding = Tensor(
            (0..<vocabulary * 3).map { Float(sin(1.3 * Double($0 / 3) + 0.7 * Double($0 % 3))) },
            shape: [vocabulary, 3])
    }

    func tables(next: Bool = true, splits: [String] = ["av", "ar"]) throws -> LookupTables {
        try LookupTables(
            store, splits: splits,
            RowTokenReader(store, tokenizer, next: next ? .continuations(continuations) : .unknown),
            embedding: embedding)
    }
}

@Suite("Lookup tables")
struct LookupTableTests {
    @Test("Each table's vectors and their fraction of variance are numpy's, also for keys that were never met")
    func golden() throws {
        try withScratch { folder in
            let golden = try GoldenTables(in: folder), expected = try #require(golden.json["expected"])
            let rows = try golden.store.rows(ofSplit: "held-out"), truths = golden.store.vectors(rows)
            let variance = try RawVariance(truths, set: "held-out")
            #expect(abs(variance.variance - (try #require(expected["variance"]?.double))) < 1e-6)
            let tables = try golden.tables()
            #expect(tables.tables == LookupTables.Table.allCases)
            let readings = try tables.readings(rows)
            for table in LookupTables.Table.allCases {
                let own = try #require(expected["tables"]?[table.rawValue]),
                    vectors = try #require(readings.vectors[table])
                for (name, row) in [("first", 0), ("last", rows.count - 1)] {
                    let wanted = try #require(own[name]?.array).compactMap(\.double)
                    let found = vectors.rows(row..<row + 1).floats()
                    for (a, b) in zip(found, wanted) { #expect(abs(Double(a) - b) < 1e-4, "\(table) \(name)") }
                }
                let fve = Scores.fractionOfVarianceExplained(try Scores.rows(vectors, truths), variance)
                #expect(abs(try #require(fve) - #require(own["fve"]?.double)) < 1e-4, "\(table)")
                #expect(readings.met[table] == own["met"]?.double, "\(table)")
            }
            #expect(try #require(readings.met[.kindTokenNext]) < 1)
        }
    }

    @Test("Without the target's next token only what needs none is fitted")
    func withoutNext() throws {
        try withScratch { folder in
            let golden = try GoldenTables(in: folder)
            #expect(try golden.tables(next: false).tables == [.mean, .token, .previousToken])
        }
    }

    @Test("A row whose continuation is missing is named")
    func missing() throws {
        try withScratch { folder in
            let golden = try GoldenTables(in: folder), file = folder.appending(path: "few.jsonl")
            let first = try String(contentsOf: folder.appending(path: "continuations.jsonl"), encoding: .utf8)
                .split(separator: "\n").prefix(3).joined(separator: "\n")
            try Data(first.utf8).write(to: file)
            let few = try Continuations(file, matching: golden.store)
            let error = #expect(throws: ModelError.self) {
                try LookupTables(
                    golden.store, splits: ["av"],
                    RowTokenReader(golden.store, golden.tokenizer, next: .continuations(few)),
                    embedding: nil)
            }
            #expect(error?.description.contains("has no continuation of the row d") == true)
        }
    }

    @Test("The target's next tokens are those that it continues with, whatever the order of the rows")
    func nextTokens() throws {
        try withScratch { folder in
            let target = goldens.appending(path: "pairs/qwen2/target"), place = folder.appending(path: "store")
            let documents = (0..<6).map {
                StoredDocument(
                    LabelledDocument(id: "d\($0)", kind: "k", text: "The dog found key \($0) in the mill."), split: "av"
                )
            }
            try ActivationStoreBuilder(model: target, layer: 2, positions: .init(perDocument: 3, firstPosition: 2))
                .build(documents, into: place)
            let store = try ActivationStore(folder: place), rows = store.rows()
            let decoder = try TransformerDecoder(Checkpoint(folder: target)), tokenizer = try Tokenizer(folder: target)
            let writer = ContinuationWriter(decoder, tokenizer, stopTokens: [], precision: .float32, tokens: 3)
            let written = try writer.continuations(store, rows: rows)
            #expect(written.allSatisfy { $0.ids.count == 3 && $0.logProbabilities.count == 3 && !$0.endsText })
            let read = try RowTokenReader(store, tokenizer, next: .target(decoder, .float32)).tokens(rows)
            #expect(read.map(\.next) == written.map { $0.ids.first })
            let reversed = try RowTokenReader(store, tokenizer, next: .target(decoder, .float32)).tokens(
                rows.reversed())
            #expect(reversed == read.reversed())
            // Each token is the one that the model by itself takes next.
            let ids = tokenizer.encode(store.document(of: rows[4]).text).prefix(store.row(rows[4]).position + 1)
            let alone = try TextGenerator(decoder, tokenizer, stopTokens: [], precision: .float32).generate(
                Array(ids), .init(sampling: .greedy, maximumTokens: 3))
            #expect(alone.ids == written[4].ids && alone.text == written[4].text)
            #expect(read[4].current == ids.last && read[4].previous == ids.dropLast().last)
        }
    }
}
