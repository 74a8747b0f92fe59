import Autoencoder
import Hummingbird
import JSON
import LanguageModel
import Tensors

extension Endpoints {
    /// The fields that say how explanations are written.
    struct WritingFields {
        let temperature: Double
        let maximumTokens: Int

        init(_ fields: inout RequestFields, _ settings: StudioSettings, temperature standard: Double = 0.7) {
            temperature = fields.number("temperature", default: standard, in: 0...5)
            maximumTokens = fields.integer(
                "max_new_tokens", default: min(200, settings.maximumNewTokens), in: 1...settings.maximumNewTokens,
                excludes: true)
        }

        func options(seed: UInt64, keys: [UInt64], showsProgress: Bool) -> Scheduler.DescribingOptions {
            Scheduler.DescribingOptions(
                sampling: Sampling(temperature: Float(temperature)), maximumTokens: maximumTokens, seed: seed,
                keys: keys,
                showsProgress: showsProgress)
        }
    }

    /// `POST /describe`: activations into words, with scores if there is a reconstructor.
    func describe(_ request: RequestFields, _ context: StudioContext) async throws -> Response {
        var fields = request
        let vectors = fields.vectors(
            "activations", width: facts.width, count: 1...settings.maximumDescribeBatch)
        let writing = WritingFields(&fields, settings)
        let streams = fields.bool("stream", default: false)
        for (index, vector) in (vectors ?? []).enumerated() where !vector.contains(where: { $0 != 0 }) {
            fields.note(
                ["activations", .integer(index)], "value_error",
                "Value error, the vector is zero; it has no direction to put into words")
        }
        try fields.check()
        let activations = vectors ?? []
        let exchange = try begin(context, describes)
        let options = writing.options(
            seed: seed(), keys: activations.indices.map(UInt64.init), showsProgress: streams)
        let mailbox = scheduler.describe(activations, options, exchange.ticket)
        guard streams else {
            defer { exchange.finish() }
            let results = try await finished(mailbox, count: activations.count)
            return Response(json: ["results": .array(results.map { .object($0.contractFields) })])
        }
        return EventStream.response(exchange) { events in
            while let news = try await mailbox.next() {
                try await events.send(
                    news.map { event in
                        switch event {
                        case .progress(let index, let text):
                            return ["index": .integer(index), "text": .string(text), "done": false]
                        case .finished(let index, let description):
                            var frame = JSONObject([("index", .integer(index))])
                            for (key, value) in description.contractFields { frame[key] = value }
                            return .object(frame)
                        }
                    })
            }
            try await events.sendDone()
        }
    }

    /// All descriptions of a request, in the order of its activations.
    func finished(_ mailbox: Mailbox<Scheduler.DescribingEvent>, count: Int) async throws -> [Description] {
        var results = [Description?](repeating: nil, count: count)
        while let news = try await mailbox.next() {
            for case .finished(let index, let description) in news { results[index] = description }
        }
        return results.compactMap { $0 }
    }
}

extension Description {
    /// The contract's `DescriptionResult`.
    var contractFields: JSONObject {
        JSONObject([
            ("description", .string(explanation.description)), ("mse", JSONValue(score?.meanSquaredError)),
            ("cosine_similarity", JSONValue(score?.cosine)),
        ])
    }
}
