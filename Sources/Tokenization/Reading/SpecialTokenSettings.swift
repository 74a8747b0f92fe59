import JSON

/// What the files beside tokenizer.json say of special tokens.
///
/// The order in which they count is that of transformers: tokenizer_config.json; where that has no `added_tokens_decoder`, the older
/// files special_tokens_map.json, which comes before it token by token, and added_tokens.json.
struct SpecialTokenSettings {
    /// Names that every tokenizer has, in the order in which their tokens are added.
    static let standardNames = [
        "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
    ]

    /// A token that goes by a name.
    struct Named {
        let name: String
        let token: AddedToken
    }

    /// Tokens with names, in the order in which they are added.
    private(set) var named: [Named] = []
    /// Special tokens without names.
    private(set) var further: [AddedToken] = []
    /// Tokens of `added_tokens_decoder`, or else of added_tokens.json and tokenizer.json, by the ids given there.
    private(set) var listed: [AddedToken] = []
    /// Standard names that a file says are null: then no other file is asked.
    private(set) var nullNames: Set<String> = []
    /// Whether special tokens are not looked for in text.
    private(set) var splitsSpecialTokens = false

    /// Reads the settings.
    ///
    /// - Parameters:
    ///   - file: tokenizer.json.
    ///   - configuration: The contents of tokenizer_config.json.
    ///   - map: The contents of special_tokens_map.json.
    ///   - added: The contents of added_tokens.json.
    ///   - source: What errors call tokenizer_config.json.
    init(
        _ file: TokenizerFile, configuration: JSONValue?, map: JSONValue? = nil, added: JSONValue? = nil, source: String
    ) throws {
        var reader = Reader(source: source)
        let configuration = configuration?.object ?? JSONObject()
        try reader.readNames(configuration, special: nil)
        if let decoder = configuration["added_tokens_decoder"]?.object {
            listed = Self.sorted(try reader.listed(decoder))
        } else {
            if let map = map?.object { try reader.readNames(map, special: true) }
            listed = Self.sorted(try reader.listed(added?.object ?? JSONObject()) + file.addedTokens)
        }
        if let paddingToken = file.paddingToken, reader.values["pad_token"] == nil {
            reader.values["pad_token"] = .token(AddedToken(special: paddingToken))
        }
        let byContent = Dictionary(listed.map { ($0.content, $0) }) { $1 }
        let names = Self.standardNames + reader.order.filter { !Self.standardNames.contains($0) }
        for name in names {
            switch reader.values[name] {
            case .token(let token): named.append(Named(name: name, token: byContent[token.content] ?? token))
            case .null: nullNames.insert(name)
            case nil: break
            }
        }
        further = reader.further
        splitsSpecialTokens = configuration["split_special_tokens"]?.bool ?? false
        guard configuration["clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output"]?.bool != true
        else {
            throw TokenizerError(
                source: source,
                reason: "\"clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output\" is not supported; "
                    + "set it to false")
        }
    }
}

extension SpecialTokenSettings {
    /// Tokens in the order of their ids; of one id the last counts.
    private static func sorted(_ tokens: [(id: Int, token: AddedToken)]) -> [AddedToken] {
        Dictionary(tokens) { $1 }.sorted { $0.key < $1.key }.map(\.value)
    }

    private enum Value {
        case token(AddedToken)
        case null
    }

    private struct Reader {
        let source: String
        var values: [String: Value] = [:]
        /// The names in the order in which they came.
        var order: [String] = []
        var further: [AddedToken] = []

        /// Reads every key that names a token, and the lists of tokens without names.
        ///
        /// - Parameter special: What tokens given as objects are, whatever they say; nil leaves it to them.
        mutating func readNames(_ object: JSONObject, special: Bool?) throws {
            for (key, value) in object {
                if SpecialTokenSettings.standardNames.contains(key) {
                    set(key, value.isNull ? .null : .token(try token(value, key, special)))
                } else if key.hasSuffix("_token"), value.string != nil || value["content"]?.string != nil {
                    set(key, .token(try token(value, key, special)))
                }
            }
            // The newer name, where it says anything, makes the older one count for nothing.
            let extra = object["extra_special_tokens"]
            let says = !(extra?.isNull ?? true) && extra?.array?.isEmpty != true && extra?.object?.isEmpty != true
            for key in ["extra_special_tokens", "additional_special_tokens"] {
                guard let value = object[key], !value.isNull else { continue }
                if let names = value.object {
                    for (name, value) in names { set(name, .token(try token(value, name, special))) }
                } else if let list = value.array {
                    guard key == "extra_special_tokens" || !says || extra?.object != nil else { continue }
                    for value in list {
                        let token = try token(value, key, special)
                        if !further.contains(where: { $0.content == token.content }) { further.append(token) }
                    }
                } else {
                    throw TokenizerError(
                        source: source, reason: "\(key.debugDescription) is neither a list nor an object; write one")
                }
            }
        }

        private mutating func set(_ name: String, _ value: Value) {
            if values.updateValue(value, forKey: name) == nil { order.append(name) }
        }

        private func token(_ value: JSONValue, _ name: String, _ special: Bool?) throws -> AddedToken {
            if let content = value.string { return AddedToken(special: content) }
            guard var token = AddedToken(value) else {
                throw TokenizerError(
                    source: source,
                    reason:
                        "the token \(name.debugDescription) is neither text nor an object with \"content\"; write one")
            }
            if let special {
                token.isSpecial = special
                token.isNormalized = value["normalized"]?.bool ?? !special
            }
            return token
        }

        /// Reads objects by id, or ids by content.
        func listed(_ object: JSONObject) throws -> [(id: Int, token: AddedToken)] {
            try object.map { key, value -> (id: Int, token: AddedToken) in
                if let id = Int(key), let token = AddedToken(value) { return (id, token) }
                guard let id = value.int else {
                    throw TokenizerError(
                        source: source,
                        reason: "the added token \(key.debugDescription) is no object with \"content\"; write one")
                }
                var token = AddedToken(special: key)
                token.isSpecial =
                    further.contains { $0.content == key }
                    || SpecialTokenSettings.standardNames.contains {
                        if case .token(let named)? = values[$0] { named.content == key } else { false }
                    }
                token.isNormalized = !token.isSpecial
                return (id, token)
            }
        }
    }
}

extension Tokenizer {
    /// Adds the tokens that the settings know, as transformers does, and gives them their names.
    mutating func apply(_ settings: SpecialTokenSettings) {
        var new = settings.listed
        var known = Set((addedTokens.tokens.values.map(\.content) + new.map(\.content)).map { ByteString($0) })
        for named in settings.named where known.insert(ByteString(named.token.content)).inserted {
            new.append(named.token)
        }
        for token in settings.further where known.insert(ByteString(token.content)).inserted { new.append(token) }
        let names = Set(settings.named.map { ByteString($0.token.content) })
        for position in new.indices where names.contains(ByteString(new[position].content)) {
            new[position].isSpecial = true
        }
        if !new.isEmpty || settings.splitsSpecialTokens {
            add(new, splitsSpecialTokens: settings.splitsSpecialTokens)
        }
        templateTokens = Dictionary(settings.named.map { ($0.name, $0.token.content) }) { $1 }
        beginningOfText = marker("bos_token")
        endOfText = marker("eos_token")
    }

    private func marker(_ name: String) -> Marker? {
        templateTokens[name].map { Marker(text: $0, id: id(of: $0)) }
    }
}
