import JSON
import LanguageModel
import Tensors

/// A request for `/generate`: prompts, and how each is continued.
struct GenerationRequest {
    /// The prompts.
    let inputs: [Scheduler.Writing.Input]
    /// Whether they came as a list, so that the answer is one.
    let isBatch: Bool
    /// For each prompt.
    let parameters: [SamplingParameters]
    let returnsLogProbabilities: Bool
    let streams: Bool

    /// Reads and checks all fields. `text`, `input_ids` and `input_embeds` each take one prompt or a list of them.
    init(_ request: RequestFields, _ writer: ModelFacts.Writer, width: Int, _ settings: StudioSettings) throws {
        var fields = request
        let given = ["text", "input_ids", "input_embeds"].filter { fields.json[$0].map { !$0.isNull } ?? false }
        guard given.count == 1, let key = given.first, let value = fields.json[key] else {
            throw InvalidRequest("send exactly one of `text`, `input_ids` and `input_embeds`")
        }
        let reader = PromptReader(writer: writer, width: width, settings: settings)
        switch key {
        case "text": (inputs, isBatch) = reader.texts(value, &fields)
        case "input_ids": (inputs, isBatch) = reader.tokens(value, &fields)
        default: (inputs, isBatch) = reader.embeddings(value, &fields)
        }
        returnsLogProbabilities = fields.optionalBool("return_logprob") ?? false
        streams = fields.optionalBool("stream") ?? false
        parameters = try SamplingParameters.read(&fields, prompts: inputs.count, settings)
        try fields.check()
    }
}

/// Reads prompts, one or a list of them.
private struct PromptReader {
    typealias Inputs = (inputs: [Scheduler.Writing.Input], isBatch: Bool)
    let writer: ModelFacts.Writer
    let width: Int
    let settings: StudioSettings

    func texts(_ value: JSONValue, _ fields: inout RequestFields) -> Inputs {
        let isBatch = value.array != nil
        let list = batch(value.array ?? [value], "text", &fields)
        return (
            list.enumerated().compactMap { index, value in
                let place: [JSONValue] = isBatch ? ["text", .integer(index)] : ["text"]
                guard let text = value.string else {
                    fields.note(place, "string_type", "Input should be a valid string", input: value)
                    return nil
                }
                guard text.unicodeScalars.count <= settings.maximumInputCharacters else {
                    fields.note(
                        place, "string_too_long",
                        "String should have at most \(settings.maximumInputCharacters) characters")
                    return nil
                }
                return checked(writer.tokenizer.encode(text), place, &fields)
            }, isBatch
        )
    }

    func tokens(_ value: JSONValue, _ fields: inout RequestFields) -> Inputs {
        let isBatch = value[0]?.array != nil
        let list = batch(isBatch ? value.array ?? [] : [value], "input_ids", &fields)
        return (
            list.enumerated().compactMap { index, value in
                let place: [JSONValue] = isBatch ? ["input_ids", .integer(index)] : ["input_ids"]
                guard let numbers = value.array else {
                    fields.note(place, "list_type", "Input should be a valid list", input: value)
                    return nil
                }
                let ids = numbers.compactMap { $0.int.flatMap(Int32.init(exactly:)) }
                guard ids.count == numbers.count,
                    ids.allSatisfy({ $0 >= 0 && Int($0) < writer.vocabularySize })
                else {
                    fields.note(
                        place, "value_error",
                        "Value error, ids are whole numbers from 0 to \(writer.vocabularySize - 1), the model's vocabulary"
                    )
                    return nil
                }
                return checked(ids, place, &fields)
            }, isBatch
        )
    }

    func embeddings(_ value: JSONValue, _ fields: inout RequestFields) -> Inputs {
        let isBatch = value[0]?[0]?.array != nil
        let list = batch(isBatch ? value.array ?? [] : [value], "input_embeds", &fields)
        return (
            list.enumerated().compactMap { index, value in
                let place: [JSONValue] = isBatch ? ["input_embeds", .integer(index)] : ["input_embeds"]
                guard let rows = value.array else {
                    fields.note(place, "list_type", "Input should be a valid list", input: value)
                    return nil
                }
                guard isFitting(rows.count, place, &fields) else { return nil }
                return fields.vectors(rows, place, width: width).map { .embeddings($0) }
            }, isBatch
        )
    }

    private func batch(_ list: [JSONValue], _ key: String, _ fields: inout RequestFields) -> [JSONValue] {
        let limit = settings.maximumDescribeBatch
        guard !list.isEmpty, list.count <= limit else {
            fields.note(
                [.string(key)], "value_error",
                "Value error, \(list.count) prompts were sent; send between 1 and \(limit)")
            return []
        }
        return list
    }

    private func checked(
        _ ids: [Int32], _ place: [JSONValue], _ fields: inout RequestFields
    ) -> Scheduler.Writing.Input? {
        isFitting(ids.count, place, &fields) ? .tokens(ids) : nil
    }

    private func isFitting(_ count: Int, _ place: [JSONValue], _ fields: inout RequestFields) -> Bool {
        if count >= 1, count <= settings.maximumInputTokens { return true }
        fields.note(
            place, "value_error",
            "Value error, the prompt has \(count) tokens; send between 1 and \(settings.maximumInputTokens)")
        return false
    }
}

