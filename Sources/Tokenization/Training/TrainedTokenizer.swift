import Foundation
import JSON

/// What a ``BytePairTrainer`` learned, ready to be written as files that `tokenizers`, transformers and ``Tokenizer`` read.
public struct TrainedTokenizer: Sendable {
    /// The pieces in the order of their ids, spelled in GPT-2's byte alphabet; extra tokens not included.
    public let pieces: [String]
    /// The merges, the first to be applied first.
    public let merges: [(left: String, right: String)]
    /// The tokens whose ids follow.
    public let extraTokens: [BytePairTrainer.ExtraToken]
    /// How text is split into words.
    public let pattern: BytePairTrainer.Pattern

    /// Ids in all.
    public var vocabularySize: Int {
        let known = Set(pieces.map { Array($0.utf8) })
        return pieces.count + extraTokens.count { !known.contains(Array($0.content.utf8)) }
    }

    /// The contents of tokenizer.json.
    public var json: JSONValue {
        var vocabulary = JSONObject()
        for (id, piece) in pieces.enumerated() { vocabulary[piece] = .integer(id) }
        let byteLevel: JSONValue = [
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true,
        ]
        return [
            "version": "1.0", "truncation": nil, "padding": nil, "added_tokens": .array(addedTokens), "normalizer": nil,
            "pre_tokenizer": pattern.json, "post_processor": nil, "decoder": byteLevel,
            "model": [
                "type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil,
                "end_of_word_suffix": nil, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
                "vocab": .object(vocabulary),
                "merges": .array(merges.map { .array([.string($0.left), .string($0.right)]) }),
            ],
        ]
    }

    private var addedTokens: [JSONValue] {
        // A token that is a piece already keeps the piece's id, as in the Rust package.
        var known = Dictionary(uniqueKeysWithValues: zip(pieces.map { Array($0.utf8) }, 0...))
        return extraTokens.map { token in
            let id = known[Array(token.content.utf8)] ?? known.count
            known[Array(token.content.utf8)] = id
            return [
                "id": .integer(id), "content": .string(token.content), "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": .bool(token.isSpecial),
            ]
        }
    }

    /// A tokenizer, as if it had been written and read. Throws a `TokenizerError`.
    public func tokenizer() throws -> Tokenizer {
        try Tokenizer(tokenizerJSON: Array(json.serialized().utf8), source: "the trained tokenizer")
    }

    /// Writes tokenizer.json and tokenizer_config.json into a folder that exists.
    ///
    /// - Parameters:
    ///   - endOfText: `eos_token`; must be an extra token.
    ///   - padding: `pad_token`; by default the end of the text.
    ///   - chatTemplate: a Jinja template for conversations.
    ///   - maximumLength: `model_max_length`, in tokens.
    /// - Throws: `TokenizerError` for a token that is no extra token, and for a file that cannot be written.
    public func write(
        to folder: URL, endOfText: String? = nil, padding: String? = nil, chatTemplate: String? = nil,
        maximumLength: Int = 32768
    ) throws {
        for token in [endOfText, padding].compactMap({ $0 }) where !extraTokens.contains(where: { $0.content == token })
        {
            throw TokenizerError(
                source: folder.path, reason: "\(token.debugDescription) is none of the extra tokens; add it to them")
        }
        func name(_ token: String?) -> JSONValue { token.map { .string($0) } ?? .null }
        var configuration = JSONObject([
            // The class that takes tokenizer.json as it is; others build their own normalizers around its merges.
            ("tokenizer_class", "PreTrainedTokenizerFast"), ("bos_token", .null), ("eos_token", name(endOfText)),
            ("pad_token", name(padding ?? endOfText)), ("unk_token", .null), ("add_prefix_space", false),
            ("clean_up_tokenization_spaces", false), ("model_max_length", .integer(maximumLength)),
        ])
        configuration["added_tokens_decoder"] = .object(
            JSONObject(
                addedTokens.compactMap { token in
                    guard var entry = token.object, let id = entry["id"]?.int else { return nil }
                    entry["id"] = nil
                    return (String(id), .object(entry))
                }))
        if let chatTemplate { configuration["chat_template"] = .string(chatTemplate) }
        try Self.write(json, to: folder.appending(path: "tokenizer.json"))
        try Self.write(.object(configuration), to: folder.appending(path: "tokenizer_config.json"))
    }

    private static func write(_ json: JSONValue, to file: URL) throws {
        do { try Disk.write(Data((json.serialized(indent: 2) + "\n").utf8), to: file) } catch {
            throw TokenizerError(source: file.path, reason: "cannot be written (\(error))")
        }
    }
}

extension BytePairTrainer.Pattern {
    /// As tokenizer.json's `pre_tokenizer`.
    var json: JSONValue {
        switch self {
        case .gpt2: return ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true]
        case .qwen2:
            return [
                "type": "Sequence",
                "pretokenizers": [
                    [
                        "type": "Split", "pattern": ["Regex": .string(Self.qwen2Expression)], "behavior": "Isolated",
                        "invert": false,
                    ],
                    ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false],
                ],
            ]
        }
    }

    private static let qwen2Expression =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"#
        + #"|\s+(?!\S)|\s+"#
}
