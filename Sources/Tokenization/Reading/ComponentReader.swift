import JSON

/// Reads the parts of tokenizer.json around the model. Each part is an object that names its `type`.
struct ComponentReader {
    let source: String

    func error(_ reason: String) -> TokenizerError {
        TokenizerError(source: source, reason: reason)
    }

    private func unsupported(_ part: String, _ type: String) -> TokenizerError {
        error("the \(part) \(type.debugDescription) is not supported; use a tokenizer without it")
    }

    private func type(of value: JSONValue, _ part: String) throws -> String {
        guard let type = value["type"]?.string else { throw error("a \(part) has no \"type\"; write one") }
        return type
    }

    private func string(_ value: JSONValue, _ key: String, _ part: String) throws -> String {
        guard let string = value[key]?.string else { throw error("the \(part) has no text \"\(key)\"; write one") }
        return string
    }

    private func flag(_ value: JSONValue, _ key: String, default defaultValue: Bool) -> Bool {
        value[key]?.bool ?? defaultValue
    }

    private func steps(_ value: JSONValue, _ key: String, _ part: String) throws -> [JSONValue] {
        guard let steps = value[key]?.array else { throw error("the \(part) has no list \"\(key)\"; write one") }
        return steps
    }

    private func pattern(_ value: JSONValue, _ part: String) throws -> TextPattern {
        if let string = value["pattern"]?["String"]?.string { return .string(Array(string.utf8)) }
        if let expression = value["pattern"]?["Regex"]?.string {
            return .regularExpression(try RegularExpression(expression, source: source))
        }
        throw error("the \(part)'s \"pattern\" is neither {\"String\": …} nor {\"Regex\": …}; write one of these")
    }

    private func behavior(_ value: JSONValue, default defaultValue: SplitBehavior?) throws -> SplitBehavior {
        guard let name = value["behavior"]?.string else {
            if let defaultValue { return defaultValue }
            throw error("a pre-tokenizer has no \"behavior\"; write one")
        }
        guard let behavior = SplitBehavior(rawValue: name) else { throw unsupported("split behavior", name) }
        return behavior
    }
}

// MARK: - Normalizers and pre-tokenizers

extension ComponentReader {
    /// Reads `normalizer`; nil where there is none.
    func normalizer(_ value: JSONValue?) throws -> Normalizer? {
        guard let value, !value.isNull else { return nil }
        let part = "normalizer"
        let type = try type(of: value, part)
        switch type {
        case "NFC", "NFD", "NFKC", "NFKD":
            return NormalizationForm(rawValue: type).map { .form($0) }
        case "Prepend": return .prepend(Array(try string(value, "prepend", part).utf8))
        case "Replace":
            return .replace(try pattern(value, part), with: Array(try string(value, "content", part).utf8))
        case "Lowercase": return .lowercase
        case "Strip":
            return .strip(
                left: flag(value, "strip_left", default: true), right: flag(value, "strip_right", default: true))
        case "StripAccents": return .stripAccents
        case "Sequence": return .sequence(try steps(value, "normalizers", part).compactMap { try normalizer($0) })
        default: throw unsupported(part, type)
        }
    }

    /// Reads `pre_tokenizer`; nil where there is none.
    func preTokenizer(_ value: JSONValue?) throws -> PreTokenizer? {
        guard let value, !value.isNull else { return nil }
        let part = "pre-tokenizer"
        let type = try type(of: value, part)
        switch type {
        case "ByteLevel":
            let pattern =
                flag(value, "use_regex", default: true)
                ? try RegularExpression(Self.gpt2Pattern, source: source) : nil
            return .byteLevel(addsPrefixSpace: flag(value, "add_prefix_space", default: true), pattern: pattern)
        case "Split":
            return .split(
                try pattern(value, part), try behavior(value, default: nil),
                inverted: flag(value, "invert", default: false))
        case "Digits": return .digits(individually: flag(value, "individual_digits", default: false))
        case "Whitespace": return .whitespace
        case "WhitespaceSplit": return .whitespaceSplit
        case "Punctuation": return .punctuation(try behavior(value, default: .isolated))
        case "Metaspace": return .metaspace(try metaspace(value, part))
        case "Sequence":
            return .sequence(try steps(value, "pretokenizers", part).compactMap { try preTokenizer($0) })
        default: throw unsupported(part, type)
        }
    }

