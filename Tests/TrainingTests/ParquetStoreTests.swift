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
