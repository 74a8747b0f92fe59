import Foundation
import JSON
import Testing
import Tokenization

@Suite("Training a vocabulary")
struct BytePairTrainerTests {
    private func golden() throws -> (corpus: [String], extra: [BytePairTrainer.ExtraToken], runs: [JSONValue]) {
        let document = try Goldens.document("trained.json")
        let extra = try #require(document["extra"]?.array).map {
            let content = try #require($0["content"]?.string)
            return $0["special"]?.bool == true ? BytePairTrainer.ExtraToken.special(content) : .text(content)
        }
        return (
            try #require(document["corpus"]?.array).compactMap(\.string), extra, try #require(document["runs"]?.array)
        )
    }

    private func train(
        _ run: JSONValue, _ corpus: [String], _ extra: [BytePairTrainer.ExtraToken]
    ) throws
        -> TrainedTokenizer
    {
        var trainer = try BytePairTrainer(
            .init(
                vocabularySize: try #require(run["vocabulary_size"]?.int),
                minimumFrequency: try #require(run["minimum_frequency"]?.int),
                pattern: run["pattern"]?.string == "gpt2" ? .gpt2 : .qwen2, extraTokens: extra))
        for text in corpus { trainer.add(text) }
        return trainer.train()
    }

    @Test("Pieces, merges and ids equal those that the tokenizers package learns")
    func equalsPeer() throws {
        let (corpus, extra, runs) = try golden()
        #expect(runs.count == 3)
        for run in runs {
            let trained = try train(run, corpus, extra)
            #expect(trained.pieces.map(\.bytes) == run["pieces"]?.array?.compactMap { $0.string?.bytes })
            let merges = try #require(run["merges"]?.array).map { [$0[0]?.string?.bytes, $0[1]?.string?.bytes] }
            #expect(trained.merges.map { [$0.left.bytes, $0.right.bytes] } == merges)
            let tokenizer = try trained.tokenizer()
            #expect(tokenizer.vocabularySize == trained.vocabularySize)
            for golden in try #require(run["cases"]?.array) {
                let text = try #require(golden["text"]?.string)
                #expect(tokenizer.encode(text) == golden["ids"]?.ids, "\(text.debugDescription)")
            }
        }
    }

    @Test("Learned pieces make a text shorter, and the order of texts does not matter")
    func compresses() throws {
        let (corpus, extra, runs) = try golden()
        let trained = try train(runs[1], corpus, extra)
        let tokenizer = try trained.tokenizer()
        for text in corpus { #expect(tokenizer.encode(text).count < text.utf8.count * 2 / 3) }
        #expect(try train(runs[1], corpus.reversed(), extra).pieces == trained.pieces)
    }

    @Test("Every byte can be encoded and comes back")
    func everyByte() throws {
        let tokenizer = try BytePairTrainer(.init(vocabularySize: 256)).train().tokenizer()
        #expect(tokenizer.vocabularySize == 256)
        var text = String.UnicodeScalarView()
        for value in stride(from: UInt32(0), through: 0x10FFFF, by: 37) {
            if let scalar = Unicode.Scalar(value) { text.append(scalar) }
        }
        let ids = tokenizer.encode(String(text))
        #expect(ids.count == String(text).utf8.count)
        #expect(tokenizer.decode(ids).bytes == String(text).bytes)
        #expect((0..<256).allSatisfy { tokenizer.byteLengths(of: [$0]) == [1] })
    }

    @Test("What is written reads back with the same ids, markers and template")
    func writing() throws {
        let (corpus, extra, runs) = try golden()
        let trained = try train(runs[0], corpus, extra)
        let folder = FileManager.default.temporaryDirectory.appending(path: "nla-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try trained.write(to: folder, endOfText: "<|im_end|>", chatTemplate: "{{ messages[0].content }}<|im_end|>")
        let (read, direct) = (try Tokenizer(folder: folder), try trained.tokenizer())
        for text in corpus { #expect(read.encode(text) == direct.encode(text)) }
        #expect(read.endOfText?.text == "<|im_end|>" && read.endOfText?.id == Int32(trained.pieces.count + 1))
        #expect(read.specialTokenIDs.count == 2 && read.chatTemplate != nil)
        #expect(throws: TokenizerError.self) { try trained.write(to: folder, endOfText: "<none>") }
        #expect(throws: TokenizerError.self) { try trained.write(to: folder.appending(path: "nowhere")) }
    }

    @Test("A vocabulary too small, and extra tokens named twice, are refused")
    func refusals() {
        #expect(throws: TokenizerError.self) { try BytePairTrainer(.init(vocabularySize: 255)) }
        #expect(throws: TokenizerError.self) {
            try BytePairTrainer(.init(vocabularySize: 300, extraTokens: [.text("a"), .special("a")]))
        }
    }

    @Test("Extra tokens in the texts are not learned from, and a token that is a piece keeps its id")
    func extraTokens() throws {
        var trainer = try BytePairTrainer(
            .init(vocabularySize: 300, extraTokens: [.special("<s>"), .text("a")]))
        for _ in 0..<5 { trainer.add("<s>bc<s>bc") }
        let trained = trainer.train()
        #expect(trained.merges.map { $0.left + $0.right } == ["bc"])
        let tokenizer = try trained.tokenizer()
        #expect(tokenizer.encode("bca<s>").map { Int($0) } == [256, 64, 257])
        #expect(trained.vocabularySize == 258 && tokenizer.vocabularySize == 258)
    }
}

@Suite("Places of tokens")
struct TokenPlaceTests {
    private func tokenizer(_ name: String) throws -> Tokenizer {
        let document = try Goldens.document("tokenizer-\(name).json")
        return try Tokenizer(
            tokenizerJSON: Array(try #require(document["tokenizer"]).serialized().utf8), source: name)
    }

    @Test("Ends rise to the text's length, and what lies between them is what each token decodes to")
    func ends() throws {
        let texts = [
            "The river runs.", "Über den Fluß 河流 🙂!", "a<mask>b", "x <|im_end|>y", "  two  spaces ", "", "\n\nend",
        ]
        for (name, text) in ["gpt-2", "qwen", "llama-3", "gemma", "llama-2"].flatMap({ name in texts.map { (name, $0) }
        }) {
            let tokenizer = try tokenizer(name)
            let placed = try tokenizer.encodeWithPlaces(text)
            #expect(placed.ids == tokenizer.encode(text))
            #expect(placed.byteEnds.count == placed.ids.count)
            #expect(placed.byteEnds == placed.byteEnds.sorted())
            #expect(placed.byteEnds.last ?? 0 == text.utf8.count, "\(name) \(text)")
            #expect(Array(placed.ids[placed.textTokens]) == tokenizer.encode(text, addSpecialTokens: false))
        }
    }

    @Test("A character spread over tokens ends with the last of them")
    func splitCharacter() throws {
        let tokenizer = try BytePairTrainer(.init(vocabularySize: 257, extraTokens: [.text("㈎")])).train().tokenizer()
        let placed = try tokenizer.encodeWithPlaces("aß㈎🙂㈎")
        #expect(placed.byteEnds == [1, 2, 3, 6, 7, 8, 9, 10, 13])
        #expect(tokenizer.byteLengths(of: placed.ids) == [1, 1, 1, 3, 1, 1, 1, 1, 3])
    }

    @Test("White space that an added token takes along counts for it")
    func strippedSpace() throws {
        let placed = try tokenizer("qwen").encodeWithPlaces("a  <mask>  b")
        #expect(placed.byteEnds == [1, 11, 12])
    }

    @Test("Special tokens around a text stand for none of it")
    func specialTokens() throws {
        let placed = try tokenizer("llama-3").encodeWithPlaces("ab")
        #expect(placed.byteEnds.first == 0 && placed.textTokens.lowerBound == 1)
    }

    @Test("A text that normalization changes has no places")
    func changedText() throws {
        let tokenizer = try tokenizer("qwen")
        let error = #expect(throws: TokenizerError.self) { try tokenizer.encodeWithPlaces("e\u{301}") }
        #expect(error?.reason.contains("NFC") == true)
    }
}
