import Foundation
import JSON
import Tensors

/// A `config.json`, read with types and ranges checked. Both dialects: `rope_theta` with `rope_scaling`, and `rope_parameters`.
struct ConfigurationReader {
    let source: String
    let json: JSONObject

    init(_ json: JSONValue, source: String) throws {
        guard let object = json.object else { throw ModelError("\(source): an object is needed here") }
        self.source = source
        self.json = object
    }

    func fail(_ key: String, _ reason: String) -> ModelError { ModelError("\(source): \(key): \(reason)") }

    /// The value of a key; null counts as absent, as it does in transformers.
    func value(_ key: String) -> JSONValue? {
        guard let value = json[key], !value.isNull else { return nil }
        return value
    }

    /// A value of the file in messages: short, whatever the file holds.
    func shown(_ value: JSONValue) -> String {
        let text = value.serialized()
        return text.count <= 60 ? text : text.prefix(60) + "…"
    }

    /// A count, 1..<2³¹.
    func count(_ key: String, default fallback: Int? = nil) throws -> Int {
        guard let value = value(key) else {
            guard let fallback else { throw fail(key, "missing") }
            return fallback
        }
        guard let number = value.int, number >= 1 else {
            throw fail(key, "\(shown(value)) is no positive whole number")
        }
        guard number < 1 << 31 else { throw fail(key, "\(number) is more than any model has") }
        return number
    }

    /// A number in a range that float32 holds without harm.
    func number(
        _ key: String, default fallback: Double? = nil, in range: ClosedRange<Double> = -1e30...1e30
    ) throws -> Double {
        guard let value = value(key) else {
            guard let fallback else { throw fail(key, "missing") }
            return fallback
        }
        guard let number = value.double, number.isFinite else { throw fail(key, "\(shown(value)) is no number") }
        guard range.contains(number) else {
            throw fail(key, "\(number) is outside \(range.lowerBound)...\(range.upperBound)")
        }
        return number
    }

    func flag(_ key: String, default fallback: Bool) throws -> Bool {
        guard let value = value(key) else { return fallback }
        guard let flag = value.bool else { throw fail(key, "\(shown(value)) is neither true nor false") }
        return flag
    }

    func text(_ key: String, default fallback: String? = nil) throws -> String {
        guard let value = value(key) else {
            guard let fallback else { throw fail(key, "missing") }
            return fallback
        }
        guard let text = value.string else { throw fail(key, "\(shown(value)) is no string") }
        return text
    }

    /// Refuses a setting that would change the computation in a way that is not implemented.
    func refuse(_ key: String, unless accepted: (JSONValue) -> Bool) throws {
        if let value = value(key), !accepted(value) {
            throw fail(key, "\(shown(value)) is not supported")
        }
    }

    // MARK: Shared pieces

    func activation(_ keys: String..., default fallback: String) throws -> Activation {
        let key = keys.first { value($0) != nil } ?? keys[0]
        let name = try text(key, default: fallback)
        switch name {
        case "silu", "swish": return .silu
        case "gelu_pytorch_tanh", "gelu_new": return .geluTanh
        case "gelu": return .gelu
        default:
            throw fail(key, "unknown activation \(shown(.string(name))); known are silu, gelu_pytorch_tanh and gelu")
        }
    }

    /// The rotary embedding from either dialect. `section` is the key inside a nested `rope_parameters` (one per layer type).
    func rotary(
        section: String? = nil, thetaKey: String = "rope_theta", defaultTheta: Double, scaled: Bool = true
    ) throws
        -> RotaryConfiguration
    {
        let parameters = try part("rope_parameters")
        // Both dialects in one file: transformers takes the base from whichever has it.
        let theta = try number(thetaKey, default: defaultTheta, in: ConfigurationReader.bases)
        guard let parameters else {
            guard scaled, let description = try part("rope_scaling") else { return RotaryConfiguration(base: theta) }
            return try RotaryConfiguration(base: theta, scaling: description.scaling())
        }
        guard let section else { return try parameters.rotary(defaultTheta: theta) }
        if parameters.value("rope_type") != nil || parameters.value("rope_theta") != nil {
            throw fail(
                "rope_parameters", "one object for each layer type is needed, full_attention and sliding_attention")
        }
        return try parameters.part(section)?.rotary(defaultTheta: theta) ?? RotaryConfiguration(base: theta)
    }

