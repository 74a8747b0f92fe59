import Activations
import Autoencoder
import Claims
import Foundation
import JSON
import LanguageModel
import Parquet
import Runs
import Teaching
import Tensors
import TestSupport
import Testing

@Suite("Stores as Parquet")
struct ParquetStoreTests {
    private let policy = PositionPolicy(perDocument: 3, includeMoments: true, firstPosition: 2)

    private func said(_ body: () throws -> Void) -> String {
        do { try body() } catch { return "\(error)" }
        return ""
    }

    @Test("A store becomes Parquet with its sidecar, and the same store again, to the byte")
    func roundTrip() throws {
        try withScratch { folder in
            let first = folder.appending(path: "store"), file = folder.appending(path: "s.parquet")
            try Small.builder(policy).build(Small.stored(11), into: first)
            // A document without rows.
            let writer = try ActivationStoreWriter(folder: first, Small.settings(policy))
            try writer.append(
                [StoredDocument(LabelledDocument(id: "empty", kind: "note", text: "a"), split: "av")], [],
                activations: Tensor(zeros: [0, Small.settings(policy).hiddenSize]))
            let store = try ActivationStore(folder: first)
            try store.writeParquet(to: file, baseModel: "somebody/model")
            let sidecar = try #require(try Sidecar.read(beside: file))
            #expect(sidecar.role == .dataset && sidecar.width == store.hiddenSize && sidecar.layer == 1)
            // As activations it is read like any other file.
            let vectors = try VectorFile.read(file)
            #expect(vectors.floats() == store.vectors(Array(0..<store.rowCount)).floats())
            let again = folder.appending(path: "again"),
                report = try ActivationImport(file).write(to: again, target: nil, split: nil)
            #expect(report.rows == store.rowCount && report.documents == 12)
            for name in try FileManager.default.contentsOfDirectory(atPath: first.path) where !name.hasSuffix(".lock") {
                #expect(
                    try Data(contentsOf: first.appending(path: name)) == Data(contentsOf: again.appending(path: name)),
                    "\(name)")
            }
        }
    }

    @Test("Another's data set becomes a store: documents from their longest text, explanations without tags")
    func foreign() throws {
        try withScratch { folder in
            let file = folder.appending(path: "d.parquet")
            let schema = [
                ParquetField("doc_id", .string), ParquetField("token_position", .int64),
                ParquetField("source_text", .string),
                ParquetField("activation_vector", .floats()), ParquetField("response", .string),
            ]
            let rows: [JSONValue] = [
                [
                    "doc_id": "a", "token_position": 3, "source_text": "one two", "activation_vector": [1, 2],
                    "response": "<explanation>\nA.\n</explanation>",
                ],
                [
                    "doc_id": "a", "token_position": 5, "source_text": "one two three", "activation_vector": [3, 4],
                    "response": "B.",
                ],
                [
                    "doc_id": "b", "token_position": 3, "source_text": "four", "activation_vector": [5, 6],
                    "response": nil,
                ],
                [
                    "doc_id": "a", "token_position": 4, "source_text": "one two t", "activation_vector": [7, 8],
                    "response": nil,
                ],
            ]
            try ParquetWriter.write(to: file, schema) { writer in
                try writer.append(
                    schema.map { field in try ParquetColumn(field, rows: rows.map { $0[field.name] ?? .null }) })
            }
            let out = folder.appending(path: "store")
            #expect(
                said { _ = try ActivationImport(file).write(to: out, target: nil, split: nil) }.contains(
                    "nla_meta.yaml"))
            try Data(
                "kind: nla_dataset\nschema_version: 1\nextraction:\n  d_model: 2\n  layer_index: 1\n  norm: none\n".utf8
            )
            .write(to: Sidecar.place(beside: file))
            #expect(
                said { _ = try ActivationImport(file).write(to: out, target: nil, split: nil) }.contains("--target"))
            let report = try ActivationImport(file).write(to: out, target: ("hash", "tokens"), split: "av")
            let store = try ActivationStore(folder: out)
            #expect(report.repeated == 1 && store.documents.map(\.document.id) == ["a", "b", "a~2"])
            #expect((0..<4).map(store.textSoFar) == ["one two", "one two three", "four", "one two t"])
            #expect(store.vectors([0, 1, 2, 3]).floats() == [1, 2, 3, 4, 5, 6, 7, 8])
            #expect(report.explanations.contains("{\"id\": \"a#3\", \"explanation\": \"A.\"}"))
            #expect(report.explanations.contains("\"a#5\"") && !report.explanations.contains("b#3"))
        }
    }

    @Test("Files of one data set become the store that one file of all their rows becomes")
    func shards() throws {
        try withScratch { folder in
            let schema = [
                ParquetField("doc_id", .string), ParquetField("token_position", .int64),
                ParquetField("source_text", .string), ParquetField("activation_vector", .floats(length: 2)),
                ParquetField("response", .string),
            ]
            // A document goes on in the next file.
            let rows: [JSONValue] = (0..<9).map { index in
                [
                    "doc_id": .string("d\(index / 3)"), "token_position": .integer(index % 3),
                    "source_text": .string(["a", "a b", "a b c"][index % 3]),
                    "activation_vector": [.integer(index), .integer(-index)], "response": .string("E\(index)."),
                ]
            }
            func write(_ rows: ArraySlice<JSONValue>, _ name: String, _ schema: [ParquetField]) throws -> URL {
                let file = folder.appending(path: name)
                try ParquetWriter.write(to: file, schema) { writer in
                    try writer.append(
                        schema.map { field in try ParquetColumn(field, rows: rows.map { $0[field.name] ?? .null }) })
                }
                return file
            }
            func sidecar(_ layer: Int, _ place: URL) throws {
                let text = "kind: nla_dataset\nschema_version: 1\nextraction:\n  d_model: 2\n  layer_index: \(layer)\n"
                try Data(text.utf8).write(to: place)
            }
            let whole = try write(rows[...], "whole.parquet", schema)
            let parts = try [write(rows[..<4], "p-0.parquet", schema), write(rows[4...], "p-1.parquet", schema)]
            try sidecar(1, Sidecar.place(beside: whole))
            // One sidecar stands for all files of a folder.
            let shared = folder.appending(path: "nla_meta.yaml")
            try sidecar(1, shared)
            let stores = try [[whole], parts].enumerated().map { index, files in
                let out = folder.appending(path: "store-\(index)")
                let report = try ActivationImport(files).write(to: out, target: ("hash", "tokens"), split: "av")
                #expect(report.rows == 9 && report.documents == 3 && report.repeated == 0)
                #expect(report.explanations.contains("E8."))
                return try ActivationStore(folder: out)
            }
            #expect(stores[0].documents.map(\.document.id) == stores[1].documents.map(\.document.id))
            #expect((0..<9).map(stores[0].textSoFar) == (0..<9).map(stores[1].textSoFar))
            #expect(stores[0].vectors(Array(0..<9)).floats() == stores[1].vectors(Array(0..<9)).floats())
            #expect(try VectorFile.read(parts).floats() == VectorFile.read(whole).floats())
            try sidecar(3, Sidecar.place(beside: parts[1]))
            for text in [said { _ = try ActivationImport(parts) }, said { _ = try VectorFile.read(parts) }] {
                #expect(text.contains("block 1") && text.contains("block 3"), "\(text)")
            }
            try FileManager.default.removeItem(at: Sidecar.place(beside: parts[1]))
            let other = try write(rows[4...], "q-1.parquet", Array(schema.prefix(4)))
            let text = said {
                _ = try ActivationImport([parts[0], other])
                    .write(to: folder.appending(path: "no"), target: ("h", "t"), split: "av")
            }
            #expect(text.contains("q-1.parquet: has no column response"), "\(text)")
        }
    }

    @Test("Explanations of a store are read from its own Parquet")
    func explanations() throws {
        try withScratch { folder in
            let place = folder.appending(path: "store"), file = folder.appending(path: "s.parquet")
            try Small.builder(policy).build(Small.stored(5), into: place)
            let store = try ActivationStore(folder: place), lines = folder.appending(path: "e.jsonl")
            try store.writeExplanations(
                [0, 2].map { TaughtExplanation(id: store.id(of: $0), explanation: "About \($0).").line }.joined(),
                to: lines)
            try store.writeParquet(to: file, explanations: JSONLTeacher(lines))
            let teacher = try JSONLTeacher(file)
            #expect((0..<4).map { teacher[store.id(of: $0)] } == ["About 0.", nil, "About 2.", nil])
        }
    }
}
