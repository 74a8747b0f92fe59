import Foundation
import Hummingbird
import JSON

extension Endpoints {
    /// `GET /v1/models`: the target.
    func listModels() -> Response {
        let models = facts.target.map { target -> [JSONValue] in
            [
                [
                    "id": .string(target.name), "object": "model", "created": .integer(started),
                    "owned_by": "interlinear", "max_model_len": .integer(settings.maximumInputTokens),
                ]
            ]
        }
        return Response(json: ["object": "list", "data": .array(models ?? [])])
    }

    /// `POST /v1/chat/completions`: the target answers a chat, in the form of OpenAI's interface.
    func chat(_ request: RequestFields, _ context: StudioContext) async throws -> Response {
        let target = try target()
        try checkModel(request, target)
        let request = try ChatCompletionRequest(request, target, settings)
        let prompt = try await encode(request.input, addsSpecialTokens: request.addsSpecialTokens)
        guard !prompt.ids.isEmpty else { throw InvalidRequest("the messages have no tokens", at: ["messages"]) }
        let exchange = try begin(context, sources)
        let writing = request.parameters.writing(.tokens(prompt.ids), .target, target, seed: seed())
        let mailbox = scheduler.write([writing], exchange.ticket)
        let begun = ChatCompletion(model: target, promptTokens: prompt.ids.count, request)
        guard request.streams else {
            defer { exchange.finish() }
            var completion = begun
            while let news = try await mailbox.next() { completion.append(news) }
            return Response(json: completion.json)
        }
        return EventStream.response(exchange, .openAI) { events in
            var completion = begun
            try await events.send(completion.openings)
            while let news = try await mailbox.next() {
                let tokens = completion.append(news)
                try await events.send(zip(news, tokens).flatMap { completion.chunks($0, $1) })
            }
            if request.showsUsage { try await events.send(completion.usageChunk) }
            try await events.sendDone()
        }
    }
}

/// The answers to a chat as they are written, and how they are told.
private struct ChatCompletion: Sendable {
    private struct Answer: Sendable {
        var text = ""
        var count = 0
        var report: TokenReport
        /// What is told of each token.
        var tokens: [JSONValue] = []
        var end: WrittenText.End?
    }

    private let id: String
    private let created = Int(Date().timeIntervalSince1970)
    private let model: ModelFacts.Writer
    private let promptTokens: Int
    private let showsLogProbabilities: Bool
    private var answers: [Answer]

    init(model: ModelFacts.Writer, promptTokens: Int, _ request: ChatCompletionRequest) {
        self.model = model
        self.promptTokens = promptTokens
        id = OpenAIAnswer.id("chatcmpl", request.name)
        showsLogProbabilities = request.showsLogProbabilities
        let report = TokenReport(model.tokenizer, skipsSpecialTokens: request.parameters.skipsSpecialTokens)
        answers = .init(repeating: Answer(report: report), count: request.parameters.count)
    }

    /// Takes tokens; returns what is told of each, null if that was not asked for.
    @discardableResult
    mutating func append(_ events: [Scheduler.WritingEvent]) -> [JSONValue] {
        events.map { event in
            answers[event.index].text += event.piece
            answers[event.index].count += 1
            answers[event.index].end = event.end
            guard showsLogProbabilities else { return .null }
            let (token, alternatives) = answers[event.index].report.append(event)
            var object = token.json
            object["top_logprobs"] = .array(alternatives.map { .object($0.json) })
            answers[event.index].tokens.append(.object(object))
            return .object(object)
        }
    }

    /// The whole answer.
    var json: JSONValue {
        let choices = answers.enumerated().map { index, answer -> JSONValue in
            [
                "index": .integer(index), "message": ["role": "assistant", "content": .string(answer.text)],
                "logprobs": logProbabilities(answer.tokens),
                "finish_reason": .string(OpenAIAnswer.reason(answer.end)),
            ]
        }
        return object("chat.completion", choices, usage)
    }

    /// The first chunks of a stream: who speaks.
    var openings: [JSONValue] {
        answers.indices.map { chunk($0, ["role": "assistant", "content": ""], nil) }
    }

    /// What a stream says of a token, whose report is `token`.
    func chunks(_ event: Scheduler.WritingEvent, _ token: JSONValue) -> [JSONValue] {
        var chunks: [JSONValue] = []
        if !event.piece.isEmpty || showsLogProbabilities {
            chunks.append(
                chunk(
                    event.index, ["content": .string(event.piece)], nil,
                    logProbabilities([token])))
        }
        if let end = event.end { chunks.append(chunk(event.index, [:], OpenAIAnswer.reason(end))) }
        return chunks
    }

    /// The last chunk of a stream that was asked to count.
    var usageChunk: JSONValue { object("chat.completion.chunk", [], usage) }

    private func chunk(
        _ index: Int, _ delta: JSONValue, _ reason: String?, _ logProbabilities: JSONValue = .null
    ) -> JSONValue {
        object(
            "chat.completion.chunk",
            [
                [
                    "index": .integer(index), "delta": delta, "logprobs": logProbabilities,
                    "finish_reason": JSONValue(reason),
                ]
            ], nil)
    }

    private func object(_ kind: String, _ choices: [JSONValue], _ usage: JSONValue?) -> JSONValue {
        var object = JSONObject([
            ("id", .string(id)), ("object", .string(kind)), ("created", .integer(created)),
            ("model", .string(model.name)), ("choices", .array(choices)),
        ])
        if let usage { object["usage"] = usage }
        return .object(object)
    }

    private var usage: JSONValue {
        OpenAIAnswer.usage(read: promptTokens, written: answers.reduce(0) { $0 + $1.count })
    }

    private func logProbabilities(_ tokens: [JSONValue]) -> JSONValue {
        showsLogProbabilities ? ["content": .array(tokens)] : .null
    }
}
