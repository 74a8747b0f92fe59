import JSON
import LanguageModel
import Tensors

/// How a model's texts are written, as far as clients may say: what the fields of `/generate` and of `/v1` come to.
struct SamplingParameters: Sendable {
    var sampling = Sampling(temperature: 1)
    var rules = LogitRules()
    var maximumTokens = 128
    var stopStrings: [String] = []
    var stopTokens: Set<Int32> = []
    var ignoresEndOfText = false
    /// Whether the string or the token that ends a text stays in it.
    var keepsStop = false
    var skipsSpecialTokens = true
    /// The most probable tokens that are told beside each token.
    var alternatives = 0
    /// Texts of each prompt.
    var count = 1
    var seed: UInt64?

    /// The texts of one prompt.
    func writing(
        _ input: Scheduler.Writing.Input, _ model: Scheduler.Writing.Model, _ writer: ModelFacts.Writer, seed: UInt64
    ) -> Scheduler.Writing {
        var random = Random(seed: self.seed ?? seed), rules = rules
        rules.heldBack = rules.minimumTokens > 0 ? stopTokens.union(writer.stopTokens) : []
        return Scheduler.Writing(
            model: model, input: input, sampling: sampling, rules: rules, alternatives: alternatives,
            maximumTokens: maximumTokens, stopTokens: stopTokens.union(ignoresEndOfText ? [] : writer.stopTokens),
            text: .init(
                stopStrings: stopStrings, minimumTokens: rules.minimumTokens, keepsStopString: keepsStop,
                keepsStopToken: keepsStop, skipsSpecialTokens: skipsSpecialTokens),
            seeds: (0..<count).map { _ in random.next() })
    }
}

// MARK: - What all of these interfaces call alike

extension SamplingParameters {
    /// The fields that OpenAI's, vLLM's and SGLang's interfaces name alike.
    ///
    /// - Parameter minimumKey: what the least number of tokens is called.
    fileprivate init(shared fields: inout RequestFields, _ writer: ModelFacts.Writer, minimumKey: String) {
        let temperature = fields.number("temperature", default: 1, in: 0...5, isNullable: true)
        let share = fields.number("top_p", default: 1, in: 0...1, isNullable: true)
        let count = fields.integer("top_k", default: -1, in: -1...Int(Int32.max), isNullable: true)
        let least = fields.number("min_p", default: 0, in: 0...1, isNullable: true)
        // A share of nothing leaves the most probable token, as temperature 0 does.
        sampling = Sampling(
            temperature: share > 0 ? Float(temperature) : 0, topK: count > 0 ? count : nil,
            topP: share > 0 ? Float(share) : 1, minP: Float(least))
        // What is nearly no number at all would make logits infinite.
        rules.repetitionPenalty = Float(
            fields.number("repetition_penalty", default: 1, in: 0.01...100, isNullable: true))
        rules.presencePenalty = Float(fields.number("presence_penalty", default: 0, in: -2...2, isNullable: true))
        rules.frequencyPenalty = Float(fields.number("frequency_penalty", default: 0, in: -2...2, isNullable: true))
        rules.bias = fields.logitBias(below: writer.vocabularySize)
        rules.minimumTokens = fields.integer(minimumKey, default: 0, in: 0...Int(Int32.max), isNullable: true)
        stopStrings = fields.strings("stop")
        stopTokens = fields.stopTokens(below: writer.vocabularySize)
        ignoresEndOfText = fields.optionalBool("ignore_eos") ?? false
        skipsSpecialTokens = fields.optionalBool("skip_special_tokens") ?? true
        self.count = fields.integer("n", default: 1, in: 1...16, isNullable: true)
    }

    fileprivate func checkMinimum(_ key: String, _ fields: inout RequestFields) {
        guard rules.minimumTokens > maximumTokens else { return }
        fields.note(
            [.string(key)], "value_error",
            "Value error, \(rules.minimumTokens) tokens at least are more than the \(maximumTokens) there may be at most"
        )
    }
}

// MARK: - SGLang

extension SamplingParameters {
    /// SGLang's: one set for all prompts, or a list with one for each.
    static func read(
        _ fields: inout RequestFields, prompts: Int, _ writer: ModelFacts.Writer, _ settings: StudioSettings
    ) throws -> [SamplingParameters] {
        guard let value = fields.json["sampling_params"], !value.isNull else {
            return .init(repeating: SamplingParameters(), count: prompts)
        }
        guard let list = value.array else {
            let one = try one(value, ["body", "sampling_params"], &fields, writer, settings)
            return .init(repeating: one, count: prompts)
        }
        guard list.count == prompts else {
            fields.note(
                ["sampling_params"], "value_error",
                "Value error, there are \(list.count) sets of parameters for \(prompts) prompts; send one, or as many as prompts"
            )
            return []
        }
        return try list.enumerated().map {
            try one($1, ["body", "sampling_params", .integer($0)], &fields, writer, settings)
        }
    }

