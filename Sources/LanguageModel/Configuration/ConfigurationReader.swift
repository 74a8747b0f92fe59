import Foundation
import JSON
import Tensors

/// A `config.json`, read with types and ranges checked, as transformers reads it: what a ``ModelFamily`` is given.
///
/// Every key is transformers' (`num_hidden_layers`), also where the files of the family have another name for it. Every method throws a
/// ``ModelError`` of one line that names the file, the key and what is wrong.
public struct ConfigurationReader {
    /// Where it was read, for messages.
    public let source: String
    /// The object, with the keys of transformers.
    public let json: JSONObject
    /// The family that it is read for; nil where that is not known yet.
    private let family: ModelFamily?

    init(_ json: JSONValue, source: String, family: ModelFamily? = nil) throws {
        guard let own = json.object else { throw ModelError("\(source): an object is needed here") }
        var object = own
        for name in (family?.settingNames ?? [:]).values { object[name] = nil }
        for (key, name) in family?.settingNames ?? [:] { object[key] = own[name] }
        self.source = source
        self.json = object
        self.family = family
    }

    /// An error about a key.
    public func fail(_ key: String, _ reason: String) -> ModelError {
        ModelError("\(source): \(family?.settingName(key) ?? key): \(reason)")
    }

    /// The value of a key; nil where there is none, or null.
    public func value(_ key: String) -> JSONValue? {
        guard let value = json[key], !value.isNull else { return nil }
        return value
    }

    /// The value of a key; nil where there is none. Null counts as absent only where transformers takes it, and is refused elsewhere.
    private func value(_ key: String, nullable: Bool) throws -> JSONValue? {
        if !nullable, json[key]?.isNull == true { throw fail(key, "null is not supported; leave the key out") }
        return value(key)
    }

    /// A value of the file in messages: short, whatever the file holds.
    public func shown(_ value: JSONValue) -> String {
        let text = value.serialized()
        return text.count <= 60 ? text : text.prefix(60) + "…"
    }

    /// A count, 1..<2³¹. Without a default the key must be there.
    ///
    /// - Parameter nullable: whether null counts as absent.
    public func count(_ key: String, default fallback: Int? = nil, nullable: Bool = false) throws -> Int {
        guard let value = try value(key, nullable: nullable) else {
            guard let fallback else { throw fail(key, "missing") }
            return fallback
        }
        guard let number = value.int, number >= 1 else {
            throw fail(key, "\(shown(value)) is no positive whole number")
        }
        guard number < 1 << 31 else { throw fail(key, "\(number) is more than any model has") }
        return number
    }

    /// A number in a range that float32 holds without harm. Without a default the key must be there.
    ///
    /// - Parameter nullable: whether null counts as absent.
    public func number(
        _ key: String, default fallback: Double? = nil, in range: ClosedRange<Double> = -1e30...1e30,
        nullable: Bool = false
    ) throws -> Double {
        guard let value = try value(key, nullable: nullable) else {
            guard let fallback else { throw fail(key, "missing") }
            return fallback
        }
        guard let number = value.double, number.isFinite else { throw fail(key, "\(shown(value)) is no number") }
        guard range.contains(number) else {
            throw fail(key, "\(number) is outside \(range.lowerBound)...\(range.upperBound)")
        }
        return number
    }

    /// True or false.
    public func flag(_ key: String, default fallback: Bool) throws -> Bool {
        guard let value = try value(key, nullable: false) else { return fallback }
        guard let flag = value.bool else { throw fail(key, "\(shown(value)) is neither true nor false") }
        return flag
    }

    /// A string. Without a default the key must be there.
    public func text(_ key: String, default fallback: String? = nil) throws -> String {
        guard let value = try value(key, nullable: false) else {
            guard let fallback else { throw fail(key, "missing") }
            return fallback
        }
        guard let text = value.string else { throw fail(key, "\(shown(value)) is no string") }
        return text
    }

    /// Refuses a setting that would change the computation in a way that is not implemented, unless its value is accepted or null.
    public func refuse(_ key: String, unless accepted: (JSONValue) -> Bool) throws {
        if let value = value(key), !accepted(value) {
            throw fail(key, "\(shown(value)) is not supported")
        }
    }

    // MARK: Shared pieces

