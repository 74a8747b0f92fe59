import GGUF
import JSON

/// What a GGUF file's tokenizer is made of, one field for each part of tokenizer.json.
struct TokenizerParts {
    let tokens: GGUFTokens
    /// Pairs of pieces, the first to be merged first.
    let merges: [(left: [UInt8], right: [UInt8])]
    let normalizer: JSONValue
    let preTokenizer: JSONValue
    let decoder: JSONValue
    /// The settings of the model beside vocabulary and merges.
    let settings: JSONObject
    /// Whether texts begin with a token where the file does not say it.
    let addsBeginning: Bool
    /// Ids of named tokens where the file does not say them.
    let defaultIDs: [String: Int]
    /// Ids of tokens that are pieces like others, although the file calls them user-defined.
    private let leftOut: Set<Int>

    // MARK: Kinds of tokenizers

    /// Byte-level BPE.
    init(bytePairs header: GGUFHeader) throws {
        let rule = try SplittingRule(header)
        tokens = try GGUFTokens(header)
        _ = try tokens.vocabulary(header)
        guard let found = try TokenizerParts.merges(header) else {
            throw header.fail("tokenizer.ggml.merges", "missing; convert the model again")
        }
        merges = found
        normalizer = .null
        preTokenizer = rule.preTokenizer
        decoder = ["type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true]
        settings = [
            "unk_token": .null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": .bool(rule.ignoresMerges),
        ]
        addsBeginning = rule.addsBeginning
        defaultIDs = [:]
        leftOut = []
    }

    /// SentencePiece BPE with byte fallback. Spaces are `▁`; the space before a text is the normalizer's.
    init(sentencePiece header: GGUFHeader) throws {
        var tokens = try GGUFTokens(header)
        // Gemma's runs of spaces stand as spaces in the file, for llama.cpp looks for them in the text as it is. They are pieces like
        // others; and its scores do not follow the order of its merges, which is that of the ids.
        let isGemma = try header.string("general.architecture")?.hasPrefix("gemma") ?? false
        leftOut = isGemma ? tokens.respellSpaces() : []
        let vocabulary = try tokens.vocabulary(header)
        self.tokens = tokens
        if let found = try TokenizerParts.merges(header) {
            merges = found
        } else {
            let scores = isGemma ? nil : try TokenizerParts.scores(header, count: tokens.texts.count)
            merges = ImpliedMerges.of(tokens.texts, vocabulary, scores: scores)
        }
        let addsSpace = try header.bool("tokenizer.ggml.add_space_prefix") ?? true
        if try header.bool("tokenizer.ggml.remove_extra_whitespaces") == true {
            throw header.fail(
                "tokenizer.ggml.remove_extra_whitespaces",
                "it is not supported; give the model's tokenizer.json with --tokenizer")
        }
        let spaces: JSONValue = ["type": "Replace", "pattern": ["String": " "], "content": "▁"]
        normalizer =
            addsSpace
            ? ["type": "Sequence", "normalizers": [["type": "Prepend", "prepend": "▁"], spaces]] : spaces
        preTokenizer = .null
        var steps: [JSONValue] = [
            ["type": "Replace", "pattern": ["String": "▁"], "content": " "], ["type": "ByteFallback"],
            ["type": "Fuse"],
        ]
        if addsSpace { steps.append(["type": "Strip", "content": " ", "start": 1, "stop": 0]) }
        decoder = ["type": "Sequence", "decoders": .array(steps)]
        settings = ["fuse_unk": true, "byte_fallback": true, "ignore_merges": false]
        addsBeginning = true
        defaultIDs = ["bos_token": 1, "eos_token": 2, "unk_token": 0]
    }

    /// The merges that a file lists; nil where it has none.
    private static func merges(_ header: GGUFHeader) throws -> [(left: [UInt8], right: [UInt8])]? {
        let key = "tokenizer.ggml.merges"
        return try header.strings(key)?.enumerated().map { rank, merge in
            // A piece may begin with a space, and does not end with one.
            guard let space = merge.dropFirst().firstIndex(of: UInt8(ascii: " ")), space + 1 < merge.count else {
                throw header.fail(key, "merge \(rank) does not consist of two pieces; convert the model again")
            }
            return (Array(merge[..<space]), Array(merge[(space + 1)...]))
        }
    }

    private static func scores(_ header: GGUFHeader, count: Int) throws -> [Double] {
        let key = "tokenizer.ggml.scores"
        guard let scores = try header.numbers(key) else { throw header.fail(key, "missing; convert the model again") }
        guard scores.count == count, !scores.contains(where: \.isNaN) else {
            throw header.fail(key, "\(count) numbers are needed, one for each token; convert the model again")
        }
        return scores
    }
}

// MARK: - tokenizer.json

extension TokenizerParts {
    /// The contents of tokenizer.json.
    func json(_ specials: SpecialTokens, adds: (beginning: Bool, end: Bool), _ header: GGUFHeader) throws -> [UInt8] {
        var model = settings
        if model["unk_token"] == nil {
            model["unk_token"] = specials.id("unk_token").map { .string(tokens.text($0)) } ?? .null
        }
        var text = ByteText()
        text.add("{\"version\": \"1.0\", \"truncation\": null, \"padding\": null,\n\"added_tokens\": ")
        text.add(JSONValue.array(addedTokens))
        for (name, part) in [
            ("normalizer", normalizer), ("pre_tokenizer", preTokenizer),
            ("post_processor", try postProcessor(specials, adds: adds, header)), ("decoder", decoder),
        ] {
            text.add(",\n\"\(name)\": ")
            text.add(part)
        }
        text.add(
            ",\n\"model\": {\"type\": \"BPE\", \"dropout\": null, \"continuing_subword_prefix\": null, \"end_of_word_suffix\": null"
        )
        for (name, value) in model {
            text.add(", \"\(name)\": ")
            text.add(value)
        }
        text.add(",\n\"vocab\": {")
        for (id, token) in tokens.texts.enumerated() {
            text.add(id == 0 ? "" : ",")
            text.addString(token)
            text.add(": \(id)")
        }
        text.add("},\n\"merges\": [")
        for (rank, merge) in merges.enumerated() {
            text.add(rank == 0 ? "[" : ",[")
            text.addString(merge.left)
            text.add(", ")
            text.addString(merge.right)
            text.add("]")
        }
        text.add("]}}\n")
        return text.bytes
    }

