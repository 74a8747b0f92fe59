import Foundation
import Hummingbird
import JSON
import Tensors

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
        if let name = request.json["model"]?.string, name != target.name {
            throw ErrorReply(.notFound, "the model \(name.prefix(100)) is not served here; ask for \(target.name)")
        }
        let request = try ChatCompletionRequest(request, settings)
        var input = TextRequest(messages: request.messages)
        input.enableThinking = request.enableThinking
        let prompt = try EncodedText(input, target, limit: settings.maximumInputTokens)
        guard !prompt.ids.isEmpty else { throw InvalidRequest("the messages have no tokens", at: ["messages"]) }
        let exchange = try begin(context, sources)
        var random = Random(seed: request.seed ?? seed())
        let writing = Scheduler.Writing(
            model: .target, input: .tokens(prompt.ids), sampling: request.sampling,
            maximumTokens: request.maximumTokens, stopTokens: target.stopTokens,
            text: .init(stopStrings: request.stopStrings), seeds: (0..<request.count).map { _ in random.next() })
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
                completion.append(news)
                try await events.send(news.flatMap { completion.chunks($0) })
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
        var ids: [Int32] = []
        var logProbabilities: [Float] = []
        var end: WrittenText.End?
    }

    private let id = "chatcmpl-" + UUID().uuidString.replacingOccurrences(of: "-", with: "").lowercased()
    private let created = Int(Date().timeIntervalSince1970)
    private let model: ModelFacts.Writer
    private let promptTokens: Int
    private let showsLogProbabilities: Bool
    private var answers: [Answer]

    init(model: ModelFacts.Writer, promptTokens: Int, _ request: ChatCompletionRequest) {
        self.model = model
        self.promptTokens = promptTokens
        showsLogProbabilities = request.showsLogProbabilities
        answers = .init(repeating: Answer(), count: request.count)
    }

    mutating func append(_ events: [Scheduler.WritingEvent]) {
        for event in events {
            answers[event.index].text += event.piece
            answers[event.index].ids.append(event.id)
            answers[event.index].logProbabilities.append(event.logProbability)
            answers[event.index].end = event.end
        }
    }

    /// The whole answer.
    var json: JSONValue {
        let choices = answers.enumerated().map { index, answer -> JSONValue in
            [
                "index": .integer(index), "message": ["role": "assistant", "content": .string(answer.text)],
                "logprobs": logProbabilities(zip(answer.ids, answer.logProbabilities)),
                "finish_reason": .string(reason(answer.end)),
            ]
        }
        return object("chat.completion", choices, usage)
    }

    /// The first chunks of a stream: who speaks.
    var openings: [JSONValue] {
        answers.indices.map { chunk($0, ["role": "assistant", "content": ""], nil) }
    }

    /// What a stream says of a token.
    func chunks(_ event: Scheduler.WritingEvent) -> [JSONValue] {
        var chunks: [JSONValue] = []
        if !event.piece.isEmpty || showsLogProbabilities {
            chunks.append(
                chunk(
                    event.index, ["content": .string(event.piece)], nil,
                    logProbabilities(CollectionOfOne((event.id, event.logProbability)))))
        }
        if let end = event.end { chunks.append(chunk(event.index, [:], reason(end))) }
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
        let written = answers.reduce(0) { $0 + $1.ids.count }
        return [
            "prompt_tokens": .integer(promptTokens), "completion_tokens": .integer(written),
            "total_tokens": .integer(promptTokens + written),
        ]
    }

    private func logProbabilities(_ tokens: some Sequence<(Int32, Float)>) -> JSONValue {
        guard showsLogProbabilities else { return .null }
        return [
            "content": .array(
                tokens.map { id, logProbability in
                    let text = model.tokenizer.decode([id], skipSpecialTokens: false)
                    return [
                        "token": .string(text), "logprob": .number(Double(logProbability)),
                        "bytes": .array(text.utf8.map { .integer(Int($0)) }), "top_logprobs": [],
                    ]
                })
        ]
    }

    private func reason(_ end: WrittenText.End?) -> String { end == .length ? "length" : "stop" }
}
