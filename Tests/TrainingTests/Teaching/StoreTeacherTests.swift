import Activations
import Claims
import Evaluation
import Foundation
import LanguageModel
import Teaching
import Tensors
import TestSupport
import Testing

/// A store in which the vector holds the hero's motive, and nothing of the place. Motive and place are stated in half of the texts;
/// in the others the motive is latent.
private struct Staged {
    static let motive = Question(subject: "the hero", relation: "motive")
    static let place = Question(subject: "the hero", relation: "place")

    static func write(to folder: URL, documents: Int = 600) throws -> ActivationStore {
        var random = Random(seed: 11)
        let directions = (0..<2).map { _ in (0..<24).map { _ in random.normal() } }
        let settings = StoreSettings(
            hiddenSize: 24, layerIndex: 1, targetHash: "target", tokenizerHash: "t",
            positions: .init(perDocument: 1, includeMoments: false))
        let writer = try ActivationStoreWriter(folder: folder, settings)
        var stored: [StoredDocument] = [], rows: [StoredRow] = [], values: [Float] = []
        for index in 0..<documents {
            let motive = Int.random(in: 0..<2, using: &random), place = Int.random(in: 0..<2, using: &random)
            let text = "The end,\nit came soon"
            let isStated = index % 2 == 0
            let document = LabelledDocument(
                id: "d\(index)", kind: "staged", text: text,
                truths: [
                    .init(
                        Fact(self.motive.subject, self.motive.relation, ["fear", "hope"][motive]), from: 0,
                        statedFrom: isStated ? 5 : nil),
                    .init(
                        Fact(self.place.subject, self.place.relation, ["here", "there"][place]), from: 0, statedFrom: 5),
                ])
            stored.append(StoredDocument(document, split: index < documents / 2 ? "probe" : "taught"))
            rows.append(StoredRow(document: index, position: 3, byteEnd: text.utf8.count))
            for column in 0..<24 { values.append(Float(4 * directions[motive][column] + random.normal())) }
        }
        try writer.append(stored, rows, activations: Tensor(values, shape: [rows.count, 24]))
        return try ActivationStore(folder: folder)
    }

    /// Claims that are not true, and claims of motives that no word has stated.
    static func wrong(_ explanations: [Int: String], _ store: ActivationStore) -> (untrue: Int, latent: Int) {
        var untrue = 0, latent = 0
        for (row, explanation) in explanations {
            let document = store.document(of: row)
            for claim in PlainGrammar().read(explanation).claims {
                if !document.isTrue(claim, at: store.row(row).byteEnd) { untrue += 1 }
                if claim.question == motive, document.truths[0].statedFrom == nil { latent += 1 }
            }
        }
        return (untrue, latent)
    }

    static func probes(_ store: ActivationStore) throws -> ProbeSet {
        var options = ProbeOptions()
        options.batchSize = 64
        options.learningRate = 1e-2
        options.wordPlaces = 1
        return try ProbeSet.train(store, rows: store.rows(ofSplit: "probe"), options)
    }

    static func teach(
        _ store: ActivationStore, _ probes: ProbeSet?, _ change: (inout StoreTeacher.Options) -> Void = { _ in }
    ) throws -> (explanations: [Int: String], report: StoreTeacher.Report) {
        var options = StoreTeacher.Options()
        options.omission = 0
        change(&options)
        let teacher = StoreTeacher(
            store, PlainGrammar(), probes: probes.map { .apart($0) }, shown: [motive], options)
        var explanations: [Int: String] = [:]
        let report = teacher.explain(try store.rows(ofSplit: "taught")) { explanations[$0] = $1 }
        return (explanations, report)
    }
}

@Suite("The teacher of stored activations")
struct StoreTeacherTests {
    @Test("What some texts say and others only show is found in the documents themselves")
    func shownQuestions() throws {
        try withScratch { folder in
            let store = try Staged.write(to: folder.appending(path: "store"), documents: 8)
            #expect(store.shownQuestions() == [Staged.motive, Staged.place])
        }
    }

