import Foundation
import JSON

/// Rotary embeddings, in the dialects that transformers has had: `rope_theta` with `rope_scaling`, and `rope_parameters`, which may
/// hold one object for each type of layer. Which wins where a file has both is what transformers 5 makes of it.
extension ConfigurationReader {
    /// Bases and factors beyond these give angles that float32 cannot hold.
    private static let bases = 1...1e15
    private static let factors = 1e-3...1e9

    /// The one rotary embedding of a model. `rope_scaling` replaces `rope_parameters`; the base is the one beside the factor, or the
    /// file's `rope_theta`.
    ///
    /// - Parameters:
    ///   - defaultTheta: the base where the file has none.
    ///   - defaultLength: the family's `max_position_embeddings`.
    public func rotary(defaultTheta: Double = 10_000, defaultLength: Int) throws -> RotaryConfiguration {
        try refusePartialRotary()
        var description = try part("rope_parameters")
        // transformers asks whether it is empty, not whether it is there.
        if let scaling = try part("rope_scaling"), !scaling.json.isEmpty { description = scaling }
        guard let description else {
            return RotaryConfiguration(base: try number("rope_theta", default: defaultTheta, in: Self.bases))
        }
        for key in ["full_attention", "sliding_attention"] where description.json[key] != nil {
            throw description.fail(key, "this family has one rotary embedding for all layers")
        }
        let base =
            try description.json["rope_theta"] == nil
            ? number("rope_theta", default: defaultTheta, in: Self.bases)
            : description.number("rope_theta", in: Self.bases)
        return try description.rotary(base: base, limits: self, defaultLength: defaultLength)
    }

    /// The rotary embedding of one type of layer, for families that have several. `rope_scaling` is laid over the full layers'
    /// `rope_parameters`.
    ///
    /// - Parameters:
    ///   - section: the type of layer, a key of `rope_parameters`.
    ///   - thetaKey: where the old dialect has the base.
    ///   - defaultTheta: the base where the file has none.
    ///   - scaled: whether `rope_scaling` is meant.
    ///   - defaultLength: the family's `max_position_embeddings`.
    public func rotary(
        section: String, thetaKey: String, defaultTheta: Double, scaled: Bool, defaultLength: Int
    ) throws -> RotaryConfiguration {
        try refusePartialRotary()
        let parameters = try part("rope_parameters")
        if let parameters, parameters.json["rope_type"] != nil || parameters.json["rope_theta"] != nil {
            throw fail(
                "rope_parameters", "one object for each layer type is needed, full_attention and sliding_attention")
        }
        var merged = try parameters?.part(section)
        if scaled, let scaling = try part("rope_scaling") {
            for key in ["full_attention", "sliding_attention"] where scaling.json[key] != nil {
                throw scaling.fail(key, "one object for all layers is needed here; write rope_parameters instead")
            }
            if parameters != nil, merged == nil {
                throw fail("rope_scaling", "rope_parameters has no \(section) that it could change")
            }
            var object = merged?.json ?? JSONObject([("rope_type", "default")])
            // Older versions read `type` here, newer ones only `rope_type`.
            if let type = scaling.value("type"), scaling.json["rope_type"] == nil, object["rope_type"] != nil,
                type != object["rope_type"]
            {
                throw scaling.fail("type", "transformers reads rope_type here for this family; rename the key")
            }
            for (key, value) in scaling.json { object[key] = value }
            merged = try ConfigurationReader(.object(object), source: scaling.source)
        }
        guard let merged else {
            return RotaryConfiguration(base: try number(thetaKey, default: defaultTheta, in: Self.bases))
        }
        let base =
            try merged.json["rope_theta"] == nil
            ? number(thetaKey, default: defaultTheta, in: Self.bases) : merged.number("rope_theta", in: Self.bases)
        // transformers looks for it at the wrong place.
        try merged.refuse("truncate") { _ in false }
        return try merged.rotary(base: base, limits: nil, outer: self, defaultLength: defaultLength)
    }

    private func refusePartialRotary() throws { try refuse("partial_rotary_factor") { $0.double == 1 } }

    /// An object inside this one, or nil.
    private func part(_ key: String) throws -> ConfigurationReader? {
        try value(key).map { try ConfigurationReader($0, source: "\(source): \(key)") }
    }

    /// - Parameters:
    ///   - limits: where an `original_max_position_embeddings` outside the object counts more than the one in it.
    ///   - outer: the file.
    private func rotary(
        base: Double, limits: ConfigurationReader?, outer: ConfigurationReader? = nil, defaultLength: Int
    ) throws -> RotaryConfiguration {
        RotaryConfiguration(
            base: base, scaling: try scaling(base, limits, outer ?? limits ?? self, defaultLength: defaultLength))
    }

    private func scaling(
        _ base: Double, _ limits: ConfigurationReader?, _ outer: ConfigurationReader, defaultLength: Int
    ) throws -> RotaryConfiguration.Scaling {
        try refusePartialRotary()
        let kind = try json["rope_type"] == nil ? text("type", default: "default") : text("rope_type")
        switch kind {
        case "default": return .none
        case "linear": return .linear(factor: try number("factor", in: Self.factors))
        case "llama3":
            let low = try number("low_freq_factor", in: Self.factors)
            let high = try number("high_freq_factor", in: Self.factors)
            guard high > low else { throw fail("high_freq_factor", "\(high) must be above low_freq_factor, \(low)") }
            return .llama3(
                factor: try number("factor", in: Self.factors), lowFrequency: low, highFrequency: high,
                originalLength: try originalLength(limits, outer, defaultLength))
        case "yarn": return try yarn(base, try originalLength(limits, outer, defaultLength), outer, defaultLength)
        default:
            throw fail(
                "rope_type", "\(shown(.string(kind))) is not supported; supported are default, linear, llama3 and yarn")
        }
    }

    /// The length that the model was first trained with: outside the object, in it, or `max_position_embeddings`.
    private func originalLength(
        _ limits: ConfigurationReader?, _ outer: ConfigurationReader, _ defaultLength: Int
    ) throws -> Double {
        let key = "original_max_position_embeddings"
        if let limits, limits.json[key] != nil { return Double(try limits.count(key)) }
        if json[key] != nil { return Double(try count(key)) }
        return Double(try outer.count("max_position_embeddings", default: defaultLength))
    }

    private func yarn(
        _ base: Double, _ length: Double, _ outer: ConfigurationReader, _ defaultLength: Int
    ) throws -> RotaryConfiguration.Scaling {
        guard base > 1 else { throw fail("rope_theta", "yarn needs a base above 1") }
        guard json["factor"] != nil else { throw fail("factor", "missing") }
        let whole = Double(try outer.count("max_position_embeddings", default: defaultLength))
        let factor = try number("factor", default: whole / length, in: Self.factors, nullable: true)
        // Zero counts as absent in these, as in Python.
        func optional(_ key: String) throws -> Double? {
            guard let given = value(key), given.double != 0 else { return nil }
            return try number(key, in: 1e-6...1e6)
        }
        func amplitude(_ scale: Double = 1) -> Double { factor <= 1 ? 1 : 0.1 * scale * log(factor) + 1 }
        var own = amplitude()
        if let scale = try optional("mscale"), let all = try optional("mscale_all_dim") {
            own = amplitude(scale) / amplitude(all)
        }
        return .yarn(
            factor: factor,
            amplitude: try number("attention_factor", default: own, in: 0...1e6, nullable: true),
            fastTurns: try optional("beta_fast") ?? 32, slowTurns: try optional("beta_slow") ?? 1,
            originalLength: length, truncates: try flag("truncate", default: true))
    }
}
