import Foundation
import GGUF
import JSON

/// The tokenizer of a model folder, as a GGUF file's metadata have it: the way back of ``GGUFTokenizer``.
///
/// GGUF says less than a tokenizer.json: what it cannot say and would change ids is refused; what changes them in rare texts only is
/// among the ``remarks``.
package struct WrittenTokenizer {
    /// Keys with values, in order.
    package private(set) var metadata: [(key: String, value: GGUFNewValue)] = []
    /// What GGUF cannot say of this tokenizer, a line each.
    package private(set) var remarks: [String] = []
    private let source: String
    private let json: JSONObject

    private func fail(_ reason: String) -> TokenizerError { TokenizerError(source: source, reason: reason) }

    /// - Parameters:
    ///   - folder: a folder with a tokenizer.json.
    ///   - tokenCount: the rows of the model's embedding: ids without a token are filled up to there.
    package init(folder: URL, tokenCount: Int) throws {
        let file = folder.appending(path: "tokenizer.json")
        source = file.path
        guard let data = FileManager.default.contents(atPath: file.path) else {
            throw TokenizerError(source: file.path, reason: "the file cannot be read; a tokenizer.json is needed")
        }
        do { json = try JSONValue.parse(data).object ?? JSONObject() } catch let error as JSONError {
            throw TokenizerError(source: file.path, reason: "\(error); download the file again")
        }
        let tokenizer = try Tokenizer(folder: folder)
        let model = json["model"] ?? .null
        guard model["type"]?.string ?? "BPE" == "BPE" else { throw fail("only BPE tokenizers can be written as GGUF") }
        let isBytes = model["byte_fallback"]?.bool != true
        add("model", .string(isBytes ? "gpt2" : "llama"))
        try isBytes ? addBytePairs(model) : addSentencePiece()
        try addTokens(tokenizer, model, count: tokenCount, isBytes: isBytes)
        try addSpecialTokens(tokenizer)
        if let template = try Self.template(folder) { metadata.append(("tokenizer.chat_template", .string(template))) }
    }

    private mutating func add(_ name: String, _ value: GGUFNewValue) {
        metadata.append(("tokenizer.ggml." + name, value))
    }

    // MARK: Splitting

    private mutating func addBytePairs(_ model: JSONValue) throws {
        let steps = SplittingRule.steps(json["pre_tokenizer"] ?? .null)
        let ignoresMerges = model["ignore_merges"]?.bool ?? false
        guard
            let rule = SplittingRule.writtenNames.first(where: { name in
                SplittingRule(named: name).map {
                    SplittingRule.steps($0.preTokenizer) == steps && $0.ignoresMerges == ignoresMerges
                }
                    ?? false
            })
        else {
            throw fail("GGUF has no name for the way in which this pre-tokenizer splits text; it cannot be written")
        }
        add("pre", .string(rule))
        switch json["normalizer"]?["type"]?.string {
        case nil: break
        case "NFC":
            remarks.append("GGUF cannot say that text is brought into the form NFC: text in other forms gets other ids")
        case let type?:
            throw fail("GGUF cannot say what the normalizer \(type.debugDescription) does; it cannot be written")
        }
    }

    private mutating func addSentencePiece() throws {
        func type(_ value: JSONValue?) -> String { value?["type"]?.string ?? "none" }
        let normalizer = json["normalizer"], splitter = json["pre_tokenizer"]
        let kinds = normalizer?["normalizers"]?.array?.map { type($0) } ?? [type(normalizer)]
        let scheme = splitter?["prepend_scheme"]?.string ?? "always"
        switch (kinds, type(splitter)) {
        case (["Replace"], "none"), (["Replace"], "Split"): add("add_space_prefix", .bool(false))
        case (["Prepend", "Replace"], "none"): add("add_space_prefix", .bool(true))
        case (["none"], "Metaspace") where splitter?["split"]?.bool == false:
            add("add_space_prefix", .bool(scheme != "never"))
            if scheme == "first" {
                remarks.append("GGUF puts a space behind special tokens too, which this tokenizer does not")
            }
        default: throw fail("GGUF cannot say how this normalizer and pre-tokenizer treat spaces; it cannot be written")
        }
        add("pre", .string("default"))
    }

    // MARK: Tokens

    private mutating func addTokens(_ tokenizer: Tokenizer, _ model: JSONValue, count: Int, isBytes: Bool) throws {
        var texts = [[UInt8]?](repeating: nil, count: count), kinds = [Int32](repeating: 5, count: count)
        func set(_ text: String, _ id: Int?, _ kind: GGUFTokens.Kind) throws {
            guard let id, (0..<count).contains(id) else {
                throw fail(
                    "the token \(text.abridged.debugDescription) has no id below \(count), the rows of the embedding")
            }
            texts[id] = Array(text.utf8)
            kinds[id] = Int32(kind.rawValue)
        }
        for (text, id) in model["vocab"]?.object ?? JSONObject() {
            let isByte = !isBytes && text.utf8.count == 6 && text.hasPrefix("<0x") && text.hasSuffix(">")
            try set(text, id.int, isByte ? .byte : .normal)
        }
        let unknown = model["unk_token"]?.string
        if let unknown, !isBytes { try set(unknown, tokenizer.id(of: unknown).map(Int.init), .unknown) }
        for (id, token) in tokenizer.addedTokens.tokens {
            let isSpecial = tokenizer.addedTokens.isSpecial(ByteString(Array(token.content.utf8)))
            let isChanged = token.isNormalized && json["normalizer"]?.isNull == false
            if isChanged || token.stripsLeft || token.stripsRight || token.isSingleWord {
                remarks.append(
                    "GGUF cannot say how \(token.content.abridged.debugDescription) takes the spaces beside it, or is normalized"
                )
            }
            if !isBytes && token.content == unknown { continue }
            try set(token.content, Int(id), isSpecial ? .control : .userDefined)
        }
        add("tokens", .strings(texts.enumerated().map { $0.element ?? Array("[PAD\($0.offset)]".utf8) }))
        let merges = try self.merges(model)
        if !isBytes { add("scores", .float32s(scores(texts, merges))) }
        add("token_type", .int32s(kinds))
        add("merges", .strings(merges.map { $0.left + [UInt8(ascii: " ")] + $0.right }))
    }

    private func merges(_ model: JSONValue) throws -> [(left: [UInt8], right: [UInt8])] {
        try (model["merges"]?.array ?? []).enumerated().map { rank, merge in
            let parts = merge.array?.compactMap(\.string) ?? merge.string?.split(separator: " ").map(String.init) ?? []
            guard parts.count == 2, !parts[1].contains(" "), !parts[0].dropFirst().contains(" ") else {
                throw fail("merge \(rank) has pieces with spaces, which GGUF cannot hold")
            }
            return (Array(parts[0].utf8), Array(parts[1].utf8))
        }
    }

    /// A score for each token, by which llama.cpp merges: minus its place among the tokens in the order in which merges first make them.
    /// Tokens that no merge makes, such as letters, come last.
    private func scores(_ texts: [[UInt8]?], _ merges: [(left: [UInt8], right: [UInt8])]) -> [Float] {
        var ranks: [[UInt8]: Int] = [:]
        for merge in merges where ranks[merge.left + merge.right] == nil {
            ranks[merge.left + merge.right] = ranks.count
        }
        return texts.map { text in -Float(text.flatMap { ranks[$0] } ?? ranks.count) }
    }

    // MARK: Special tokens

    private mutating func addSpecialTokens(_ tokenizer: Tokenizer) throws {
        for (name, word) in SpecialTokens.keys {
            let marker =
                name == "bos_token"
                ? tokenizer.beginningOfText?.text
                : name == "eos_token" ? tokenizer.endOfText?.text : tokenizer.templateTokens[name]
            // A piece that config.json alone names would be looked for in every text by who reads the file.
            guard let marker, tokenizer.addedTokens.contains(marker), let id = tokenizer.id(of: marker) else {
                continue
            }
            add("\(word)_token_id", .uint32(UInt32(id)))
        }
        // What is put around a text, seen on one.
        let plain = tokenizer.encode("a", addSpecialTokens: false), whole = tokenizer.encode("a")
        guard let place = whole.indices.first(where: { whole[$0...].starts(with: plain) }) else {
            throw fail("what is put around a text is not understood; it cannot be written")
        }
        let before = Array(whole[..<place]), behind = Array(whole[(place + plain.count)...])
        let first = tokenizer.beginningOfText?.id, last = tokenizer.endOfText?.id
        guard before.isEmpty || before == [first].compactMap({ $0 }),
            behind.isEmpty || behind == [last].compactMap({ $0 })
        else { throw fail("GGUF cannot say that a text is put between other tokens than the first and the last") }
        add("add_bos_token", .bool(!before.isEmpty))
        add("add_eos_token", .bool(!behind.isEmpty))
    }

    /// The default chat template's text.
    private static func template(_ folder: URL) throws -> String? {
        if let data = FileManager.default.contents(atPath: folder.appending(path: "chat_template.jinja").path) {
            return String(decoding: data, as: UTF8.self)
        }
        guard let data = FileManager.default.contents(atPath: folder.appending(path: "tokenizer_config.json").path),
            let value = (try? JSONValue.parse(data))?["chat_template"]
        else { return nil }
        return value.string
            ?? value.array?.first { $0["name"]?.string == "default" }?["template"]?.string
    }
}

extension SplittingRule {
    /// The names that are written, of those that mean the same the best known.
    static let writtenNames = [
        "gpt-2", "smollm", "llama-bpe", "qwen2", "dbrx", "tekken", "gpt-4o", "deepseek-coder", "deepseek-v3", "qwen35",
        "seed-coder", "bailingmoe", "falcon", "default",
    ]

    /// What a pre-tokenizer does, step by step, in a form in which equal ones are equal.
    static func steps(_ value: JSONValue) -> [String] {
        switch value["type"]?.string {
        case "Sequence": return value["pretokenizers"]?.array?.flatMap(steps) ?? []
        case "ByteLevel":
            let prefix = value["add_prefix_space"]?.bool ?? true, splits = value["use_regex"]?.bool ?? true
            return ["bytes \(prefix) \(splits)"]
        case "Digits": return ["digits \(value["individual_digits"]?.bool ?? false)"]
        case "Split":
            return [
                "split \(value["pattern"]?.serialized() ?? "") \(value["behavior"]?.string ?? "") \(value["invert"]?.bool ?? false)"
            ]
        case let type: return [type ?? "none"]
        }
    }
}