    private static func one(
        _ value: JSONValue, _ path: [JSONValue], _ outer: inout RequestFields, _ writer: ModelFacts.Writer,
        _ settings: StudioSettings
    ) throws -> SamplingParameters {
        var fields = try RequestFields(value, at: path)
        fields.refuseUnknown(knownToSGLang)
        var result = SamplingParameters(shared: &fields, writer, minimumKey: "min_new_tokens")
        result.maximumTokens = fields.integer(
            "max_new_tokens", default: min(128, settings.maximumNewTokens), in: 1...settings.maximumNewTokens,
            isNullable: true)
        result.checkMinimum("min_new_tokens", &fields)
        result.keepsStop = fields.optionalBool("no_stop_trim") ?? false
        result.seed = fields.seed("sampling_seed")
        for key in ["json_schema", "regex", "ebnf", "structural_tag", "stop_regex", "custom_params"] {
            fields.refuse(key)
        }
        outer.adopt(fields)
        return result
    }

    private static let knownToSGLang: Set<String> = [
        "max_new_tokens", "min_new_tokens", "stop", "stop_token_ids", "stop_regex", "temperature", "top_p", "top_k",
        "min_p", "frequency_penalty", "presence_penalty", "repetition_penalty", "n", "json_schema", "regex", "ebnf",
        "structural_tag", "ignore_eos", "skip_special_tokens", "spaces_between_special_tokens", "no_stop_trim",
        "custom_params", "stream_interval", "logit_bias", "sampling_seed",
    ]
}

// MARK: - OpenAI, with what vLLM adds

extension SamplingParameters {
    /// The fields of `/v1` that say how texts are written. Those that it does not honour are refused by name, unless they ask for
    /// what happens anyway.
    ///
    /// - Parameter standardTokens: tokens of a request that does not say how many.
    init(
        openAI fields: inout RequestFields, _ writer: ModelFacts.Writer, _ settings: StudioSettings, standardTokens: Int
    ) {
        self.init(shared: &fields, writer, minimumKey: "min_tokens")
        let most = settings.maximumNewTokens
        let older = fields.integer("max_tokens", default: min(standardTokens, most), in: 1...most, isNullable: true)
        maximumTokens = fields.integer("max_completion_tokens", default: older, in: 1...most, isNullable: true)
        checkMinimum("min_tokens", &fields)
        keepsStop = fields.optionalBool("include_stop_str_in_output") ?? false
        seed = fields.seed("seed")
        SamplingParameters.refuse(&fields)
    }

    /// The fields that both of OpenAI's schemas have, and those that vLLM adds to both.
    static let known: Set<String> = [
        "model", "frequency_penalty", "logit_bias", "logprobs", "max_tokens", "n", "presence_penalty", "seed", "stop",
        "stream", "stream_options", "temperature", "top_p", "user",
        // vLLM
        "add_special_tokens", "allowed_token_ids", "bad_words", "best_of", "cache_salt", "echo", "guided_choice",
        "guided_decoding_backend", "guided_grammar", "guided_json", "guided_regex", "guided_whitespace_pattern",
        "ignore_eos", "include_stop_str_in_output", "kv_transfer_params", "length_penalty", "logits_processors",
        "min_p", "min_tokens", "priority", "prompt_logprobs", "repetition_penalty", "request_id", "response_format",
        "return_token_ids", "return_tokens_as_token_ids", "skip_special_tokens", "spaces_between_special_tokens",
        "stop_token_ids", "structural_tag", "structured_outputs", "top_k", "truncate_prompt_tokens",
        "use_beam_search", "vllm_xargs",
    ]