/// SGLang's sampling parameters, as far as they are honoured. One that would change the text and is not is refused by name.
struct SamplingParameters: Sendable {
    var sampling = Sampling(temperature: 1)
    var maximumTokens = 128
    var stopStrings: [String] = []
    var stopTokens: Set<Int32> = []
    var ignoresEndOfText = false
    var keepsStopString = false
    var skipsSpecialTokens = true
    /// Texts of each prompt.
    var count = 1
    var seed: UInt64?

    /// One set for all prompts, or a list with one for each.
    static func read(
        _ fields: inout RequestFields, prompts: Int, _ settings: StudioSettings
    ) throws -> [SamplingParameters] {
        guard let value = fields.json["sampling_params"], !value.isNull else {
            return .init(repeating: SamplingParameters(), count: prompts)
        }
        guard let list = value.array else {
            return .init(repeating: try one(value, ["body", "sampling_params"], &fields, settings), count: prompts)
        }
        guard list.count == prompts else {
            fields.note(
                ["sampling_params"], "value_error",
                "Value error, there are \(list.count) sets of parameters for \(prompts) prompts; send one, or as many as prompts"
            )
            return []
        }
        return try list.enumerated().map {
            try one($1, ["body", "sampling_params", .integer($0)], &fields, settings)
        }
    }

    private static func one(
        _ value: JSONValue, _ path: [JSONValue], _ outer: inout RequestFields, _ settings: StudioSettings
    ) throws -> SamplingParameters {
        var fields = try RequestFields(value, at: path)
        var result = SamplingParameters()
        result.maximumTokens = fields.integer(
            "max_new_tokens", default: min(128, settings.maximumNewTokens), in: 1...settings.maximumNewTokens,
            isNullable: true)
        result.sampling = fields.sampling(defaultTemperature: 1)
        result.stopStrings = fields.strings("stop")
        result.stopTokens = Set((fields.integers("stop_token_ids") ?? []).compactMap(Int32.init(exactly:)))
        result.ignoresEndOfText = fields.optionalBool("ignore_eos") ?? false
        result.keepsStopString = fields.optionalBool("no_stop_trim") ?? false
        result.skipsSpecialTokens = fields.optionalBool("skip_special_tokens") ?? true
        result.count = fields.integer("n", default: 1, in: 1...16, isNullable: true)
        if fields.json["sampling_seed"].map({ !$0.isNull }) ?? false {
            result.seed = UInt64(bitPattern: Int64(fields.integer("sampling_seed", default: 0, in: Int.min...Int.max)))
        }
        fields.refuse("min_p", unless: 0)
        fields.refuse("frequency_penalty", unless: 0)
        fields.refuse("presence_penalty", unless: 0)
        fields.refuse("repetition_penalty", unless: 1)
        fields.refuse("min_new_tokens", unless: 0)
        for key in ["json_schema", "regex", "ebnf", "structural_tag", "logit_bias"] { fields.refuse(key) }
        outer.adopt(fields)
        return result
    }

    /// The texts of one prompt.
    func writing(
        _ input: Scheduler.Writing.Input, _ writer: ModelFacts.Writer, seed: UInt64
    ) -> Scheduler.Writing {
        var random = Random(seed: self.seed ?? seed)
        return Scheduler.Writing(
            model: .verbalizer, input: input, sampling: sampling, maximumTokens: maximumTokens,
            stopTokens: stopTokens.union(ignoresEndOfText ? [] : writer.stopTokens),
            text: .init(
                stopStrings: stopStrings, keepsStopString: keepsStopString, skipsSpecialTokens: skipsSpecialTokens),
            seeds: (0..<count).map { _ in random.next() })
    }
}

extension RequestFields {
    /// `temperature`, `top_p` and `top_k`, as SGLang and OpenAI's interface name them; −1 for no `top_k`.
    mutating func sampling(defaultTemperature: Double) -> Sampling {
        let temperature = number("temperature", default: defaultTemperature, in: 0...5, isNullable: true)
        let share = number("top_p", default: 1, in: 0...1, isNullable: true)
        let count = integer("top_k", default: -1, in: -1...Int(Int32.max), isNullable: true)
        // A share of nothing leaves the most probable token, as temperature 0 does.
        return Sampling(
            temperature: share > 0 ? Float(temperature) : 0, topK: count > 0 ? count : nil,
            topP: share > 0 ? Float(share) : 1)
    }

    /// A string or a list of up to 16 strings; empty if absent or null. Each has between 1 and 256 characters.
    mutating func strings(_ key: String) -> [String] {
        guard let value = json[key], !value.isNull else { return [] }
        let list = value.array ?? [value]
        let strings = list.compactMap(\.string).filter { !$0.isEmpty && $0.unicodeScalars.count <= 256 }
        if strings.count != list.count || list.count > 16 {
            note(
                [.string(key)], "value_error",
                "Value error, send a string, or a list of at most 16, each of 1 to 256 characters")
            return []
        }
        return strings
    }

    /// Notes a problem if a field that is not honoured asks for anything but what happens anyway.
    mutating func refuse(_ key: String, unless neutral: Double? = nil) {
        guard let value = json[key], !value.isNull else { return }
        if let neutral, value.double == neutral { return }
        if value.array?.isEmpty ?? value.object?.isEmpty ?? (value == false) { return }
        note([.string(key)], "value_error", "Value error, this server does not honour \(key); leave it out")
    }
}
