import Foundation
import JSON
import LanguageModel
import Tensors
import Testing

/// What transformers 5 makes of configurations that say things twice, at other places, or as null. Found by Scripts/fuzz_models.py
/// and in public reports.
@Suite("Dialects of configurations")
struct DialectTests {
    private func read(_ name: String, _ changes: [String: JSONValue?]) throws -> DecoderConfiguration {
        var json = try #require(try TinyModels.json(name).object)
        for (key, value) in changes { json[key] = value }
        return try DecoderConfiguration(json: .object(json), source: "config.json")
    }

    private func refusal(_ name: String, _ changes: [String: JSONValue?]) throws -> String {
        let error = #expect(throws: ModelError.self) { try read(name, changes) }
        return error?.description ?? ""
    }

    private let linear: JSONValue = ["rope_type": "linear", "factor": 2]

    // MARK: Rotary embeddings

    @Test("rope_scaling replaces rope_parameters, the base in it too")
    func scalingWins() throws {
        let parameters: JSONValue = ["rope_type": "default", "rope_theta": 1e6]
        let both = try read("qwen3", ["rope_parameters": parameters, "rope_scaling": linear])
        #expect(both.rotaries == [RotaryConfiguration(base: 10000, scaling: .linear(factor: 2))])
        let theta = try read("qwen3", ["rope_parameters": parameters, "rope_scaling": linear, "rope_theta": 5e5])
        #expect(theta.rotaries[0].base == 5e5)
        for empty in [JSONValue.null, [:]] {
            let one = try read("qwen3", ["rope_parameters": parameters, "rope_scaling": empty])
            #expect(one.rotaries == [RotaryConfiguration(base: 1e6)])
        }
    }

    @Test("The base in the description comes before the one beside it")
    func innerBase() throws {
        let configuration = try read(
            "llama", ["rope_parameters": ["rope_type": "default", "rope_theta": 300], "rope_theta": 700])
        #expect(configuration.rotaries[0].base == 300)
    }