    /// The pattern that `ByteLevel` splits with unless told not to.
    private static let gpt2Pattern = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

    private func metaspace(_ value: JSONValue, _ part: String) throws -> Metaspace {
        let replacement = value["replacement"]?.string ?? "▁"
        guard replacement.unicodeScalars.count == 1 else {
            throw error("a Metaspace \(part)'s \"replacement\" is not one character; write one")
        }
        let scheme = value["prepend_scheme"]?.string ?? (value["add_prefix_space"]?.bool == false ? "never" : "always")
        guard let prependScheme = Metaspace.PrependScheme(rawValue: scheme) else {
            throw unsupported("prepend scheme", scheme)
        }
        return Metaspace(
            replacement: Array(replacement.utf8), prependScheme: prependScheme,
            splits: flag(value, "split", default: true))
    }
}

// MARK: - Post-processors and decoders

extension ComponentReader {
    /// Reads `post_processor`.
    func postProcessor(_ value: JSONValue?) throws -> PostProcessor {
        guard let value, !value.isNull else { return PostProcessor() }
        let part = "post-processor"
        let type = try type(of: value, part)
        switch type {
        case "ByteLevel": return PostProcessor()
        case "TemplateProcessing": return try template(value, part)
        case "RobertaProcessing", "BertProcessing":
            return PostProcessor(prefix: [try pairedID(value, "cls")], suffix: [try pairedID(value, "sep")])
        case "Sequence":
            return try steps(value, "processors", part).reduce(PostProcessor()) {
                $0.wrapped(in: try postProcessor($1))
            }
        default: throw unsupported(part, type)
        }
    }

    private func pairedID(_ value: JSONValue, _ key: String) throws -> Int32 {
        guard let id = value[key]?[1]?.int.flatMap(Int32.init(exactly:)) else {
            throw error("the post-processor's \"\(key)\" is not [\"token\", id]; write it so")
        }
        return id
    }

    private func template(_ value: JSONValue, _ part: String) throws -> PostProcessor {
        var processor = PostProcessor()
        var sequences = 0
        for step in try steps(value, "single", part) {
            if step["Sequence"] != nil {
                sequences += 1
            } else if let name = step["SpecialToken"]?["id"]?.string {
                guard let ids = value["special_tokens"]?[name]?["ids"]?.array else {
                    throw error("the \(part) uses \(name.debugDescription), which its \"special_tokens\" lacks; add it")
                }
                let tokens = try ids.map {
                    guard let id = $0.int.flatMap(Int32.init(exactly:)) else {
                        throw error("an id of the \(part)'s token \(name.debugDescription) is no integer; write one")
                    }
                    return id
                }
                if sequences == 0 { processor.prefix += tokens } else { processor.suffix += tokens }
            } else {
                throw error("a step of the \(part) is neither SpecialToken nor Sequence; write one of these")
            }
        }
        guard sequences == 1 else {
            throw error("the \(part) does not hold the text once but \(sequences) times; hold it once")
        }
        return processor
    }

    /// Reads `decoder`; nil where there is none.
    func decoder(_ value: JSONValue?) throws -> [DecoderStep]? {
        guard let value, !value.isNull else { return nil }
        let part = "decoder"
        let type = try type(of: value, part)
        switch type {
        case "ByteLevel": return [.byteLevel]
        case "Replace":
            return [.replace(try pattern(value, part), with: Array(try string(value, "content", part).utf8))]
        case "ByteFallback": return [.byteFallback]
        case "Fuse": return [.fuse]
        case "Strip":
            let content = try string(value, "content", part)
            guard content.unicodeScalars.count == 1 else {
                throw error("a Strip \(part)'s \"content\" is not one character; write one")
            }
            return [
                .strip(
                    Array(content.utf8), start: max(value["start"]?.int ?? 0, 0), end: max(value["stop"]?.int ?? 0, 0))
            ]
        case "Metaspace":
            let metaspace = try metaspace(value, part)
            return [.metaspace(metaspace.replacement, keepsFirst: metaspace.prependScheme == .never)]
        case "Sequence": return try steps(value, "decoders", part).flatMap { try decoder($0) ?? [] }
        default: throw unsupported(part, type)
        }
    }
}
