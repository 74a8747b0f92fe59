import Activations
import Claims
import Foundation
import LanguageModel
import Runs
import Tensors
import TestSupport
import Testing
import Tokenization

@Suite("Activation stores")
struct ActivationStoreTests {
    private let policy = PositionPolicy(perDocument: 3, includeMoments: true, firstPosition: 2)

    @Test("Every vector is the residual stream at its position, whatever it was batched with")
    func vectors() throws {
        try withScratch { folder in
            try Small.builder(policy).build(Small.stored(11), into: folder)
            let store = try ActivationStore(folder: folder)
            let (decoder, tokenizer) = (try Small.decoder(), try Small.tokenizer.get())
            #expect(store.rowCount == 44 && store.documents.count == 11)
            for index in 0..<store.rowCount {
                var tree = TokenTree()
                tree.append(tokenizer.encode(store.document(of: index).text))
                let row = store.row(index)
                let hidden = decoder.hidden(tree, through: 1, tape: Tape(recording: false)).value
                #expect(store.vectors([index]).relativeError(to: hidden.rows(row.position..<row.position + 1)) < 1e-4)
                let ids = tokenizer.encode(store.document(of: index).text)
                #expect(store.textSoFar(index) == tokenizer.decode(Array(ids[...row.position])))
                #expect(row.position >= 2)
            }
        }
    }

    @Test("Opening a store and choosing rows keeps no document decoded; the last ones that were asked for stay")
    func lazy() throws {
        try withScratch { folder in
            try Small.builder(policy).build(Small.stored(11), into: folder)
            let store = try ActivationStore(folder: folder), wanted = Small.stored(11)
            #expect(store.splits == ["av", "held-out"] && store.rows(.init(momentKinds: ["mood"])).count == 44)
            #expect(try !store.rows(ofSplit: "av").isEmpty && store.rows(.init(kinds: ["story"])).count == 24)
            #expect(store.documents.decodedCount == 0)
            #expect(Array(store.documents) == wanted && store.documents.decodedCount == 11)
            #expect(store.documents[7] == wanted[7])
            #expect(store.documents.indices.allSatisfy { store.documents.kind(of: $0) == wanted[$0].document.kind })
            // Also where its files are gone.
            try FileManager.default.removeItem(at: folder)
            #expect(store.documents[3] == wanted[3])
        }
    }