    @Test("Gemma's rope_scaling is laid over the full layers' description")
    func gemmaScaling() throws {
        let parameters: JSONValue = [
            "full_attention": ["rope_type": "default", "rope_theta": 200], "sliding_attention": linear,
        ]
        let configuration = try read("gemma3", ["rope_parameters": parameters, "rope_scaling": linear])
        #expect(
            configuration.rotaries == [
                RotaryConfiguration(base: 200, scaling: .linear(factor: 2)),
                RotaryConfiguration(base: 10000, scaling: .linear(factor: 2)),
            ])
        let said = try refusal("gemma3", ["rope_parameters": nil, "rope_scaling": ["type": "linear", "factor": 8]])
        #expect(said.contains("rope_scaling: type"))
    }

    @Test(
        "A description for each type of layer is refused where the family has one for all",
        arguments: ["llama", "qwen2"])
    func nested(name: String) throws {
        let said = try refusal(name, ["rope_parameters": ["full_attention": linear]])
        #expect(said.contains("rope_parameters: full_attention"))
    }

    @Test("YaRN's amplitude follows from its factor, from mscale, or stands there")
    func amplitude() throws {
        func amplitude(_ changes: [String: JSONValue]) throws -> Double {
            var object = JSONObject([
                ("rope_type", "yarn"), ("factor", 4), ("original_max_position_embeddings", 16),
            ])
            for (key, value) in changes { object[key] = value }
            let scaling = try read("llama", ["rope_parameters": .object(object)]).rotaries[0].scaling
            guard case .yarn(_, let amplitude, let fast, let slow, let length, true) = scaling else { return .nan }
            #expect(fast == 32 && slow == 1 && length == 16)
            return amplitude
        }
        // transformers: 0.1 ln 4 + 1; (0.07 ln 4 + 1) / (0.04 ln 4 + 1); zero counts as absent.
        #expect(abs(try amplitude([:]) - 1.138629436) < 1e-9)
        #expect(abs(try amplitude(["mscale": 0.7, "mscale_all_dim": 0.4]) - 1.039403819) < 1e-9)
        #expect(abs(try amplitude(["mscale": 0.7, "mscale_all_dim": 0]) - 1.138629436) < 1e-9)
        #expect(try amplitude(["attention_factor": 0.5, "mscale": 0.7, "beta_fast": 0]) == 0.5)
    }

    @Test("The original length stands outside, inside, or is the whole length")
    func originalLength() throws {
        let llama3: JSONValue = ["rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4]
        func length(_ changes: [String: JSONValue?]) throws -> Double {
            let configuration = try read(
                "llama", ["rope_parameters": nil, "rope_scaling": llama3].merging(changes) { $1 })
            guard case .llama3(_, _, _, let length) = configuration.rotaries[0].scaling else { return .nan }
            return length
        }
        #expect(try length([:]) == 64)
        #expect(try length(["max_position_embeddings": nil]) == 2048)
        #expect(try length(["original_max_position_embeddings": 32]) == 32)
    }

    @Test(
        "Rotary embeddings that are not computed are refused by name",
        arguments: ["dynamic", "longrope", "proportional", "mrope", "axial", "su"])
    func unknownRotary(kind: String) throws {
        let said = try refusal("llama", ["rope_parameters": ["rope_type": .string(kind), "factor": 2]])
        #expect(said.contains("rope_type") && said.contains(kind))
    }

    @Test("A rotary embedding of a part of the head is refused, wherever it is asked for")
    func partialRotary() throws {
        #expect(try refusal("llama", ["partial_rotary_factor": 0.5]).contains("partial_rotary_factor"))
        let inside: JSONValue = ["rope_type": "default", "partial_rotary_factor": 0.5]
        #expect(try refusal("llama", ["rope_parameters": inside]).contains("partial_rotary_factor"))
        #expect(try read("llama", ["partial_rotary_factor": 1]).rotaries.count == 1)
    }

    // MARK: Other settings

    @Test("Each family reads its own activation key, and no other")
    func activations() throws {
        #expect(try read("gemma3", ["hidden_activation": nil, "hidden_act": "silu"]).activation == .geluTanh)
        #expect(try read("gemma3", ["hidden_activation": "silu", "hidden_act": "gelu"]).activation == .silu)
        #expect(try read("llama", ["hidden_act": nil, "hidden_activation": "gelu"]).activation == .silu)
        for name in ["gelu_fast", "gelu_accurate", "gelu_python_tanh"] {
            #expect(try read("llama", ["hidden_act": .string(name)]).activation == .geluTanh)
        }
    }

    @Test("A wrapped model ties as its outer file says, and is tied where that says nothing")
    func wrappedTie() throws {
        func tied(outer: JSONValue?, inner: JSONValue?) throws -> Bool {
            var text = try TinyModels.json("gemma3-wrapped")["text_config"]?.object ?? JSONObject()
            text["tie_word_embeddings"] = inner
            return try read("gemma3-wrapped", ["tie_word_embeddings": outer, "text_config": .object(text)])
                .tiesEmbeddings
        }
        #expect(try tied(outer: nil, inner: false))
        #expect(try tied(outer: true, inner: false))
        #expect(try !tied(outer: false, inner: true))
        #expect(try !tied(outer: .null, inner: true))
    }

    @Test("Qwen's window is 4096 where the file turns it on without a width, and off where it is null")
    func qwenWindow() throws {
        let window = { try self.read("qwen2-window", $0).blocks.map(\.window) }
        #expect(try window(["layer_types": nil, "sliding_window": nil]) == [nil, 4096, 4096])
        #expect(try window(["layer_types": nil, "sliding_window": .null]) == [nil, nil, nil])
        #expect(try refusal("qwen2-window", ["sliding_window": .null]).contains("layer_types"))
        #expect(try refusal("qwen2-window", ["use_sliding_window": false]).contains("layer_types"))
    }

    @Test("Gemma's pattern is the one key that transformers reads, and its window may not be null")
    func gemmaWindow() throws {
        let windows = try read(
            "gemma3", ["layer_types": nil, "_sliding_window_pattern": 2, "sliding_window_pattern": nil]
        ).blocks.map(\.window)
        #expect(windows == [4, 4, 4, 4, 4, nil, 4])
        #expect(try refusal("gemma3", ["sliding_window": .null]).contains("sliding_window"))
    }

    @Test(
        "Null is refused where transformers takes none",
        arguments: [
            "hidden_size", "rms_norm_eps", "tie_word_embeddings", "hidden_act", "attention_bias", "mlp_bias",
            "vocab_size",
            "is_causal",
        ])
    func null(key: String) throws { #expect(try refusal("llama", [key: .null]).contains("\(key): null")) }

    @Test(
        "Settings that change the computation are refused by name",
        arguments: [
            ("is_causal", false), ("per_layer_config", ["0": ["head_dim": 4]]), ("quantization", ["bits": 4]),
            ("compression_config", ["a": 1]),
        ] as [(String, JSONValue)])
    func refused(key: String, value: JSONValue) throws { #expect(try refusal("llama", [key: value]).contains(key)) }
}