    /// The activation under the one key that the family reads.
    public func activation(_ key: String, default fallback: String) throws -> Activation {
        let name = try text(key, default: fallback)
        switch name {
        case "silu", "swish": return .silu
        // One formula under the names of its implementations.
        case "gelu_pytorch_tanh", "gelu_new", "gelu_fast", "gelu_accurate", "gelu_python_tanh": return .geluTanh
        case "gelu", "gelu_python": return .gelu
        default:
            throw fail(key, "unknown activation \(shown(.string(name))); known are silu, gelu_pytorch_tanh and gelu")
        }
    }

    /// The fields that every family shares, with the given defaults: a family's configuration begins with it and sets what differs.
    ///
    /// - Parameters:
    ///   - activationKey: where the file has the MLP's nonlinearity.
    ///   - activation: the nonlinearity where the file names none.
    ///   - rotaries: the rotary embeddings; every block takes the first until it is given another.
    ///   - defaults: sizes by key, for files that leave them out.
    ///   - nullable: the keys that may be null, which then count as absent.
    public func base(
        activationKey: String = "hidden_act", activation: String = "silu", rotaries: [RotaryConfiguration],
        defaults: [String: Int] = [:], nullable: Set<String> = ["num_key_value_heads"]
    ) throws -> DecoderConfiguration {
        // Settings of transformers that hold for every family and change what is computed.
        guard try flag("is_causal", default: true) else {
            throw fail("is_causal", "false is not supported; only causal models are read")
        }
        try refuse("per_layer_config") { $0.object?.isEmpty == true }
        let hidden = try count("hidden_size", default: defaults["hidden_size"])
        let heads = try count("num_attention_heads", default: defaults["num_attention_heads"])
        let keyValueHeads = try count(
            "num_key_value_heads", default: defaults["num_key_value_heads"] ?? heads,
            nullable: nullable.contains("num_key_value_heads"))
        guard heads % keyValueHeads == 0 else {
            throw fail("num_key_value_heads", "\(keyValueHeads) does not divide the \(heads) attention heads")
        }
        if value("head_dim") == nil && defaults["head_dim"] == nil && hidden % heads != 0 {
            throw fail("num_attention_heads", "\(heads) does not divide hidden_size \(hidden)")
        }
        let width = try count(
            "head_dim", default: defaults["head_dim"] ?? hidden / heads, nullable: nullable.contains("head_dim"))
        guard width % 2 == 0, width <= 1 << 16 else { throw fail("head_dim", "\(width) is odd or too large") }
        let blocks = try count("num_hidden_layers", default: defaults["num_hidden_layers"])
        guard blocks <= 10_000 else { throw fail("num_hidden_layers", "\(blocks) is more than any model has") }
        let intermediate = try count("intermediate_size", default: defaults["intermediate_size"])
        let vocabulary = try count("vocab_size", default: defaults["vocab_size"])
        // Sizes that pass one by one may still be absurd together; beyond this their products would overflow.
        let perBlock = Double(hidden) * (Double(width) * 2 * Double(heads + keyValueHeads) + 3 * Double(intermediate))
        guard Double(blocks) * perBlock + 2 * Double(vocabulary) * Double(hidden) < 1e15 else {
            throw ModelError(
                "\(source): its sizes make more parameters than any model has; check hidden_size and the others")
        }
        return DecoderConfiguration(
            family: family?.name ?? "", hiddenSize: hidden, intermediateSize: intermediate, headCount: heads,
            keyValueHeadCount: keyValueHeads, headWidth: width, vocabularySize: vocabulary,
            normEpsilon: Float(try number("rms_norm_eps", default: 1e-6, in: 0...1)),
            activation: try self.activation(activationKey, default: activation),
            tiesEmbeddings: try flag("tie_word_embeddings", default: false),
            attentionScale: 1 / Float(width).squareRoot(),
            rotaries: rotaries, blocks: [DecoderConfiguration.Block](repeating: .init(), count: blocks))
    }

    /// Which of `count` blocks slide, from `layer_types`, or from `fallback` by their index where the file has none.
    public func slidingBlocks(count: Int, fallback: (Int) -> Bool) throws -> [Bool] {
        guard let types = value("layer_types") else { return (0..<count).map(fallback) }
        guard let names = types.array, names.count == count else {
            throw fail("layer_types", "\(types.array?.count ?? 0) entries for \(count) layers")
        }
        return try names.map { name in
            switch name.string {
            case "sliding_attention": return true
            case "full_attention": return false
            default: throw fail("layer_types", "unknown type \(shown(name))")
            }
        }
    }
}