    /// Bases and factors beyond these give angles that float32 cannot hold.
    private static let bases = 1...1e15
    private static let factors = 1e-3...1e9

    /// An object inside this one, or nil.
    private func part(_ key: String) throws -> ConfigurationReader? {
        try value(key).map { try ConfigurationReader($0, source: "\(source): \(key)") }
    }

    private func rotary(defaultTheta: Double) throws -> RotaryConfiguration {
        try RotaryConfiguration(
            base: number("rope_theta", default: defaultTheta, in: ConfigurationReader.bases), scaling: scaling())
    }

    private func scaling() throws -> RotaryConfiguration.Scaling {
        try refuse("partial_rotary_factor") { $0.double == 1 }
        let kind = try text("rope_type", default: text("type", default: "default"))
        switch kind {
        case "default": return .none
        case "linear": return .linear(factor: try number("factor", in: ConfigurationReader.factors))
        case "llama3":
            let low = try number("low_freq_factor", in: ConfigurationReader.factors)
            let high = try number("high_freq_factor", in: ConfigurationReader.factors)
            guard high > low else { throw fail("high_freq_factor", "\(high) must be above low_freq_factor, \(low)") }
            return .llama3(
                factor: try number("factor", in: ConfigurationReader.factors), lowFrequency: low, highFrequency: high,
                originalLength: Double(try count("original_max_position_embeddings")))
        default:
            throw fail(
                "rope_type", "\(shown(.string(kind))) is not supported; supported are default, linear and llama3")
        }
    }

    /// The fields that every family shares, with the given defaults.
    func base(
        family: String, activationKeys: (String, String) = ("hidden_act", "hidden_activation"),
        activation: String = "silu",
        tied: Bool = false, rotaries: [RotaryConfiguration], defaults: [String: Int] = [:]
    ) throws -> DecoderConfiguration {
        let hidden = try count("hidden_size", default: defaults["hidden_size"])
        let heads = try count("num_attention_heads", default: defaults["num_attention_heads"])
        let keyValueHeads = try count("num_key_value_heads", default: defaults["num_key_value_heads"] ?? heads)
        guard heads % keyValueHeads == 0 else {
            throw fail("num_key_value_heads", "\(keyValueHeads) does not divide the \(heads) attention heads")
        }
        if value("head_dim") == nil && defaults["head_dim"] == nil && hidden % heads != 0 {
            throw fail("num_attention_heads", "\(heads) does not divide hidden_size \(hidden)")
        }
        let width = try count("head_dim", default: defaults["head_dim"] ?? hidden / heads)
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
            family: family, hiddenSize: hidden, intermediateSize: intermediate, headCount: heads,
            keyValueHeadCount: keyValueHeads, headWidth: width, vocabularySize: vocabulary,
            normEpsilon: Float(try number("rms_norm_eps", default: 1e-6, in: 0...1)),
            activation: try self.activation(activationKeys.0, activationKeys.1, default: activation),
            tiesEmbeddings: try flag("tie_word_embeddings", default: tied),
            attentionScale: 1 / Float(width).squareRoot(),
            rotaries: rotaries, blocks: [DecoderConfiguration.Block](repeating: .init(), count: blocks))
    }

    /// Which blocks slide, from `layer_types`, or from `fallback` where the file has none.
    func slidingBlocks(count: Int, fallback: (Int) -> Bool) throws -> [Bool] {
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