    private static func refuse(_ fields: inout RequestFields) {
        for key in [
            "allowed_token_ids", "bad_words", "guided_choice", "guided_decoding_backend", "guided_grammar",
            "guided_json", "guided_regex", "guided_whitespace_pattern", "kv_transfer_params", "logits_processors",
            "return_token_ids", "return_tokens_as_token_ids", "structural_tag", "structured_outputs",
            "truncate_prompt_tokens", "use_beam_search", "vllm_xargs",
        ] { fields.refuse(key) }
        fields.refuse("length_penalty", unless: 1)
        fields.refuse("priority", unless: 0)
        if fields.json["prompt_logprobs"].map({ !$0.isNull }) ?? false { fields.refuseGiven("prompt_logprobs") }
        if let format = fields.json["response_format"], !format.isNull, format["type"]?.string != "text" {
            fields.refuseGiven("response_format")
        }
        fields.refuseStreamOptions()
    }
}

extension RequestFields {
    /// A string or a list of up to 16 strings; empty if absent or null. Each has between 1 and 256 characters.
    mutating func strings(_ key: String) -> [String] {
        guard let value = json[key], !value.isNull else { return [] }
        let list = value.array ?? [value]
        let strings = list.compactMap(\.string).filter { !$0.isEmpty && !$0.isLonger(than: 256) }
        if strings.count != list.count || list.count > 16 {
            note(
                [.string(key)], "value_error",
                "Value error, send a string, or a list of at most 16, each of 1 to 256 characters")
            return []
        }
        return strings
    }

    /// A whole number of 64 bits; nil if absent or null.
    mutating func seed(_ key: String) -> UInt64? {
        guard let value = json[key], !value.isNull else { return nil }
        return UInt64(bitPattern: Int64(integer(key, default: 0, in: Int.min...Int.max)))
    }

    /// `stop_token_ids`
    fileprivate mutating func stopTokens(below vocabularySize: Int) -> Set<Int32> {
        let ids = integers("stop_token_ids") ?? []
        for (index, id) in ids.enumerated() where !(0..<vocabularySize).contains(id) {
            note(
                ["stop_token_ids", .integer(index)], "value_error",
                "Value error, ids are whole numbers from 0 to \(vocabularySize - 1), the model's vocabulary",
                input: .integer(id))
            return []
        }
        return Set(ids.map { Int32($0) })
    }

    /// `logit_bias`: an object with ids as keys.
    fileprivate mutating func logitBias(below vocabularySize: Int) -> [Int32: Float] {
        guard let value = json["logit_bias"], !value.isNull else { return [:] }
        guard let object = value.object else {
            note(["logit_bias"], "dict_type", "Input should be a valid dictionary")
            return [:]
        }
        var bias: [Int32: Float] = [:]
        for (key, value) in object {
            guard let id = Int32(key), id >= 0, Int(id) < vocabularySize, let number = value.double,
                (-100...100).contains(number)
            else {
                note(
                    ["logit_bias", .string(String(key.prefix(40)))], "value_error",
                    "Value error, send ids from 0 to \(vocabularySize - 1), each with a number from -100 to 100")
                return [:]
            }
            bias[id] = Float(number)
        }
        return bias
    }

    /// `stream_options`, of which `include_usage` is honoured.
    fileprivate mutating func refuseStreamOptions() {
        guard let value = json["stream_options"], !value.isNull else { return }
        guard let object = value.object, json["stream"]?.bool == true else {
            note(
                ["stream_options"], "value_error",
                "Value error, options of a stream are an object, and only of a request with \"stream\": true")
            return
        }
        for (key, value) in object {
            let isNeutral = key == "include_usage" ? value.bool != nil : value == false
            guard !isNeutral, !value.isNull else { continue }
            let name = key.prefix(40)
            note(
                ["stream_options", .string(String(name))], "value_error",
                key == "include_usage"
                    ? "Input should be a valid boolean"
                    : "Value error, this server does not honour \(name); leave it out")
        }
    }

    /// Notes a problem if a field that is not honoured asks for anything but what happens anyway.
    mutating func refuse(_ key: String, unless neutral: Double? = nil) {
        guard let value = json[key], !value.isNull else { return }
        if let neutral, value.double == neutral { return }
        if value.array?.isEmpty ?? value.object?.isEmpty ?? (value == false) { return }
        refuseGiven(key)
    }

    /// Notes that a field that is given is not honoured.
    mutating func refuseGiven(_ key: String) {
        note([.string(key)], "value_error", "Value error, this server does not honour \(key); leave it out")
    }

    /// Notes a problem for each field that no interface of this kind has: a misspelt name would otherwise be a setting without effect.
    mutating func refuseUnknown(_ known: Set<String>) {
        for key in json.keys where !known.contains(key) {
            let name = String(key.prefix(60))
            note([.string(name)], "extra_forbidden", "Value error, there is no field \(name); leave it out")
        }
    }
}