    @Test("Of large documents only a few are kept decoded")
    func cached() throws {
        try withScratch { folder in
            let text = String(repeating: "word ", count: 1 << 18)
            let documents = (0..<9).map {
                StoredDocument(LabelledDocument(id: "d\($0)", kind: "note", text: "\($0) \(text)"), split: "av")
            }
            let writer = try ActivationStoreWriter(folder: folder, Small.settings(policy))
            let width = try Small.settings(policy).hiddenSize
            try writer.append(documents, [], activations: Tensor(zeros: [0, width]))
            let store = try ActivationStore(folder: folder)
            for index in [0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 8] { #expect(store.documents[index] == documents[index]) }
            #expect((1...7).contains(store.documents.decodedCount))
        }
    }

    @Test("Rows are gathered across shards in the order asked for")
    func gathering() throws {
        try withScratch { folder in
            try Small.builder(policy).build(Small.stored(11), into: folder)
            let store = try ActivationStore(folder: folder)
            #expect(store.manifest.shards.count == 3)
            let rows = [43, 0, 20, 20, 7]
            let gathered = store.vectors(rows)
            #expect(gathered.shape == [5, store.hiddenSize])
            for (place, row) in rows.enumerated() {
                #expect(gathered.rows(place..<place + 1).floats() == store.vectors([row]).floats())
            }
            #expect(store.vectors([]).rows == 0)
        }
    }

    @Test("bfloat16 stores hold the same vectors, rounded")
    func halfSize() throws {
        try withScratch { folder in
            var settings = try Small.settings(policy)
            let exact = try Small.builder(policy).read(Small.stored(3)).activations
            settings.elementType = .bfloat16
            try ActivationStoreBuilder(Small.decoder(), Small.tokenizer.get(), settings).build(
                Small.stored(3), into: folder)
            let read = try ActivationStore(folder: folder).vectors(Array(0..<exact.rows))
            #expect(read.floats() == exact.converted(to: .bfloat16).floats())
        }
    }

    @Test("A moment's row is the last token before the answer; all others are random")
    func moments() throws {
        try withScratch { folder in
            try Small.builder(policy).build(Small.stored(8), into: folder)
            let store = try ActivationStore(folder: folder)
            let rows = store.rows(.init(place: .moment))
            #expect(rows.count == 8 && store.rows(.init(place: .random)).count == 24)
            for row in rows {
                let moment = try #require(store.moment(of: row))
                #expect(moment.offset == store.row(row).byteEnd)
                #expect(store.textSoFar(row).hasSuffix("was"))
            }
            #expect(store.rows(.init(momentKinds: ["rhyme"])).count == 24)
        }
    }

    @Test("A moment within a token is read at the token that ends before it, and never within a character")
    func boundaries() throws {
        let tokenizer = try BytePairTrainer(.init(vocabularySize: 256)).train().tokenizer()
        let document = LabelledDocument(
            id: "x", kind: "k", text: "aßcd",
            moments: [.init(offset: 2, kind: "m", question: Question(subject: "s", relation: "r"), answer: "")])
        let settings = try Small.settings(PositionPolicy(perDocument: 9, includeMoments: true))
        let rows = try ActivationStoreBuilder(Small.decoder(), tokenizer, settings).read([
            StoredDocument(document, split: "s")
        ]).rows
        #expect(rows.map(\.byteEnd) == [1, 3, 4, 5])
        #expect(rows.map(\.moment) == [0, nil, nil, nil])
    }

    @Test("A document has the same rows in any order and company")
    func order() throws {
        try withScratch { folder in
            let (one, two) = (folder.appending(path: "one"), folder.appending(path: "two"))
            try Small.builder(policy).build(Small.stored(9), into: one)
            try Small.builder(policy, shard: 5, tokens: 10).build(Small.stored(9).reversed(), into: two)
            func places(_ url: URL) throws -> Set<[String]> {
                let store = try ActivationStore(folder: url)
                return Set((0..<store.rowCount).map { [store.document(of: $0).id, "\(store.row($0).position)"] })
            }
            #expect(try places(one) == places(two))
        }
    }

    @Test("Rows are chosen by split and kind, and no document is in two splits")
    func filters() throws {
        try withScratch { folder in
            try Small.builder(policy).build(Small.stored(14), into: folder)
            let store = try ActivationStore(folder: folder)
            #expect(store.splits == ["av", "held-out"])
            #expect(store.manifest.documentsPerSplit == ["av": 12, "held-out": 2])
            let rows = try store.rows(ofSplit: "held-out")
            #expect(Set(rows.map { store.document(of: $0).id }) == ["d3", "d13"])
            #expect(store.rows(.init(splits: ["held-out"], kinds: ["story"])).isEmpty)
            let error = #expect(throws: ModelError.self) { try store.rows(ofSplit: "rl") }
            #expect(error?.description.contains("av, held-out") == true)
        }
    }

    @Test("Shares give every document one split, the same whenever it is asked")
    func shares() throws {
        let shares = try SplitShares("av=0.5, ar=0.3,held-out=0.2")
        var counts: [String: Int] = [:]
        for index in 0..<4000 { counts[shares.split(of: "document \(index)", seed: 0), default: 0] += 1 }
        #expect(abs(counts["av", default: 0] - 2000) < 150 && abs(counts["held-out", default: 0] - 800) < 120)
        #expect(shares.split(of: "x", seed: 3) == shares.split(of: "x", seed: 3))
        for text in ["", "av", "av=0.5", "av=0.5,av=0.5", "av=1.5", "av=-1,b=2", "=1"] {
            #expect(throws: ModelError.self, "\(text)") { try SplitShares(text) }
        }
    }

    /// The folder's files with their contents, the lock aside.
    private func contents(_ folder: URL) throws -> [String: Data] {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0 != "store.lock" }
        return try Dictionary(
            uniqueKeysWithValues: names.map { ($0, try Data(contentsOf: folder.appending(path: $0))) })
    }

