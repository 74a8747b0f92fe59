import Foundation
import Hummingbird
import JSON

extension Endpoints {
    /// `POST /v1/completions`: the target goes on with texts, in the form of OpenAI's interface.
    func completions(_ request: RequestFields, _ context: StudioContext) async throws -> Response {
        let target = try target()
        try checkModel(request, target)
        let request = try await CompletionRequest(request, target, settings, pool)
        let exchange = try begin(context, sources)
        // Equal prompts are drawn from differently, unless the client or the server has a seed.
        let writings = request.prompts.map {
            request.parameters.writing(.tokens($0.ids), .target, target, seed: seed())
        }
        let mailbox = scheduler.write(writings, exchange.ticket)
        let begun = TextCompletion(model: target, request)
        guard request.streams else {
            defer { exchange.finish() }
            var completion = begun
            while let news = try await mailbox.next() { for event in news { completion.append(event) } }
            return Response(json: completion.json)
        }
        return EventStream.response(exchange, .openAI) { events in
            var completion = begun
            try await events.send(completion.openings)
            while let news = try await mailbox.next() {
                try await events.send(news.flatMap { completion.chunks($0) })
            }
            if request.showsUsage { try await events.send(completion.usageChunk) }
            try await events.sendDone()
        }
    }
}

/// The texts of `/v1/completions` as they are written, and how they are told.
private struct TextCompletion: Sendable {
    /// What is told of tokens, in lists that go together.
    private struct Lists: Sendable {
        var tokens: [JSONValue] = []
        var logProbabilities: [JSONValue] = []
        var alternatives: [JSONValue] = []
        var offsets: [JSONValue] = []
        var bytes: [JSONValue] = []

        mutating func append(_ token: TokenReport.Token, _ others: [TokenReport.Token], offset: Int) {
            func name(_ token: TokenReport.Token) -> String {
                let text = token.text
                return text.utf8.elementsEqual(token.bytes) ? text : "bytes:" + text
            }
            tokens.append(.string(name(token)))
            logProbabilities.append(.number(Double(token.logProbability)))
            // The written token is always among them.
            var object = JSONObject()
            for other in others + [token] { object[name(other)] = .number(Double(other.logProbability)) }
            alternatives.append(.object(object))
            offsets.append(.integer(offset))
            bytes.append(.array(token.bytes.map { .integer(Int($0)) }))
        }

        var json: JSONValue {
            [
                "tokens": .array(tokens), "token_logprobs": .array(logProbabilities),
                "top_logprobs": .array(alternatives), "text_offset": .array(offsets), "bytes": .array(bytes),
            ]
        }
    }

    private struct Text: Sendable {
        var text: String
        var count = 0
        var report: TokenReport
        var lists = Lists()
        /// Characters (Unicode scalars) before the next token.
        var offset: Int
        var logProbability = 0.0
        var end: WrittenText.End?

        /// How probable the model found it, a token on average.
        var meanLogProbability: Double { count > 0 ? logProbability / Double(count) : 0 }
    }

    private let id: String
    private let created = Int(Date().timeIntervalSince1970)
    private let model: ModelFacts.Writer
    private let request: CompletionRequest
    private var texts: [Text]

    init(model: ModelFacts.Writer, _ request: CompletionRequest) {
        self.model = model
        self.request = request
        id = OpenAIAnswer.id("cmpl", request.name)
        let report = TokenReport(model.tokenizer, skipsSpecialTokens: request.parameters.skipsSpecialTokens)
        texts = request.prompts.flatMap { prompt in
            [Text](
                repeating: Text(text: prompt.text, report: report, offset: prompt.text.unicodeScalars.count),
                count: request.parameters.count)
        }
    }

    /// Takes a token; returns what is told of it, null if that was not asked for.
    @discardableResult
    mutating func append(_ event: Scheduler.WritingEvent) -> JSONValue {
        texts[event.index].text += event.piece
        texts[event.index].count += 1
        texts[event.index].logProbability += Double(event.logProbability)
        texts[event.index].end = event.end
        guard request.showsLogProbabilities else { return .null }
        let (token, others) = texts[event.index].report.append(event)
        let offset = texts[event.index].offset
        texts[event.index].offset += token.bytes.count { $0 & 0xC0 != 0x80 }
        texts[event.index].lists.append(token, others, offset: offset)
        var own = Lists()
        own.append(token, others, offset: offset)
        return own.json
    }

    /// The whole answer: of each prompt's texts those that are told, most probable first where they are chosen.
    var json: JSONValue {
        let written = request.parameters.count
        let told = request.prompts.indices.flatMap { prompt -> [Text] in
            let own = texts[prompt * written..<(prompt + 1) * written]
            guard written > request.count else { return Array(own) }
            return Array(own.sorted { $0.meanLogProbability > $1.meanLogProbability }.prefix(request.count))
        }
        let choices = told.enumerated().map { index, text in
            choice(
                index, text.text, request.showsLogProbabilities ? text.lists.json : .null,
                OpenAIAnswer.reason(text.end))
        }
        return object(choices, usage)
    }

    /// The first chunks of a stream: the prompts, if they are told.
    var openings: [JSONValue] {
        guard request.echoes else { return [] }
        return texts.indices.map { object([choice($0, texts[$0].text, .null, nil)], nil) }
    }

    /// What a stream says of a token.
    mutating func chunks(_ event: Scheduler.WritingEvent) -> [JSONValue] {
        let report = append(event)
        guard !event.piece.isEmpty || request.showsLogProbabilities || event.end != nil else { return [] }
        let reason = event.end.map { OpenAIAnswer.reason($0) }
        return [object([choice(event.index, event.piece, report, reason)], nil)]
    }

    /// The last chunk of a stream that was asked to count.
    var usageChunk: JSONValue { object([], usage) }

    private func choice(_ index: Int, _ text: String, _ report: JSONValue, _ reason: String?) -> JSONValue {
        [
            "index": .integer(index), "text": .string(text), "logprobs": report, "finish_reason": JSONValue(reason),
        ]
    }

    private func object(_ choices: [JSONValue], _ usage: JSONValue?) -> JSONValue {
        var object = JSONObject([
            ("id", .string(id)), ("object", "text_completion"), ("created", .integer(created)),
            ("model", .string(model.name)), ("choices", .array(choices)),
        ])
        if let usage { object["usage"] = usage }
        return .object(object)
    }

    private var usage: JSONValue {
        OpenAIAnswer.usage(
            read: request.prompts.reduce(0) { $0 + $1.ids.count }, written: texts.reduce(0) { $0 + $1.count })
    }
}