    /// The tokens that are found whole in a text, before anything else is done with it.
    private var addedTokens: [JSONValue] {
        tokens.kinds.indices.compactMap { id in
            let isSpecial = tokens.kinds[id] == .control || tokens.kinds[id] == .unknown
            guard isSpecial || tokens.kinds[id] == .userDefined, !leftOut.contains(id) else { return nil }
            return [
                "id": .integer(id), "content": .string(tokens.text(id)), "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": .bool(isSpecial),
            ]
        }
    }

    private func postProcessor(
        _ specials: SpecialTokens, adds: (beginning: Bool, end: Bool), _ header: GGUFHeader
    ) throws -> JSONValue {
        var named: JSONObject = [:]
        func special(_ isAdded: Bool, _ name: String) throws -> String? {
            guard isAdded else { return nil }
            guard let id = specials.id(name) else {
                let word = name == "bos_token" ? "bos" : "eos"
                throw header.fail(
                    "tokenizer.ggml.\(word)_token_id",
                    "missing, though the tokenizer adds this token; convert the model again")
            }
            let text = tokens.text(id)
            named[text] = ["id": .string(text), "ids": [.integer(id)], "tokens": [.string(text)]]
            return text
        }
        let first = try special(adds.beginning, "bos_token"), last = try special(adds.end, "eos_token")
        func sequence(_ name: String, _ type: Int) -> [JSONValue] {
            func token(_ text: String?) -> [JSONValue] {
                text.map { [["SpecialToken": ["id": .string($0), "type_id": .integer(type)]]] } ?? []
            }
            return token(first) + [["Sequence": ["id": .string(name), "type_id": .integer(type)]]] + token(last)
        }
        return [
            "type": "TemplateProcessing", "single": .array(sequence("A", 0)),
            "pair": .array(sequence("A", 0) + sequence("B", 1)), "special_tokens": .object(named),
        ]
    }
}

extension GGUFTokens {
    /// Spells user-defined runs of spaces with `▁`, where no other token is spelled so, and gives their ids.
    fileprivate mutating func respellSpaces() -> Set<Int> {
        let present = Set(texts)
        var changed: Set<Int> = []
        for id in texts.indices where kinds[id] == .userDefined && texts[id].allSatisfy({ $0 == UInt8(ascii: " ") }) {
            let spelled = Array(String(repeating: "▁", count: texts[id].count).utf8)
            guard !present.contains(spelled) else { continue }
            texts[id] = spelled
            changed.insert(id)
        }
        return changed
    }
}

/// A JSON text that grows byte by byte: a vocabulary is too large for a tree of values.
private struct ByteText {
    var bytes: [UInt8] = []

    mutating func add(_ text: String) { bytes.append(contentsOf: text.utf8) }

    mutating func add(_ value: JSONValue) { add(value.serialized()) }

    /// A string in double quotes. The bytes are UTF-8.
    mutating func addString(_ text: [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20: add("\\u00" + (byte < 16 ? "0" : "") + String(byte, radix: 16))
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
