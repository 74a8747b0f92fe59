import JSON
import Testing
import Tokenization

/// A tokenizer whose tokens are bytes: decoding what it encodes shows what its components make of a text.
enum ByteTokenizer {
    /// Makes one with further parts of a tokenizer.json.
    static func make(_ parts: JSONObject) throws -> Tokenizer {
        let vocabulary = try #require(try Goldens.document("unicode.json")["vocabulary"]?.array)
        var pieces = JSONObject()
        for (id, piece) in vocabulary.enumerated() { pieces[try #require(piece.string)] = .integer(id) }
        var document = parts
        document["model"] = ["type": "BPE", "vocab": .object(pieces), "merges": []]
        return try Tokenizer(tokenizerJSON: JSONValue.object(document).serialized().bytes, source: "bytes")
    }

    /// What a normalizer makes of a text.
    static func normalized(_ text: String, _ normalizer: JSONValue) throws -> [UInt8] {
        let parts: JSONObject = [
            "normalizer": normalizer,
            "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false, "use_regex": false],
            "decoder": ["type": "ByteLevel"],
        ]
        let tokenizer = try make(parts)
        return tokenizer.decode(tokenizer.encode(text)).bytes
    }
}

@Suite("Unicode as in the tokenizers package")
struct UnicodeTests {
    static let document = Result { try Goldens.document("unicode.json") }
    static let names = (try? document.get()["cases"]?.array?.compactMap { $0["name"]?.string }) ?? []

    /// FNV-1a.
    private func digest(_ bytes: [UInt8]) -> String {
        String(
            bytes.reduce(0xCBF2_9CE4_8422_2325) { (value: UInt64, byte) in (value ^ UInt64(byte)) &* 0x100_0000_01B3 },
            radix: 16)
    }

    @Test("Every character, and many in a row, come out as in the package", arguments: names)
    func everyCharacter(name: String) throws {
        let document = try Self.document.get()
        let golden = try #require(document["cases"]?.array?.first { $0["name"]?.string == name })
        let tokenizer = try ByteTokenizer.make(try #require(golden["tokenizer"]?.object))
        var every = ""
        for value in UInt32(0)..<0x30000 {
            guard let scalar = Unicode.Scalar(value) else { continue }
            every.unicodeScalars.append("a")
            every.unicodeScalars.append(scalar)
            every.unicodeScalars.append("\n")
        }
        #expect(digest(tokenizer.decode(tokenizer.encode(every)).bytes) == golden["every"]?.string)
        let pool = Array(try #require(document["pool"]?.string).unicodeScalars)
        var generator = SeededGenerator(seed: 5)
        var random = String.UnicodeScalarView()
        for _ in 0..<20_000 { random.append(pool[Int(generator.next() % UInt64(pool.count))]) }
        #expect(digest(tokenizer.decode(tokenizer.encode(String(random))).bytes) == golden["random"]?.string)
    }

    @Test("There are goldens")
    func isThere() { #expect(Self.names.count >= 10) }

    // Sorted by insertion, these marks would take minutes.
    @Test(
        "A million marks on one character are put in order in linear time", arguments: ["NFC", "NFD", "NFKC", "NFKD"])
    func manyMarks(form: String) throws {
        let pairs = 500_000
        let text =
            "a" + String(String.UnicodeScalarView((0..<2 * pairs).map { $0.isMultiple(of: 2) ? "\u{301}" : "\u{323}" }))
        var expected = form.hasSuffix("C") ? "ạ".bytes : "a".bytes
        let below = form.hasSuffix("C") ? pairs - 1 : pairs
        for _ in 0..<below { expected += "\u{323}".bytes }
        for _ in 0..<pairs { expected += "\u{301}".bytes }
        #expect(try ByteTokenizer.normalized(text, ["type": .string(form)]) == expected)
    }
}
