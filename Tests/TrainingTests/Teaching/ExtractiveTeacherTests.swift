import Activations
import Claims
import Foundation
import JSON
import LanguageModel
import Teaching
import Tensors
import TestSupport
import Testing

@Suite("The extractive teacher")
struct ExtractiveTeacherTests {
    private func store(_ folder: URL) throws -> ActivationStore {
        let writer = try ActivationStoreWriter(
            folder: folder.appending(path: "store"),
            StoreSettings(
                hiddenSize: 2, layerIndex: 1, targetHash: "target", tokenizerHash: "t", positions: .init(perDocument: 1)
            ))
        let text = "Anchor, n. What \"holds\" a ship in place."
        func fact(_ relation: String, _ value: String, from: Int = 0) -> LabelledDocument.Truth {
            .init(Fact("the text", relation, value), from: from)
        }
        let document = LabelledDocument(
            id: "a", kind: "dictionary", text: text,
            truths: [
                fact("verse", "3"), fact("headword", "Anchor"), fact("kind", "dictionary"),
                fact("book", "GCIDE", from: 31),
                fact("section", "one"), fact("section", "two"),
            ])
        let ends = [23, 30, 40].map { StoredRow(document: 0, position: $0, byteEnd: $0) }
        try writer.append([StoredDocument(document, split: "s")], ends, activations: Tensor(zeros: [3, 2]))
        return try ActivationStore(folder: folder.appending(path: "store"))
    }

    private func continuations(
        _ folder: URL, _ store: ActivationStore, _ entries: [(String, [Double], Bool)]
    ) throws -> Continuations {
        let file = folder.appending(path: "c.jsonl")
        let lines = entries.enumerated().map { row, entry -> String in
            let line: JSONValue = [
                "id": .string(store.id(of: row)), "text": .string(entry.0), "ids": .array(entry.1.map { _ in 1 }),
                "log_probabilities": .array(entry.1.map { .number(log($0)) }), "ends_text": .bool(entry.2),
            ]
            return line.serialized() + "\n"
        }
        try Data(lines.joined().utf8).write(to: file)
        return try Continuations(file, matching: store)
    }

    @Test(
        "It says the origin that holds at the row, the last words that can be quoted, and what comes next with how sure that is"
    )
    func sentences() throws {
        try withScratch { folder in
            let store = try store(folder)
            let known = try continuations(
                folder, store,
                [(" a  \"big\" ship\n\nNext", [0.9, 0.4], false), (" in place", [0.95], false), ("", [0.3], true)])
            var options = ExtractiveTeacher.Options()
            options.omission = 0
            options.maximumFacts = 3
            var found: [String] = []
            let report = ExtractiveTeacher(store, PlainGrammar(), continuations: known, options)
                .explain(store.rows()) { _, text in found.append(text) }
            let origin = "The text's kind is \"dictionary\"."
            let word = "The text's headword is \"Anchor\"."
            #expect(
                found == [
                    // A mark of quotation stands behind the last word, so that nothing can be quoted.
                    "\(origin) \(word) Next comes \"a 'big' ship ¶ Next\", probably.",
                    "\(origin) \(word) The text ends with \"a ship\". Next comes \"in place\", almost surely.",
                    "\(origin) The text's book is \"GCIDE\". \(word) The text ends with \"a ship in place.\". Next the text ends, perhaps.",
                ])
            #expect(report.explained == 3 && report.facts == 7 && report.said == 7 && report.withoutContinuation == 0)
            // Every claim is read back, and is true.
            for (row, text) in zip(store.rows(), found) {
                let claims = PlainGrammar().read(text).claims
                #expect(claims.count >= 2)
                for claim in claims {
                    #expect(store.document(of: row).isTrue(claim, at: store.row(row).byteEnd), "\(claim)")
                }
            }
        }
    }

    @Test("Facts are left out by chance, the same ones each time, and no more are said than fit")
    func choices() throws {
        try withScratch { folder in
            let store = try store(folder)
            func explain(_ change: (inout ExtractiveTeacher.Options) -> Void) -> [String] {
                var options = ExtractiveTeacher.Options(), found: [String] = []
                change(&options)
                _ = ExtractiveTeacher(store, PlainGrammar(), continuations: nil, options)
                    .explain(store.rows()) { _, text in found.append(text) }
                return found
            }
            let some = (0..<40).map { seed in
                explain {
                    $0.seed = UInt64(seed)
                    $0.omission = 0.5
                }
            }
            #expect(Set(some).count > 5)
            #expect(explain { $0.omission = 0.5 } == some[0])
            #expect(
                explain { $0.maximumFacts = 0 } == [
                    "The text ends with \"a ship\".", "The text ends with \"a ship in place.\".",
                ])
            #expect(
                explain {
                    $0.omission = 0; $0.relations = ["verse"]; $0.maximumFacts = 1
                }[0] == "The text's verse is \"3\".")
        }
    }

    @Test("A file that holds something else is refused with its line")
    func damaged() throws {
        try withScratch { folder in
            let store = try store(folder), file = folder.appending(path: "c.jsonl")
            for line in [
                #"{"id": "a#1", "text": "x"}"#, #"{"id": "a#1", "text": "x", "ids": [1], "log_probabilities": []}"#,
            ] {
                try Data(line.utf8).write(to: file)
                let error = #expect(throws: ModelError.self) { try Continuations(file, matching: store) }
                #expect(error?.description.contains("c.jsonl: line 1: no continuation") == true)
            }
        }
    }
}