    @Test("A build that dies at any moment continues to the same bytes")
    func resuming() throws {
        struct Stop: Error {}
        try withScratch { folder in
            let whole = folder.appending(path: "whole")
            try Small.builder(policy).build(Small.stored(11), into: whole)
            let expected = try contents(whole)
            #expect(expected.count == 8)
            for shards in 1...2 {
                let stopped = folder.appending(path: "stopped\(shards)")
                #expect(throws: Stop.self) {
                    try Small.builder(policy).build(Small.stored(4 * shards), into: stopped)
                    throw Stop()
                }
                // What a process leaves that dies between writing a shard and the manifest, or within a file.
                try Data("half".utf8).write(to: stopped.appending(path: "shard-0000\(shards).safetensors"))
                try Data("x".utf8).write(to: stopped.appending(path: "shard-0000\(shards).jsonl.1-2.partial"))
                try Data("{".utf8).write(to: stopped.appending(path: "manifest.json.1-2.partial"))
                #expect(try ActivationStore(folder: stopped).documents.count == 4 * shards)
                try Small.builder(policy).build(Small.stored(11), into: stopped)
                #expect(try contents(stopped) == expected)
            }
            try Small.builder(policy).build(Small.stored(11), into: whole)
            #expect(try contents(whole) == expected)
        }
    }

    @Test("More documents are added behind; another document of a known id is refused")
    func appending() throws {
        try withScratch { folder in
            try Small.builder(policy).build(Small.stored(6), into: folder)
            try Small.builder(policy).build(Small.stored(9), into: folder)
            #expect(try ActivationStore(folder: folder).documents.map(\.document.id) == (0..<9).map { "d\($0)" })
            let other = StoredDocument(Small.documents(1)[0], split: "rl")
            #expect(throws: ModelError.self) { try Small.builder(policy).build([other], into: folder) }
            #expect(throws: ModelError.self) {
                try Small.builder(policy).build(Small.stored(12) + Small.stored(12), into: folder)
            }
        }
    }

    @Test("Two writers at once are refused, and so are other settings and other folders")
    func writers() throws {
        try withScratch { folder in
            let store = folder.appending(path: "store")
            do {
                let first = try ActivationStoreWriter(folder: store, Small.settings(policy))
                let error = #expect(throws: TrainingError.self) {
                    try ActivationStoreWriter(folder: store, Small.settings(policy))
                }
                #expect(error?.description.contains("process \(getpid()) is writing to this folder") == true)
                withExtendedLifetime(first) {}
            }
            try Small.builder(policy).build(Small.stored(2), into: store)
            for settings in [
                try Small.settings(policy, target: "other"), try Small.settings(policy, seed: 2),
                try Small.settings(PositionPolicy(perDocument: 4)),
            ] {
                #expect(throws: ModelError.self) { try ActivationStoreWriter(folder: store, settings) }
            }
            try Data("mine".utf8).write(to: folder.appending(path: "letter.txt"))
            #expect(throws: ModelError.self) { try ActivationStoreWriter(folder: folder, Small.settings(policy)) }
        }
    }

    @Test("What is missing, cut, damaged or of another target is named")
    func damage() throws {
        try withScratch { folder in
            let good = folder.appending(path: "good")
            try Small.builder(policy).build(Small.stored(6), into: good)
            func fails(_ word: String, target: String? = nil, _ damage: (URL) throws -> Void) throws {
                let copy = folder.appending(path: "copy")
                try? FileManager.default.removeItem(at: copy)
                try FileManager.default.copyItem(at: good, to: copy)
                try damage(copy)
                let error = #expect(throws: ModelError.self) { try ActivationStore(folder: copy, target: target) }
                #expect(error?.description.contains(word) == true, "\(word): \(error?.description ?? "")")
                #expect(error?.description.contains("\n") == false)
            }
            let shard = "shard-00001.safetensors"
            try fails("manifest.json: missing") {
                try FileManager.default.removeItem(at: $0.appending(path: "manifest.json"))
            }
            try fails("\(shard): missing") { try FileManager.default.removeItem(at: $0.appending(path: shard)) }
            try fails("\(shard): 3 bytes") { try Data("abc".utf8).write(to: $0.appending(path: shard)) }
            try fails("\(shard): damaged") {
                var data = try Data(contentsOf: $0.appending(path: shard))
                data[data.count - 5] ^= 1
                try data.write(to: $0.appending(path: shard))
            }
            try fails("not of other", target: "other") { _ in }
            func edit(_ from: String, _ to: String) -> (URL) throws -> Void {
                { copy in
                    let file = copy.appending(path: "manifest.json")
                    let text = try String(contentsOf: file, encoding: .utf8)
                    try Data(text.replacingOccurrences(of: from, with: to).utf8).write(to: file)
                }
            }
            try fails("says 17 rows", edit("\"rows\": 16,", "\"rows\": 17,"))
            let wider = edit("\"d_model\": \(try Small.settings(policy).hiddenSize)", "\"d_model\": 99")
            try fails("manifest.json has 99", wider)
            // Stores of earlier versions have no sidecar.
            try fails("says 99") { copy in
                try wider(copy)
                try FileManager.default.removeItem(at: copy.appending(path: "nla_meta.yaml"))
            }
            try fails("version 2", edit("\"version\": 1", "\"version\": 2"))
            try fails("nla_meta.yaml: activations at the output of block 2, manifest.json is about block 1") { copy in
                let file = copy.appending(path: "nla_meta.yaml")
                let text = try String(contentsOf: file, encoding: .utf8)
                #expect(text.hasPrefix("kind: nla_dataset\n"))
                try Data(text.replacing("layer_index: 1", with: "layer_index: 2").utf8).write(to: file)
            }
            try fails("names no file", edit("\"shard-00001.jsonl\"", "\"../x.jsonl\""))
        }
    }

    @Test("Document lines are read with their numbers, and ids that come twice are refused")
    func lines() throws {
        try withScratch { folder in
            let file = folder.appending(path: "d.jsonl")
            func read(_ text: String) throws -> [LabelledDocument] {
                try Data(text.utf8).write(to: file)
                return try DocumentLines.documents(file)
            }
            let two = try read("{\"text\": \"a\"}\r\n\n{\"text\": \"b\", \"id\": \"b\"}")
            #expect(two.map(\.id) == ["d.jsonl:1", "b"])
            for (text, word) in [
                ("{\"text\": \"a\"}\n{", "line 2"), ("{\"id\": 3}", "line 1"), ("", "no documents"),
                ("{\"text\": \"a\", \"id\": \"x\"}\n{\"text\": \"b\", \"id\": \"x\"}", "lines 1 and 2"),
            ] {
                let error = #expect(throws: ModelError.self) { try read(text) }
                #expect(error?.description.contains(word) == true)
            }
        }
    }

    @Test(
        "Documents of several files are read as one; without ids they are called after file and line, and ids are unique over all files"
    )
    func severalFiles() throws {
        try withScratch { folder in
            func write(_ name: String, _ text: String) throws -> URL {
                let file = folder.appending(path: name)
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(text.utf8).write(to: file)
                return file
            }
            let first = try write("a/d.jsonl", "{\"text\": \"a\"}\n{\"text\": \"b\", \"id\": \"b\"}")
            let second = try write("b/d.jsonl", "{\"text\": \"c\"}")
            let all = try DocumentLines.documents([first, second])
            #expect(all.map(\.id) == ["a/d.jsonl:1", "b", "b/d.jsonl:1"] && all.map(\.text) == ["a", "b", "c"])
            let again = try write("e.jsonl", "\n{\"text\": \"b\", \"id\": \"b\"}")
            let error = #expect(throws: ModelError.self) { try DocumentLines.documents([first, again]) }
            #expect(
                error?.description.contains("e.jsonl: line 2, and line 2 of d.jsonl, have the same id b") == true,
                "\(error?.description ?? "")")
        }
    }
}
