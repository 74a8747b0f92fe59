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
        if let string = value["pattern"]?["String"]?.string {
            // Nothing occurs between all characters, as it does for an expression that is empty.
            guard !string.isEmpty else {
                return .regularExpression(try RegularExpression("", source: source))
            }
            return .string(Array(string.utf8))
        }
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
        case "BertNormalizer":
            let lowercases = flag(value, "lowercase", default: true)
            return .bert(
                BertNormalizer(
                    cleansText: flag(value, "clean_text", default: true),
                    separatesChinese: flag(value, "handle_chinese_chars", default: true),
                    stripsAccents: flag(value, "strip_accents", default: lowercases), lowercases: lowercases))
        case "Nmt": return .nmt
        case "ByteLevel": return .byteLevel
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
        case "BertPreTokenizer": return .bert
        case "CharDelimiterSplit":
            let delimiter = try string(value, "delimiter", part)
            guard delimiter.unicodeScalars.count == 1 else {
                throw error("a CharDelimiterSplit \(part)'s \"delimiter\" is not one character; write one")
            }
            return .characterDelimiter(Array(delimiter.utf8))
        case "FixedLength":
            guard let length = value["length"] == nil ? 5 : value["length"]?.int, length > 0 else {
                throw error("a FixedLength \(part)'s \"length\" is no positive integer; write one")
            }
            return .fixedLength(length)
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
        let step = try postProcessorStep(value)
        do {
            return try PostProcessor(step)
        } catch let problem {
            throw error("the post-processor \(problem.reason)")
        }
    }

    private func postProcessorStep(_ value: JSONValue) throws -> PostProcessorStep {
        let part = "post-processor"
        let type = try type(of: value, part)
        switch type {
        case "ByteLevel": return .byteLevel
        case "TemplateProcessing":
            let single = try template(value, "single", part)
            return .template(
                single: single, pair: value["pair"] == nil ? single : try template(value, "pair", part))
        case "BertProcessing":
            return .bert(cls: try pairedID(value, "cls"), sep: try pairedID(value, "sep"))
        case "RobertaProcessing":
            return .roberta(cls: try pairedID(value, "cls"), sep: try pairedID(value, "sep"))
        case "Sequence":
            return .sequence(try steps(value, "processors", part).map { try postProcessorStep($0) })
        default: throw unsupported(part, type)
        }
    }

    private func pairedID(_ value: JSONValue, _ key: String) throws -> Int32 {
        guard let id = value[key]?[1]?.int.flatMap(Int32.init(exactly:)) else {
            throw error("the post-processor's \"\(key)\" is not [\"token\", id]; write it so")
        }
        return id
    }

    private func template(
        _ value: JSONValue, _ key: String, _ part: String
    ) throws
        -> [PostProcessorStep.TemplatePiece]
    {
        try steps(value, key, part).map { step in
            if let sequence = step["Sequence"] { return .sequence(sequence["id"]?.string == "B" ? 1 : 0) }
            guard let name = step["SpecialToken"]?["id"]?.string else {
                throw error(
                    "a step of the \(part) is neither SpecialToken nor Sequence; write one of these")
            }
            guard let ids = value["special_tokens"]?[name]?["ids"]?.array else {
                throw error("the \(part) uses \(name.debugDescription), which its \"special_tokens\" lacks; add it")
            }
            return .special(
                try ids.map {
                    guard let id = $0.int.flatMap(Int32.init(exactly:)) else {
                        throw error("an id of the \(part)'s token \(name.debugDescription) is no integer; write one")
                    }
                    return id
                })
        }
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
