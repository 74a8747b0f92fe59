import Activations
import Claims
import Foundation
import JSON
import LanguageModel
import Teaching
import Tensors
import TestSupport
import Testing

/// A store whose vectors hold one fact along random directions, another one not at all, and the last word.
private struct Planted {
    static let readable = Question(subject: "the hero", relation: "motive")
    static let hidden = Question(subject: "the hero", relation: "place")
    static let noisy = Question(subject: "the hero", relation: "mood")
    static let motives = ["envy", "fear", "greed", "hope", "love"]
    static let words = ["alone", "home", "slowly", "there"]

    /// Writes `documents` documents of three rows.
    static func write(_ documents: Int, to folder: URL, width: Int = 32) throws -> ActivationStore {
        var random = Random(seed: 4)
        let directions = (0..<20).map { _ in (0..<width).map { _ in random.normal() } }
        let settings = StoreSettings(
            hiddenSize: width, layerIndex: 2, targetHash: "target", tokenizerHash: "t",
            positions: .init(perDocument: 2, includeMoments: true))
        let writer = try ActivationStoreWriter(folder: folder, settings)
        var stored: [StoredDocument] = []
        var rows: [StoredRow] = []
        var values: [Float] = []
        for index in 0..<documents {
            let motive = Int.random(in: 0..<motives.count, using: &random)
            let place = Int.random(in: 0..<3, using: &random)
            let mood = Int.random(in: 0..<2, using: &random)
            let chosen = (0..<3).map { _ in Int.random(in: 0..<words.count, using: &random) }
            var text = "It was he."
            var ends: [Int] = []
            for word in chosen {
                text += " " + words[word]
                ends.append(text.utf8.count)
                text += "."
            }
            let document = LabelledDocument(
                id: "p\(index)", kind: "planted", text: text,
                truths: [
                    .init(Fact(readable.subject, readable.relation, motives[motive]), from: 0, statedFrom: ends[1]),
                    .init(Fact(hidden.subject, hidden.relation, "place \(place)"), from: 0),
                    .init(Fact(noisy.subject, noisy.relation, "mood \(mood)"), from: 0),
                ],
                moments: [.init(offset: ends[2], kind: "m", question: readable, answer: ".")])
            stored.append(StoredDocument(document, split: "probe"))
            for place in 0..<3 {
                rows.append(
                    StoredRow(document: index, position: place, byteEnd: ends[place], moment: place == 2 ? 0 : nil))
                let moodSign = mood == 0 ? 1.0 : -1.0
                for column in 0..<width {
                    values.append(
                        Float(
                            3 * directions[motive][column] + 3 * directions[8 + chosen[place]][column]
                                + 0.5 * moodSign * directions[15][column] + 2 * random.normal() + 5))
                }
            }
        }
        try writer.append(stored, rows, activations: Tensor(values, shape: [rows.count, width]))
        return try ActivationStore(folder: folder)
    }

    static let options = {
        var options = ProbeOptions()
        options.batchSize = 128
        options.epochs = 12
        options.learningRate = 1e-2
        options.wordPlaces = 2
        return options
    }()
}

