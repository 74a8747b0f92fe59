import Foundation
import Hummingbird
import JSON

extension Endpoints {
    /// `POST /generate` on the verbalizer, in the form that SGLang serves it, for clients that put the activation into the prompt
    /// themselves and send its embeddings: rows as they are behind the embedding layer and its scaling.
    func generate(_ request: RequestFields, _ context: StudioContext) async throws -> Response {
        let request = try await GenerationRequest(
            request, facts.verbalizer, width: facts.width, settings, pool)
        let exchange = try begin(context, describes)
        let writings = zip(request.inputs, request.parameters).map {
            $1.writing($0, .verbalizer, facts.verbalizer, seed: seed())
        }
        let begun = writings.flatMap { writing in
            writing.seeds.map { _ in
                Generation(
                    promptTokens: writing.input.count, maximumTokens: writing.maximumTokens,
                    showsLogProbabilities: request.returnsLogProbabilities)
            }
        }
        let isList = request.isBatch || begun.count > request.inputs.count
        let mailbox = scheduler.write(writings, exchange.ticket)
        guard request.streams else {
            defer { exchange.finish() }
            var generations = begun
            while let news = try await mailbox.next() {
                for event in news { generations[event.index].append(event) }
            }
            return Response(json: isList ? .array(generations.map { $0.json() }) : generations[0].json())
        }
        return EventStream.response(exchange, .openAI) { events in
            var generations = begun
            while let news = try await mailbox.next() {
                var changed: [Int] = []
                for event in news {
                    generations[event.index].append(event)
                    if !changed.contains(event.index) { changed.append(event.index) }
                }
                try await events.send(changed.map { generations[$0].json(index: isList ? $0 : nil) })
            }
            try await events.sendDone()
        }
    }

    /// `GET /get_model_info`: which model `/generate` runs.
    func generationModel() -> Response {
        Response(json: ["model_path": .string(facts.verbalizer.name), "is_generation": true])
    }
}

/// One text of `/generate` as it is written.
private struct Generation: Sendable {
    private let id = UUID().uuidString.replacingOccurrences(of: "-", with: "").lowercased()
    private let start = ContinuousClock.now
    private let promptTokens: Int
    private let maximumTokens: Int
    private let showsLogProbabilities: Bool
    private var text = ""
    private var ids: [Int32] = []
    private var logProbabilities: [Float] = []
    private var end: WrittenText.End?

    init(promptTokens: Int, maximumTokens: Int, showsLogProbabilities: Bool) {
        self.promptTokens = promptTokens
        self.maximumTokens = maximumTokens
        self.showsLogProbabilities = showsLogProbabilities
    }

    mutating func append(_ event: Scheduler.WritingEvent) {
        text += event.piece
        ids.append(event.id)
        logProbabilities.append(event.logProbability)
        end = event.end
    }

    /// All that was written so far, and what is known of it.
    func json(index: Int? = nil) -> JSONValue {
        var information = JSONObject([
            ("id", .string(id)), ("finish_reason", reason), ("prompt_tokens", .integer(promptTokens)),
            ("completion_tokens", .integer(ids.count)), ("cached_tokens", 0),
            ("e2e_latency", .number((ContinuousClock.now - start) / .seconds(1))),
        ])
        if showsLogProbabilities {
            information["output_token_logprobs"] = .array(
                zip(logProbabilities, ids).map { [.number(Double($0)), .integer(Int($1)), nil] })
        }
        var object = JSONObject()
        object["text"] = .string(text)
        object["output_ids"] = .array(ids.map { .integer(Int($0)) })
        object["meta_info"] = .object(information)
        if let index { object["index"] = .integer(index) }
        return .object(object)
    }

    private var reason: JSONValue {
        switch end {
        case nil: .null
        case .stopToken(let id): ["type": "stop", "matched": .integer(Int(id))]
        case .stopString(let text): ["type": "stop", "matched": .string(text)]
        case .length: ["type": "length", "length": .integer(maximumTokens)]
        }
    }
}
