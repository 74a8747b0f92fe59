import Foundation
import GGUF
import JSON

/// The tokenizer inside a GGUF file, as the `tokenizer.json` and `tokenizer_config.json` that this module reads.
///
/// What the keys mean is what llama.cpp makes of them (llama-vocab.cpp). `gpt2` is byte-level BPE with merges and a splitting rule by
/// name; `llama` is SentencePiece BPE, whose merges follow from the scores. Text is not normalized: files do not say whether the model's
/// own tokenizer does (Qwen's makes it NFC).
struct GGUFTokenizer {
    /// The contents of tokenizer.json.
    let tokenizerJSON: [UInt8]
    /// The contents of tokenizer_config.json.
    let configuration: JSONValue

    private static let prefix = "tokenizer.ggml."

    /// Reads the tokenizer of a file. Throws a one-line error that names the file and the key.
    init(_ header: GGUFHeader) throws {
        let key = GGUFTokenizer.prefix + "model"
        guard let kind = try header.string(key) else {
            throw header.fail(key, "missing: the file has no tokenizer; give one with --tokenizer")
        }
        let parts: TokenizerParts
        switch kind {
        case "gpt2": parts = try TokenizerParts(bytePairs: header)
        case "llama": parts = try TokenizerParts(sentencePiece: header)
        default:
            throw header.fail(
                key,
                "the tokenizer \(String(kind.prefix(60)).debugDescription) is not supported; gpt2 and llama are: give the model's tokenizer.json with --tokenizer"
            )
        }
        let tokens = parts.tokens
        let specials = try SpecialTokens(header, tokens, defaults: parts.defaultIDs)
        let adds = (
            beginning: try header.bool(GGUFTokenizer.prefix + "add_bos_token") ?? parts.addsBeginning,
            end: try header.bool(GGUFTokenizer.prefix + "add_eos_token") ?? false
        )
        configuration = try specials.configuration(header, adds: adds)
        tokenizerJSON = try parts.json(specials, adds: adds, header)
    }
}

/// The vocabulary, with what kind each token is.
struct GGUFTokens {
    /// What a token is (`llama_token_type` in llama.h).
    enum Kind: Int {
        case undefined = 0, normal, unknown, control, userDefined, unused, byte
    }

    /// The tokens' bytes by id, as the model has them.
    var texts: [[UInt8]]
    /// The tokens' kinds by id.
    let kinds: [Kind]

    init(_ header: GGUFHeader) throws {
        let key = "tokenizer.ggml.tokens"
        guard var texts = try header.strings(key), !texts.isEmpty else {
            throw header.fail(key, "missing; convert the model again")
        }
        guard texts.count <= Int(Vocabulary.largestID) else {
            throw header.fail(key, "\(texts.count) tokens are more than any model has")
        }
        for id in texts.indices where texts[id].isEmpty { texts[id] = Array("[EMPTY_\(id)]".utf8) }
        self.texts = texts
        let kindKey = "tokenizer.ggml.token_type"
        guard let numbers = try header.numbers(kindKey) else {
            kinds = [Kind](repeating: .normal, count: texts.count)
            return
        }
        guard numbers.count == texts.count else {
            throw header.fail(kindKey, "\(numbers.count) entries for \(texts.count) tokens; download the file again")
        }
        kinds = numbers.map { Int(exactly: $0).flatMap(Kind.init) ?? .undefined }
    }

    /// A vocabulary for look-ups. Throws where two ids have one token, or a token is no UTF-8.
    func vocabulary(_ header: GGUFHeader) throws -> Vocabulary {
        var vocabulary = Vocabulary(expectedCount: texts.count)
        for (id, text) in texts.enumerated() {
            text.withUnsafeBufferPointer { vocabulary.insert($0, id: Int32(id)) }
            guard vocabulary.count == id + 1 else {
                throw header.fail(
                    "tokenizer.ggml.tokens",
                    "the token \(String(decoding: text, as: UTF8.self).abridged.debugDescription) stands twice; convert the model again"
                )
            }
            guard text.withUnsafeBufferPointer({ UTF8Validation.firstInvalidOffset(in: $0) }) == nil else {
                throw header.fail("tokenizer.ggml.tokens", "token \(id) is no UTF-8; convert the model again")
            }
        }
        return vocabulary
    }

    /// A token as text.
    func text(_ id: Int) -> String { String(decoding: texts[id], as: UTF8.self) }
}

/// The tokens that have names: which begin and end a text, and so on.
struct SpecialTokens {
    /// Name ↦ id: `bos_token`, `eos_token`, `unk_token`, `pad_token` and others, where the file has them.
    private(set) var ids: [(name: String, id: Int)] = []
    private let tokens: GGUFTokens

    static let keys = [
        ("bos_token", "bos"), ("eos_token", "eos"), ("unk_token", "unknown"), ("sep_token", "seperator"),
        ("pad_token", "padding"), ("cls_token", "cls"), ("mask_token", "mask"),
    ]

    /// - Parameter defaults: what counts where the file does not say it.
    init(_ header: GGUFHeader, _ tokens: GGUFTokens, defaults: [String: Int]) throws {
        self.tokens = tokens
        for (name, word) in Self.keys {
            let key = "tokenizer.ggml.\(word)_token_id"
            // Files have −1, or the largest number, for none.
            guard let id = try header.integer(key) ?? defaults[name], id != -1, id != Int(UInt32.max) else { continue }
            guard tokens.texts.indices.contains(id) else {
                if header.metadata[key] == nil { continue }
                throw header.fail(key, "\(id) is none of the \(tokens.texts.count) tokens; convert the model again")
            }
            ids.append((name, id))
        }
    }

    func id(_ name: String) -> Int? { ids.first { $0.name == name }?.id }

    /// The contents of tokenizer_config.json.
    func configuration(_ header: GGUFHeader, adds: (beginning: Bool, end: Bool)) throws -> JSONValue {
        var json: JSONObject = [
            "tokenizer_class": "PreTrainedTokenizerFast", "add_bos_token": .bool(adds.beginning),
            "add_eos_token": .bool(adds.end), "clean_up_tokenization_spaces": false,
        ]
        for (name, id) in ids { json[name] = .string(tokens.text(id)) }
        if let template = try chatTemplates(header) { json["chat_template"] = template }
        return .object(json)
    }

    /// The chat template, or all of them by name.
    private func chatTemplates(_ header: GGUFHeader) throws -> JSONValue? {
        let key = "tokenizer.chat_template"
        let main = try header.string(key)
        var templates: [JSONValue] = []
        for name in try header.strings("tokenizer.chat_templates") ?? [] {
            let name = String(decoding: name, as: UTF8.self)
            guard let text = try header.string("\(key).\(name)") else { continue }
            templates.append(["name": .string(name), "template": .string(text)])
        }
        guard !templates.isEmpty else { return main.map { .string($0) } }
        if let main { templates.insert(["name": "default", "template": .string(main)], at: 0) }
        return .array(templates)
    }
}
