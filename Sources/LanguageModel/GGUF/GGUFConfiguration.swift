import Foundation
import GGUF
import JSON
import Tensors

/// Turns a GGUF file's metadata into the `config.json` that the families read, so that every check of ``DecoderConfiguration``
/// holds for it too.
///
/// Keys and defaults are llama.cpp's (llama-model.cpp). A setting that would change the computation in a way that is not there is
/// refused by its name.
struct GGUFConfiguration {
    let file: GGUFFile
    let architecture: GGUFArchitecture

    private var header: GGUFHeader { file.header }

    /// The full name of one of the architecture's keys.
    private func key(_ name: String) -> String { "\(architecture.name).\(name)" }

    /// The configuration. Throws a one-line error that names the file and the key.
    func json() throws -> JSONValue {
        try refuseUnknownComputation()
        let hidden = try required("embedding_length"), heads = try required("attention.head_count")
        guard heads > 0 else { throw header.fail(key("attention.head_count"), "\(heads) heads") }
        let width = try headWidth(hidden: hidden, heads: heads)
        let blocks = try required("block_count")
        let vocabulary = try vocabularySize()
        var json: JSONObject = [
            "architectures": [.string(architecture.transformersClass)],
            "model_type": .string(architecture.modelType), "vocab_size": .integer(vocabulary),
            "hidden_size": .integer(hidden), "intermediate_size": .integer(try required("feed_forward_length")),
            "num_hidden_layers": .integer(blocks), "num_attention_heads": .integer(heads),
            "num_key_value_heads": .integer(try count("attention.head_count_kv") ?? heads),
            "head_dim": .integer(width),
            "max_position_embeddings": .integer(try required("context_length")),
            "rms_norm_eps": .number(try requiredNumber("attention.layer_norm_rms_epsilon")),
            "rope_theta": .number(try header.number(key("rope.freq_base")) ?? 10_000),
            "tie_word_embeddings": .bool(file.entries["output.weight"] == nil),
        ]
        if let scaling = try rotaryScaling(width: width) { json["rope_scaling"] = .object(scaling) }
        switch architecture.name {
        case "gemma3": try addGemma(&json, hidden: hidden, heads: heads, width: width, blocks: blocks)
        default:
            json["hidden_act"] = "silu"
            try refuseWindow()
            // The metadata does not say it: what the file holds does.
            if architecture.name != "qwen2" { json["attention_bias"] = .bool(has("attn_q.bias")) }
            if architecture.name == "llama" { json["mlp_bias"] = .bool(has("ffn_up.bias")) }
        }
        for (name, value) in try GGUFConfiguration.tokens(header) { json[name] = value }
        return .object(json)
    }

    /// Whether any block has a tensor.
    private func has(_ name: String) -> Bool { file.names.contains { $0.hasSuffix(".\(name)") } }

    // MARK: Values

    /// A whole number, or a list in which every block has the same one; nil where there is none.
    private func count(_ name: String) throws -> Int? {
        guard header.holdsList(key(name)) else { return try header.integer(key(name)) }
        let all = try header.numbers(key(name)) ?? []
        guard let first = all.first, all.allSatisfy({ $0 == first }) else {
            throw header.fail(key(name), "it differs from block to block, which is not supported")
        }
        return Int(saturating: first)
    }

    private func required(_ name: String) throws -> Int {
        guard let count = try count(name) else { throw header.fail(key(name), "missing; convert the model again") }
        return count
    }

    private func requiredNumber(_ name: String) throws -> Double {
        guard let number = try header.number(key(name)) else {
            throw header.fail(key(name), "missing; convert the model again")
        }
        return number
    }

    /// The width of a head. Keys, values and what is turned must all have it.
    private func headWidth(hidden: Int, heads: Int) throws -> Int {
        let width = try count("attention.key_length") ?? hidden / heads
        for name in ["attention.value_length", "rope.dimension_count"] {
            if let other = try count(name), other != width {
                throw header.fail(key(name), "\(other) is not supported where a head has \(width)")
            }
        }
        return width
    }

    /// The rows of the embedding. What the metadata say must agree.
    private func vocabularySize() throws -> Int {
        guard let embedding = file.entries["token_embd.weight"], let rows = embedding.shape.first else {
            throw header.fail("token_embd.weight", "there is no such tensor; is this a whole model?")
        }
        if let count = try count("vocab_size"), count != rows {
            throw header.fail(
                key("vocab_size"), "\(count), but the embedding has \(rows) rows; they do not belong together")
        }
        return rows
    }

