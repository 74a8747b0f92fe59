import Hummingbird
import JSON

extension Endpoints {
    /// `POST /explain`: what the target has in mind at the tokens of a text.
    func explain(_ request: RequestFields, _ context: StudioContext) async throws -> Response {
        var fields = request
        let asked = fields.integers("positions", count: 0...settings.maximumPositions)
        let isReversed = fields.bool("reverse", default: true)
        let streams = fields.bool("stream", default: false)
        let writing = WritingFields(&fields, settings)
        let text = try await readTextWithTokens(&fields)
        let positions = try order(asked ?? [], of: text.ids.count, isReversed: isReversed)
        let exchange = try begin(context, explains)
        // The same position says the same at the same seed, whichever others are asked for.
        let options = writing.options(seed: seed(), keys: positions.map(UInt64.init), showsProgress: streams)
        guard streams else {
            defer { exchange.finish() }
            let activations = try await scheduler.activations(text.ids, at: positions, exchange.ticket)
            let descriptions = try await finished(
                scheduler.describe(activations, options, exchange.ticket), count: positions.count)
            let results = positions.indices.map { index in
                result(text, positions[index], activations[index], descriptions[index])
            }
            return Response(json: ["layer_index": .integer(facts.layer), "results": .array(results)])
        }
        return EventStream.response(exchange) { [self] events in
            try await events.send([
                "layer_index": .integer(facts.layer), "total": .integer(positions.count),
                "prompt_length": .integer(text.ids.count),
            ])
            let activations = try await scheduler.activations(text.ids, at: positions, exchange.ticket)
            let mailbox = scheduler.describe(activations, options, exchange.ticket)
            while let news = try await mailbox.next() {
                try await events.send(
                    news.map { event in
                        switch event {
                        case .progress(let index, let words):
                            ["position": .integer(positions[index]), "text": .string(words), "done": false]
                        case .finished(let index, let description):
                            result(text, positions[index], activations[index], description)
                        }
                    })
            }
            try await events.sendDone()
        }
    }

    /// The positions to explain, counted from the start, in the order in which they are worked on: those asked for, or all.
    private func order(_ asked: [Int], of count: Int, isReversed: Bool) throws -> [Int] {
        guard !asked.isEmpty else {
            guard count <= settings.maximumPositions else {
                throw InvalidRequest(
                    "the text has \(count) tokens, at most \(settings.maximumPositions) are explained at once; send `positions`",
                    at: ["positions"])
            }
            return isReversed ? (0..<count).reversed() : Array(0..<count)
        }
        let problems = asked.enumerated().filter { !(-count..<count).contains($1) }.map { index, position in
            ValidationProblem(
                location: ["body", "positions", .integer(index)],
                message: "Value error, position \(position) is outside the text, which has \(count) tokens",
                type: "value_error", input: .integer(position))
        }
        guard problems.isEmpty else { throw InvalidRequest(problems) }
        let positions = asked.map { $0 < 0 ? count + $0 : $0 }
        return isReversed ? positions.reversed() : positions
    }

    /// The contract's `ExplainResult`.
    private func result(
        _ text: EncodedText, _ position: Int, _ activation: [Float], _ description: Description
    ) -> JSONValue {
        var result = text.information(at: position)
        result["l2_norm"] = .number(activation.norm)
        for (key, value) in description.contractFields { result[key] = value }
        result["generated"] = false
        return .object(result)
    }
}
