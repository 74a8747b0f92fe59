import Foundation
import JSON
import Tensors

/// A `config.json`, read with types and ranges checked. Both dialects: `rope_theta` with `rope_scaling`, and `rope_parameters`.
struct ConfigurationReader {
    let source: String
    let json: JSONObject

    init(_ json: JSONValue, source: String) throws {
        guard let object = json.object else { throw ModelError("\(source): not a JSON object") }
        self.source = source
        self.json = object
    }

    func fail(_ key: String, _ reason: String) -> ModelError { ModelError("\(source): \(key): \(reason)") }

    /// The value of a key; null counts as absent, as it does in transformers.
    func value(_ key: String) -> JSONValue? {
        guard let value = json[key], !value.isNull else { return nil }
        return value
    }

    /// A count, 1...2³¹.
    func count(_ key: String, default fallback: Int? = nil) throws -> Int {
        guard let value = value(key) else {
            guard let fallback else { throw fail(key, "missing") }
            return fallback
        }
        guard let number = value.int, number >= 1, number <= 1 << 31 else {
            throw fail(key, "\(value.serialized()) is no positive whole number")
        }
        return number
    }

    func number(_ key: String, default fallback: Double? = nil) throws -> Double {
        guard let value = value(key) else {
            guard let fallback else { throw fail(key, "missing") }
            return fallback
        }
        guard let number = value.double, number.isFinite else { throw fail(key, "\(value.serialized()) is no number") }
        return number
    }

    func flag(_ key: String, default fallback: Bool) throws -> Bool {
        guard let value = value(key) else { return fallback }
        guard let flag = value.bool else { throw fail(key, "\(value.serialized()) is neither true nor false") }
        return flag
    }

    func text(_ key: String, default fallback: String? = nil) throws -> String {
        guard let value = value(key) else {
            guard let fallback else { throw fail(key, "missing") }
            return fallback
        }
        guard let text = value.string else { throw fail(key, "\(value.serialized()) is no string") }
        return text
    }

    /// Refuses a setting that would change the computation in a way that is not implemented.
    func refuse(_ key: String, unless accepted: (JSONValue) -> Bool) throws {
        if let value = value(key), !accepted(value) {
            throw fail(key, "\(value.serialized()) is not supported")
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
        default: throw fail(key, "unknown activation \(name); known are silu, gelu_pytorch_tanh and gelu")
        }
    }

    /// The rotary embedding from either dialect. `section` is the key inside a nested `rope_parameters` (one per layer type).
    func rotary(section: String? = nil, thetaKey: String = "rope_theta", defaultTheta: Double, scaled: Bool = true) throws
        -> RotaryConfiguration
    {
        if let parameters = value("rope_parameters") {
            let chosen = section.flatMap { parameters[$0] } ?? parameters
            guard chosen.object != nil else { throw fail("rope_parameters", "not an object") }
            let theta = try chosen["rope_theta"]?.double ?? number(thetaKey, default: defaultTheta)
            return try RotaryConfiguration(base: positive(theta, "rope_theta"), scaling: scaling(chosen, "rope_parameters"))
        }
        let theta = try positive(number(thetaKey, default: defaultTheta), thetaKey)
        guard scaled, let description = value("rope_scaling") else { return RotaryConfiguration(base: theta) }
        return try RotaryConfiguration(base: theta, scaling: scaling(description, "rope_scaling"))
    }

    private func positive(_ value: Double, _ key: String) throws -> Double {
        guard value.isFinite, value > 0 else { throw fail(key, "\(value) is not positive") }
        return value
    }

    private func scaling(_ description: JSONValue, _ key: String) throws -> RotaryConfiguration.Scaling {
        guard description.object != nil else { throw fail(key, "not an object") }
        func factor(_ name: String) throws -> Double {
            guard let value = description[name]?.double, value.isFinite, value > 0 else {
                throw fail("\(key).\(name)", "missing or not positive")
            }
            return value
        }
        let kind = description["rope_type"]?.string ?? description["type"]?.string ?? "default"
        switch kind {
        case "default": return .none
        case "linear": return try .linear(factor: factor("factor"))
        case "llama3":
            return try .llama3(
                factor: factor("factor"), lowFrequency: factor("low_freq_factor"), highFrequency: factor("high_freq_factor"),
                originalLength: factor("original_max_position_embeddings"))
        default: throw fail(key, "rope type \(kind) is not supported; supported are default, linear and llama3")
        }
    }

    /// The fields that every family shares, with the given defaults.
    func base(
        family: String, activationKeys: (String, String) = ("hidden_act", "hidden_activation"), activation: String = "silu",
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
        return DecoderConfiguration(
            family: family, hiddenSize: hidden,
            intermediateSize: try count("intermediate_size", default: defaults["intermediate_size"]), headCount: heads,
            keyValueHeadCount: keyValueHeads, headWidth: width,
            vocabularySize: try count("vocab_size", default: defaults["vocab_size"]),
            normEpsilon: Float(try number("rms_norm_eps", default: 1e-6)),
            activation: try self.activation(activationKeys.0, activationKeys.1, default: activation),
            tiesEmbeddings: try flag("tie_word_embeddings", default: tied), attentionScale: 1 / Float(width).squareRoot(),
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
            default: throw fail("layer_types", "unknown type \(name.serialized())")
            }
        }
    }
}