    /// The ids of special tokens, as config.json has them. Several tokens may end a text.
    static func tokens(_ header: GGUFHeader) throws -> JSONObject {
        var found = JSONObject()
        for (name, key) in [("bos_token_id", "bos"), ("pad_token_id", "padding")] {
            if let id = try header.integer("tokenizer.ggml.\(key)_token_id") { found[name] = .integer(id) }
        }
        let ends = try ["eos", "eot", "eom"].compactMap { try header.integer("tokenizer.ggml.\($0)_token_id") }
        let distinct = ends.enumerated().filter { !ends[..<$0.offset].contains($0.element) }.map(\.element)
        if let first = distinct.first {
            found["eos_token_id"] = distinct.count == 1 ? .integer(first) : .array(distinct.map { .integer($0) })
        }
        return found
    }

    // MARK: What is not supported

    /// Keys that change what is computed, in ways that no family here has. Their neutral values are accepted.
    private static let foreignKeys: [(name: String, neutral: Double)] = [
        ("expert_count", 0), ("expert_used_count", 0), ("expert_shared_count", 0), ("nextn_predict_layers", 0),
        ("attn_logit_softcapping", 0), ("final_logit_softcapping", 0), ("logit_scale", 1), ("embedding_scale", 1),
        ("residual_scale", 1), ("attention.scale", 0), ("attention.clamp_kqv", 0), ("attention.max_alibi_bias", 0),
        ("attention.temperature_scale", 0), ("attention.temperature_length", 0), ("attention.output_scale", 1),
        ("rope.scaling.yarn_log_multiplier", 0), ("rope.scaling.yarn_attn_factor", 1),
        ("rope.scaling.yarn_ext_factor", 1), ("rope.scaling.alpha", 0), ("pooling_type", 0),
    ]

    private func refuseUnknownComputation() throws {
        for (name, neutral) in Self.foreignKeys {
            guard let value = try header.number(key(name)), value != neutral, value != 0 else { continue }
            throw header.fail(key(name), "\(Int(exactly: value).map(String.init) ?? String(value)) is not supported")
        }
        for name in ["use_parallel_residual", "use_alibi"] where try header.bool(key(name)) == true {
            throw header.fail(key(name), "it is not supported")
        }
        if try header.bool(key("attention.causal")) == false {
            throw header.fail(key("attention.causal"), "only causal models are read")
        }
        if header.metadata[key("rope.dimension_sections")] != nil {
            throw header.fail(key("rope.dimension_sections"), "several kinds of positions are not supported")
        }
        let blocks = try required("block_count")
        for name in file.names where name != "rope_freqs.weight" {
            // blk.N.…
            let block = name.split(separator: ".").dropFirst().first.flatMap { Int($0) } ?? 0
            guard architecture.canonicalName(name) != nil, block < blocks || !name.hasPrefix("blk.") else {
                throw header.fail(
                    "tensor \(name)",
                    "no part of a \(architecture.name) model of \(blocks) blocks that is known; the model is not supported"
                )
            }
        }
    }

    /// Only Gemma's blocks slide here.
    private func refuseWindow() throws {
        if let window = try count("attention.sliding_window"), window > 0, window < (try required("context_length")) {
            throw header.fail(key("attention.sliding_window"), "\(window) is not supported for \(architecture.name)")
        }
    }
}

// MARK: - Families

extension GGUFConfiguration {
    private func addGemma(_ json: inout JSONObject, hidden: Int, heads: Int, width: Int, blocks: Int) throws {
        json["hidden_activation"] = "gelu_pytorch_tanh"
        json["rope_local_base_freq"] = .number(try header.number(key("rope.freq_base_swa")) ?? 10_000)
        // The 27-billion model alone scales by the mean width of its heads; llama.cpp knows it by its 62 blocks.
        json["query_pre_attn_scalar"] = .integer(blocks == 62 ? hidden / heads : width)
        guard blocks >= 0, blocks <= 10_000 else { throw header.fail(key("block_count"), "\(blocks) blocks") }
        let window = try count("attention.sliding_window") ?? 0
        if window != 0 { json["sliding_window"] = .integer(window) }
        let slides = window == 0 ? [Bool](repeating: false, count: blocks) : try slidingBlocks(blocks)
        json["layer_types"] = .array(slides.map { $0 ? "sliding_attention" : "full_attention" })
    }

