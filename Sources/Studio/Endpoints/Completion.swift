import Hummingbird
import JSON
import Tensors

extension Endpoints {
    /// `POST /completion`: a text continued by the target, as tokens.
    func completion(_ request: RequestFields, _ context: StudioContext) async throws -> Response {
        var fields = request
        let most = settings.maximumCompletionTokens
        // More than the server writes is asked for in good faith, and cut.
        let count = min(most, fields.integer("completion_tokens", default: min(16, most), in: 1...Int.max))
        let temperature = fields.number("temperature", default: 0.7, in: 0...5)
        let streams = fields.bool("stream", default: false)
        let text = try await readTextWithTokens(&fields)
        let exchange = try begin(context, sources)
        let target = try target()
        let writing = Scheduler.Writing(
            model: .target, input: .tokens(text.ids), sampling: Sampling(temperature: Float(temperature)),
            maximumTokens: count, stopTokens: target.stopTokens, text: .init(skipsSpecialTokens: false),
            seeds: [seed()])
        let mailbox = scheduler.write([writing], exchange.ticket)
        let start = Continued(text, target)
        guard streams else {
            defer { exchange.finish() }
            var continued = start, tokens = text.tokens
            while let news = try await mailbox.next() { tokens += continued.append(news) }
            tokens += continued.finish()
            return Response(json: [
                "tokens": .array(tokens), "prompt_length": .integer(text.ids.count), "text": .string(continued.text),
            ])
        }
        return EventStream.response(exchange) { events in
            var continued = start
            try await events.send([
                "type": "prompt", "prompt_length": .integer(text.ids.count), "tokens": .array(text.tokens),
            ])
            func frames(_ tokens: [JSONValue]) -> [JSONValue] { tokens.map { ["type": "token", "token": $0] } }
            while let news = try await mailbox.next() { try await events.send(frames(continued.append(news))) }
            try await events.send(frames(continued.finish()))
            try await events.send(["type": "done", "text": .string(continued.text)])
        }
    }

    /// A text that is being continued: new tokens as clients see them, whole characters at a time.
    private struct Continued {
        private(set) var text: String
        private var readable: ReadableTokens
        private var position: Int
        private var waiting: [Int32] = []
        private let span: ChatSpan?

        init(_ prompt: EncodedText, _ target: ModelFacts.Writer) {
            text = prompt.text
            readable = ReadableTokens(target.tokenizer)
            position = prompt.ids.count
            // In a chat what is written are the words of the answer: a new message, or the one that was left open.
            span = prompt.spans.last.map { last in
                let next = (prompt.spans.compactMap(\.message).last ?? -1) + 1
                return ChatSpan(
                    section: .content, message: last.message ?? next, role: last.role ?? "assistant",
                    channel: last.channel, byteEnd: 0)
            }
        }

        /// The token that ends a text is no part of it.
        mutating func append(_ events: [Scheduler.WritingEvent]) -> [JSONValue] {
            events.flatMap { event -> [JSONValue] in
                text += event.piece
                if case .stopToken = event.end { return [] }
                waiting.append(event.id)
                return shown(readable.append(event.id))
            }
        }

        mutating func finish() -> [JSONValue] { shown(readable.finish()) }

        private mutating func shown(_ tokens: [ReadableToken]) -> [JSONValue] {
            let shown = zip(tokens, waiting).enumerated().map { index, pair in
                JSONValue.object(
                    TokenInformation.json(pair.0, pair.1, position: position + index, span: span))
            }
            position += shown.count
            waiting.removeFirst(shown.count)
            return shown
        }
    }
}
