import Foundation
import JSON
import LanguageModel
import Testing

@Suite("Configurations")
struct ConfigurationTests {
    private func read(_ name: String, _ change: (inout JSONObject) -> Void = { _ in }) throws -> DecoderConfiguration {
        var json = try #require(try TinyModels.json(name).object)
        change(&json)
        return try DecoderConfiguration(json: .object(json), source: "config.json")
    }

    @Test("Both dialects of the rotary embedding mean the same")
    func llama3() throws {
        let new = try read("llama")
        let old = try read("llama") { json in
            var scaling = json["rope_parameters"]?.object ?? JSONObject()
            scaling["rope_theta"] = nil
            json["rope_parameters"] = nil
            json["rope_scaling"] = .object(scaling)
            json["rope_theta"] = 10000
        }
        #expect(new.rotaries == old.rotaries)
        #expect(
            new.rotaries == [
                RotaryConfiguration(
                    base: 10000, scaling: .llama3(factor: 4, lowFrequency: 1, highFrequency: 4, originalLength: 16))
            ])
    }

    @Test("The oldest dialect calls the rotary type type")
    func linear() throws {
        let old = try read("llama") { json in
            json["rope_parameters"] = nil
            json["rope_scaling"] = ["type": "linear", "factor": 2]
        }
        #expect(old.rotaries == [RotaryConfiguration(base: 10000, scaling: .linear(factor: 2))])
    }

    @Test("Gemma's two rotary embeddings are read from both dialects")
    func gemma() throws {
        let new = try read("gemma3")
        let old = try read("gemma3") { json in
            json["rope_parameters"] = nil
            json["rope_theta"] = 1_000_000
            json["rope_local_base_freq"] = 10000
            json["rope_scaling"] = ["rope_type": "linear", "factor": 8]
            json["layer_types"] = nil
            json["_sliding_window_pattern"] = nil
            json["sliding_window_pattern"] = 6
        }
        let expected = [
            RotaryConfiguration(base: 1_000_000, scaling: .linear(factor: 8)), RotaryConfiguration(base: 10000),
        ]
        #expect(new.rotaries == expected && old.rotaries == expected)
        #expect(new.blocks == old.blocks)
        #expect(new.blocks.map(\.window) == [4, 4, 4, 4, 4, nil, 4])
        #expect(new.blocks.map(\.rotary) == [1, 1, 1, 1, 1, 0, 1])
    }

    @Test("A wrapped configuration is read for its text part")
    func wrapped() throws {
        let wrapped = try read("gemma3-wrapped")
        #expect(wrapped.family == "gemma3_text" && wrapped.blockCount == 2 && wrapped.headWidth == 10)
    }

    @Test("A wrapped configuration may leave to the defaults what the published ones do")
    func wrappedDefaults() throws {
        // The text part of google/gemma-3-4b-it's published config.json.
        let json: JSONValue = [
            "model_type": "gemma3", "torch_dtype": "bfloat16",
            "text_config": [
                "hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text", "num_hidden_layers": 34,
                "rope_scaling": ["factor": 8.0, "rope_type": "linear"], "sliding_window": 1024,
            ],
        ]
        let configuration = try DecoderConfiguration(json: json, source: "config.json")
        #expect(configuration.headCount == 8 && configuration.keyValueHeadCount == 4 && configuration.headWidth == 256)
        #expect(configuration.vocabularySize == 262_208 && configuration.tiesEmbeddings)
        #expect(configuration.rotaries[0] == RotaryConfiguration(base: 1_000_000, scaling: .linear(factor: 8)))
        #expect(configuration.rotaries[1] == RotaryConfiguration(base: 10000))
        #expect(configuration.blocks.filter { $0.window == nil }.count == 5)
    }

    @Test("Null counts as absent")
    func null() throws {
        let plain = try read("llama") { $0["num_key_value_heads"] = nil }
        let null = try read("llama") { $0["num_key_value_heads"] = .null }
        #expect(plain.keyValueHeadCount == 4 && null.keyValueHeadCount == 4)
    }

    @Test("Qwen2's later blocks slide, by a list or by a number")
    func qwenWindow() throws {
        let list = try read("qwen2-window")
        let number = try read("qwen2-window") { $0["layer_types"] = nil }
        #expect(list.blocks.map(\.window) == [nil, 3, 3] && number.blocks == list.blocks)
        let zero = try read("qwen2-window") { json in
            json["layer_types"] = nil
            json["max_window_layers"] = 0
        }
        #expect(zero.blocks.map(\.window) == [3, 3, 3])
        let off = try read("qwen2-window") { json in
            json["layer_types"] = nil
            json["use_sliding_window"] = false
        }
        #expect(off.blocks.map(\.window) == [nil, nil, nil])
    }

    @Test(
        "The default depth is two thirds, and never past the end",
        arguments: [(1, 0), (2, 1), (3, 2), (12, 8), (28, 18)])
    func defaultLayer(blocks: Int, layer: Int) throws {
        #expect(try read("llama") { $0["num_hidden_layers"] = .integer(blocks) }.defaultLayer == layer)
    }

    @Test("An error names the file, the key and what is known")
    func unknownArchitecture() throws {
        let error = #expect(throws: ModelError.self) { try read("llama") { $0["model_type"] = "mamba" } }
        for word in ["config.json", "model_type", "mamba", "llama", "qwen2", "qwen3", "gemma3"] {
            #expect(error?.description.contains(word) == true)
        }
    }
}