    /// Which blocks slide: a list, or all but each n-th.
    private func slidingBlocks(_ count: Int) throws -> [Bool] {
        let name = key("attention.sliding_window_pattern")
        if header.holdsList(name) {
            let flags = try header.numbers(name) ?? []
            guard flags.count == count else { throw header.fail(name, "\(flags.count) entries for \(count) blocks") }
            return flags.map { $0 != 0 }
        }
        let pattern = try header.integer(name) ?? 6
        guard pattern >= 0 else { throw header.fail(name, "\(pattern) is no period") }
        return (0..<count).map { pattern == 0 || ($0 + 1) % pattern != 0 }
    }
}

// MARK: - Rotary embeddings

extension GGUFConfiguration {
    /// The object `rope_scaling`; nil where wavelengths are not stretched.
    private func rotaryScaling(width: Int) throws -> JSONObject? {
        let factors = try llama3Factors(width: width)
        let type = try header.string(key("rope.scaling.type")) ?? "linear"
        let factor = try header.number(key("rope.scaling.factor")) ?? header.number(key("rope.scale_linear")) ?? 1
        var scaling: JSONObject?
        switch type {
        case "none": break
        case "linear":
            // Zero and one count as none.
            if factor != 1, factor != 0 { scaling = ["rope_type": "linear", "factor": .number(factor)] as JSONObject }
        case "yarn": scaling = try yarn(factor)
        default:
            throw header.fail(
                key("rope.scaling.type"),
                "\(String(type.prefix(60)).debugDescription) is not supported; none, linear and yarn are")
        }
        guard let factors else { return scaling }
        guard scaling == nil else {
            throw header.fail(
                "rope_freqs.weight", "a second stretch of the wavelengths, beside \(key("rope.scaling.type"))")
        }
        return factors
    }

    private func yarn(_ factor: Double) throws -> JSONObject {
        var scaling: JSONObject = ["rope_type": "yarn", "factor": .number(factor)]
        let length = key("rope.scaling.original_context_length")
        guard let original = try header.integer(length) else { throw header.fail(length, "missing; yarn needs it") }
        scaling["original_max_position_embeddings"] = .integer(original)
        for (name, ours) in [("yarn_beta_fast", "beta_fast"), ("yarn_beta_slow", "beta_slow")] {
            if let value = try header.number(key("rope.scaling.\(name)")) { scaling[ours] = .number(value) }
        }
        if let own = try header.number(key("rope.scaling.attn_factor")), own != 1 {
            scaling["attention_factor"] = .number(own * (factor <= 1 ? 1 : 0.1 * log(factor) + 1))
        }
        return scaling
    }

    /// The settings of Llama 3.1's stretch that give the divisors in `rope_freqs.weight`; nil where there is no such tensor.
    ///
    /// A file has the divisors, one for each pair of a head, and not the settings they came from. Those are the ones of every published
    /// model, up to the factor and the original length; others are refused.
    private func llama3Factors(width: Int) throws -> JSONObject? {
        let name = "rope_freqs.weight"
        guard let tensor = file.tensor(name) else { return nil }
        guard architecture.name == "llama", tensor.type == .f32, tensor.shape == [width / 2],
            let found = tensor.plain?.floats(), let factor = found.max(), factor.isFinite, factor >= 1
        else {
            throw header.fail(
                name, "\(tensor.type.name) \(tensor.shape) of a \(architecture.name) model is not supported")
        }
        let base = try header.number(key("rope.freq_base")) ?? 10_000
        let plain = RotaryConfiguration(base: base).frequencies(headWidth: width)
        let lengths = try [8192, header.integer(key("rope.scaling.original_context_length"))].compactMap { $0 }
        for length in lengths {
            let scaling = RotaryConfiguration.Scaling.llama3(
                factor: Double(factor), lowFrequency: 1, highFrequency: 4, originalLength: Double(length))
            let stretched = RotaryConfiguration(base: base, scaling: scaling).frequencies(headWidth: width)
            let agrees = zip(zip(plain, stretched), found).allSatisfy { frequencies, divisor in
                abs(frequencies.0 / frequencies.1 - divisor) <= 1e-4 * divisor
            }
            guard agrees else { continue }
            return [
                "rope_type": "llama3", "factor": .number(Double(factor)), "low_freq_factor": 1.0,
                "high_freq_factor": 4.0, "original_max_position_embeddings": .integer(length),
            ]
        }
        throw header.fail(
            name, "the divisors are not those of Llama 3.1's stretch of the wavelengths; the model is not supported")
    }
}