    @Test("With probes it says what the vector holds, not what only the text says, and never what no word has said")
    func probesDecide() throws {
        try withScratch { folder in
            let store = try Staged.write(to: folder.appending(path: "store"))
            let (explanations, report) = try Staged.teach(store, Staged.probes(store))
            let wrong = Staged.wrong(explanations, store)
            #expect(wrong.untrue == 0 && wrong.latent == 0)
            let said = explanations.values.flatMap { PlainGrammar().read($0).claims }
            let motives = said.count { $0.question == Staged.motive },
                places = said.count { $0.question == Staged.place }
            #expect(motives > 140)
            // What the vector does not hold is said only where a probe is sure by chance.
            #expect(places < 100)
            // Where the vector holds what the text only shows, silence would be taught.
            #expect(report.withheld > 140)
            #expect(report.explained + report.withheld + report.empty == 300)
        }
    }

    @Test("Without probes it says all that is stated, and explains every row")
    func textOnly() throws {
        try withScratch { folder in
            let store = try Staged.write(to: folder.appending(path: "store"))
            let (explanations, report) = try Staged.teach(store, nil)
            #expect(report.explained == 300 && report.withheld == 0)
            let said = explanations.values.flatMap { PlainGrammar().read($0).claims }
            #expect(said.count { $0.question == Staged.place } == 300)
            #expect(said.count { $0.question == Staged.motive } == 150)
            #expect(said.count { $0.question == endingQuestion } == 300)
        }
    }

    @Test("Its choices depend on seed, document and position alone")
    func repeatable() throws {
        try withScratch { folder in
            let store = try Staged.write(to: folder.appending(path: "store"))
            func teach(_ seed: UInt64) throws -> [Int: String] {
                try Staged.teach(store, nil) {
                    $0.omission = 0.5
                    $0.seed = seed
                }.explanations
            }
            #expect(try teach(3) == teach(3))
            #expect(try teach(3) != teach(4))
        }
    }

    @Test("Claims are counted as true by the text so far, and facts as said only in their own words")
    func claimScores() throws {
        try withScratch { folder in
            let store = try Staged.write(to: folder.appending(path: "store"))
            let row = try #require(store.rows().first { store.document(of: $0).truths[0].fact.value == "fear" })
            let said =
                "The hero's motive is \"fear\". The hero's place is \"nowhere\". The text ends with \"soon\". Well."
            let scores = ClaimScores([said], [row], store, PlainGrammar(), nil)
            #expect(scores.precision().claims == 3 && scores.precision().right == 2)
            #expect(scores.recall().facts == 2 && scores.recall().said == 1)
            #expect(scores.precision { $0.question == Staged.place }.share == 0)
            #expect(scores.otherSentences == 1)
        }
    }

    @Test(
        "The ceiling counts what probes read, over the facts that they are asked for, at the moments that depend on them"
    )
    func ceiling() throws {
        try withScratch { folder in
            let store = try Staged.write(to: folder.appending(path: "store"))
            let rows = try store.rows(ofSplit: "taught")
            let scores = ClaimScores(
                rows.map { _ in "" }, rows, store, PlainGrammar(), .apart(try Staged.probes(store)))
            let motive = scores.recall { $0.question == Staged.motive },
                place = scores.recall { $0.question == Staged.place }
            #expect(motive.probed == 300 && motive.read > 290 && motive.said == 0)
            #expect(place.probed == 300 && (90...210).contains(place.read))
            #expect(scores.recall { $0.question == Staged.motive && $0.standing == .latent }.facts == 150)
        }
    }

    @Test("Another row's explanation is one of another document")
    func partners() throws {
        try withScratch { folder in
            let store = try Staged.write(to: folder.appending(path: "store"))
            let rows = [0, 0, 0, 5, 5, 7]
            let partners = try #require(store.partners(of: rows))
            #expect(zip(rows, partners).allSatisfy { $0 != rows[$1] })
            #expect(store.partners(of: [3, 3]) == nil)
        }
    }
}