@Suite("Linear probes")
struct ProbeTests {
    @Test(
        "A planted fact and the last word are read, a fact that is not there stays at chance, and no probe is too sure")
    func planted() throws {
        try withScratch { folder in
            let store = try Planted.write(1500, to: folder)
            let rows = try store.rows(ofSplit: "probe")
            let probes = try ProbeSet.train(store, rows: rows, Planted.options)
            let report = ProbeReport(probes, store, rows: ProbeSet.heldBackRows(store, rows: rows, Planted.options))
            #expect(!report.entries.isEmpty)
            for entry in report.entries {
                switch entry.question {
                case Planted.readable, .lastWord(1): #expect(entry.accuracy >= 0.95, "\(entry)")
                case Planted.hidden: #expect(entry.accuracy < 0.45 && entry.meanProbability < 0.40, "\(entry)")
                case Planted.noisy: #expect(entry.accuracy > 0.6, "\(entry)")
                default: break
                }
                // Whether the word before was fixed depends on the place, which the vector does not tell.
                if entry.question != .lastWord(2) { #expect(entry.calibrationError < 0.12, "\(entry)") }
            }
            let motive = report.entries.filter { $0.question == Planted.readable }
            #expect(motive.map(\.standing) == [.latent, .stated, .stated])
            #expect(motive.map(\.isAtMoment) == [false, false, true])
            #expect(report.table.split(separator: "\n").count == report.entries.count + 1)
            #expect(report.json.array?.count == report.entries.count)
        }
    }

    @Test("Probabilities sum to one, and facts are found among them")
    func probabilities() throws {
        try withScratch { folder in
            let store = try Planted.write(300, to: folder)
            let probes = try ProbeSet.train(store, rows: store.rows(), Planted.options)
            let reading = probes.read(store.vectors([0, 5, 9]))
            let (values, table) = try #require(reading.probabilities(Planted.readable))
            #expect(values == Planted.motives && table.shape == [3, 5])
            for row in 0..<3 {
                let own = table.rows(row..<row + 1).floats()
                #expect(abs(own.reduce(0, +) - 1) < 1e-5)
                for (value, probability) in zip(values, own) {
                    let fact = Fact(Planted.readable.subject, Planted.readable.relation, value)
                    #expect(reading.probability(of: fact, row: row) == probability)
                }
            }
            #expect(reading.probability(of: Fact("the hero", "motive", "thirst"), row: 0) == 0)
            #expect(reading.probability(of: Fact("the hero", "height", "tall"), row: 0) == nil)
            let (subject, relation) = (endingQuestion.subject, endingQuestion.relation)
            let last = try #require(reading.best(.lastWord(1), row: 0))
            let one = reading.probability(of: Fact(subject, relation, last.value + "."), row: 0)
            #expect(one == last.probability)
            let two = try #require(reading.probability(of: Fact(subject, relation, "home \(last.value)"), row: 0))
            #expect(two <= last.probability)
            #expect(reading.probability(of: Fact(subject, relation, "a b c"), row: 0) == nil)
            #expect(reading.probability(of: Fact(subject, relation, "."), row: 0) == nil)
        }
    }

    @Test("The size of a vector does not matter, only its direction")
    func direction() throws {
        try withScratch { folder in
            let store = try Planted.write(200, to: folder)
            let probes = try ProbeSet.train(store, rows: store.rows(), Planted.options)
            let one = store.vectors([3])
            let scaled = Tensor(one.floats().map { 70 * $0 }, shape: one.shape)
            let (a, b) = (probes.read(one), probes.read(scaled))
            let first = try #require(a.probabilities(Planted.readable)?.probabilities)
            let second = try #require(b.probabilities(Planted.readable)?.probabilities)
            #expect(first.relativeError(to: second) < 1e-4)
        }
    }

    @Test("The same seed gives the same probes, and what is saved is what is loaded")
    func repeatableAndSaved() throws {
        try withScratch { folder in
            let store = try Planted.write(200, to: folder.appending(path: "store"))
            func probabilities(_ probes: ProbeSet) -> [[Float]] {
                let reading = probes.read(store.vectors([0, 100]))
                return probes.probes.map { reading.probabilities($0.question)?.probabilities.floats() ?? [] }
            }
            let one = try ProbeSet.train(store, rows: store.rows(), Planted.options)
            let two = try ProbeSet.train(store, rows: store.rows(), Planted.options)
            #expect(probabilities(one) == probabilities(two))
            let saved = folder.appending(path: "probes")
            try one.save(to: saved)
            let read = try ProbeSet(folder: saved, target: "target")
            #expect(read.probes.map(\.values) == one.probes.map(\.values))
            #expect(read.probes.map(\.question) == one.probes.map(\.question))
            #expect(probabilities(read) == probabilities(one))
            #expect(throws: ModelError.self) { try ProbeSet(folder: saved, target: "other") }
            #expect(throws: ModelError.self) { try one.save(to: saved) }
            #expect(throws: ModelError.self) { try ProbeSet(folder: folder) }
        }
    }

    @Test("Cross-fitted probes judge a document by those that have not met it")
    func crossFit() throws {
        try withScratch { folder in
            let store = try Planted.write(600, to: folder.appending(path: "store"))
            let both = try CrossFitProbes.train(store, rows: store.rows(), Planted.options)
            let halves = store.rows().map { CrossFitProbes.half(of: store.document(of: $0).id) }
            #expect(abs(halves.reduce(0, +) - 900) < 150)
            let alone = try ProbeSet.train(store, rows: store.rows().filter { halves[$0] == 1 }, Planted.options)
            let row = try #require(halves.firstIndex(of: 0)), vector = store.vectors([row])
            let used = both.probes(for: store.document(of: row).id)
            #expect(
                used.read(vector).probabilities(Planted.readable)?.probabilities.floats()
                    == alone.read(vector).probabilities(Planted.readable)?.probabilities.floats())
            try both.save(to: folder.appending(path: "both"))
            guard
                case .crossFit(let read) = try TeacherProbes(folder: folder.appending(path: "both"), matching: store)
            else {
                Issue.record("not read as cross-fitted")
                return
            }
            #expect(read.halves.map(\.probes.count) == both.halves.map(\.probes.count))
            // The report is on documents that were not fitted: the planted fact is read, the hidden one is not.
            for entry in ProbeReport(.crossFit(both), store, rows: store.rows()).entries {
                if entry.question == Planted.readable { #expect(entry.accuracy > 0.9) }
                if entry.question == Planted.hidden { #expect(entry.accuracy < 0.45) }
            }
        }
    }

    @Test("Rows without labels that differ are refused")
    func nothingToLearn() throws {
        try withScratch { folder in
            let store = try Planted.write(3, to: folder)
            #expect(throws: ModelError.self) { try ProbeSet.train(store, rows: store.rows(), ProbeOptions()) }
        }
    }

    @Test("Endings are literal, and words leave punctuation and quotes behind")
    func lastWords() {
        let words = LastWords(of: "She said: 'I don't, Jörg!'", count: 3)
        #expect(words.words == ["Jörg", "don't", "I"])
        #expect(words.ending(1) == "Jörg!'" && words.ending(2) == "don't, Jörg!'" && words.ending(4) == nil)
        #expect(LastWords(of: "one ", count: 2).words == ["one"])
        #expect(LastWords(of: "one ", count: 2).ending(1) == nil)
        #expect(LastWords(of: " '' .", count: 2).words.isEmpty && LastWords(of: "", count: 2).words.isEmpty)
        for text in ["She said: 'I don't, Jörg!'", "a, b; c", "x'y z's", "1,234.5", "Ende…"] {
            let document = LabelledDocument(id: "", kind: "", text: text)
            let last = LastWords(of: text, count: 3)
            for count in 1...max(1, last.words.count) {
                guard let ending = last.ending(count) else { continue }
                let fact = Fact(endingQuestion.subject, endingQuestion.relation, ending)
                #expect(document.isTrue(fact, at: text.utf8.count), "\(ending)")
            }
        }
    }
}
