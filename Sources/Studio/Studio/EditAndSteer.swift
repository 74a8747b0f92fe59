import Autoencoder
import Foundation
import Hummingbird
import JSON
import LanguageModel
import Tensors
import Tokenization

extension StudioEndpoints {
    private static let nearestCount = 8

    // MARK: Editing

    /// `POST /studio/readings/ID/edit`: what edited words are worth as a stand-in for the activation.
    func edit(_ id: Int64, _ request: RequestFields, _ context: StudioContext) async throws -> Response {
        var fields = request
        let record = try await library.reading(id)
        let pair = pair(&fields, of: record)
        let text = try encoded(record)
        let position = position(&fields, "position", of: text.ids.count)
        let words = words(&fields, "text")
        let explanation = fields.text("explanation").flatMap(Int64.init)
        let keeps = fields.bool("keep", default: false)
        try fields.check()
        try needReconstructor(pair)
        let before = try await explanation.asyncMap { try await self.library.explanation($0) }
        if let before, before.readingID != id || before.position.value != position {
            throw InvalidRequest("explanation \(before.id ?? 0) is of another token", at: ["explanation"])
        }
        let exchange = try server.begin(context, server.scores)
        defer { exchange.finish() }
        let vector = try await pair.scheduler.activations(text.ids, at: [position], exchange.ticket)[0]
        let rebuilt = try await pair.scheduler.reconstructions(
            [words] + (before.map { [$0.description] } ?? []), exchange.ticket)
        let score = try StudioEndpoints.score(rebuilt[0], vector)
        var answer = scores(score, pair)
        answer["original"] = .null
        answer["moved"] = .null
        if rebuilt.count > 1 {
            answer["original"] = .object(scores(try StudioEndpoints.score(rebuilt[1], vector), pair))
            answer["moved"] = .number(try StudioEndpoints.score(rebuilt[0], rebuilt[1]).cosine)
        }
        answer["nearest"] = try await nearest(to: rebuilt[0], pair, exchange.ticket)
        let claims = claims(words, nil, text, at: position)
        answer["claims"] = claims.json
        if keeps, let place = Position(position) {
            let kept = ExplanationRecord(
                readingID: id, created: Timestamp.now, pair: pair.facts.pairName, position: place,
                token: text.tokens[position], sample: .zero, text: words, description: words, complete: true,
                mse: score.meanSquaredError, cosine: score.cosine, explained: pair.facts.explained(score),
                norm: vector.norm, temperature: 0, origin: .edited, claims: claims, activation: StoredVector(vector))
            answer["kept"] = .object(try await library.add([kept])[0].json)
        }
        return Response(json: .object(answer))
    }

    private func words(_ fields: inout RequestFields, _ key: String) -> String {
        let words =
            fields.text(
                key, isRequired: true, isNullable: false, limit: settings.maximumDescriptionCharacters) ?? ""
        return words.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    static func score(_ a: [Float], _ b: [Float]) throws -> Scores.Row {
        try Scores.rows(Tensor(a, shape: [1, a.count]), Tensor(b, shape: [1, b.count]))[0]
    }

    private func scores(_ score: Scores.Row, _ pair: ServedPair) -> JSONObject {
        JSONObject([
            ("cosine_similarity", .number(score.cosine)), ("mse", .number(score.meanSquaredError)),
            ("variance_explained", JSONValue(pair.facts.explained(score))),
        ])
    }

    /// The stored explanations whose activations are nearest to a vector.
    private func nearest(to vector: [Float], _ pair: ServedPair, _ ticket: Ticket) async throws -> JSONValue {
        let ranked = try await library.nearest(
            to: vector, ofPair: pair.facts.pairName, count: StudioEndpoints.nearestCount
        ) {
            if let loss = ticket.loss(at: .now) { throw loss }
        }
        var found: [JSONValue] = []
        for neighbour in ranked {
            // Somebody may have deleted it meanwhile.
            guard let item = try? await library.explanation(neighbour.id),
                let reading = try? await library.reading(item.readingID)
            else { continue }
            found.append([
                "explanation": .string("\(neighbour.id)"), "reading": .string("\(item.readingID)"),
                "title": .string(reading.title), "position": item.position.json, "token": .string(item.token),
                "description": .string(item.description), "cosine_similarity": .number(neighbour.cosine),
            ])
        }
        return .array(found)
    }

    // MARK: Steering

    /// What stands in the activation's place, in the order told.
    private static let variants = ["clean", "edited", "reconstruction", "random"]

    /// `POST /studio/readings/ID/steer`: pushes a change of words into the target, and lets it write on.
    func steer(_ id: Int64, _ request: RequestFields, _ context: StudioContext) async throws -> Response {
        var fields = request
        let record = try await library.reading(id)
        let pair = pair(&fields, of: record)
        let text = try encoded(record)
        let position = position(&fields, "position", of: text.ids.count)
        let edited = words(&fields, "text"), original = words(&fields, "original")
        let strength = fields.number("strength", default: 1, in: 0...4)
        let count = fields.integer("max_new_tokens", default: 16, in: 1...settings.maximumCompletionTokens)
        let temperature = fields.number("temperature", default: 0, in: 0...5)
        let seed = fields.seed() ?? server.seed()
        try fields.check()
        try needReconstructor(pair)
        let target = try server.target()
        let exchange = try server.begin(context, server.sources)
        let steering = Scheduler.Steering(
            ids: Array(text.ids[...position]), layer: pair.facts.layer, vectors: [],
            sampling: Sampling(temperature: Float(temperature)), maximumTokens: count, stopTokens: target.stopTokens,
            seed: seed)
        let continuing = pairs[0].scheduler
        return EventStream.response(exchange) { events in
            var steering = steering
            let vector = try await pair.scheduler.activations(text.ids, at: [position], exchange.ticket)[0]
            let rebuilt = try await pair.scheduler.reconstructions([edited, original], exchange.ticket)
            steering.vectors = try StudioEndpoints.pushed(
                vector, edited: rebuilt[0], original: rebuilt[1], strength: strength, seed: seed)
            let mailbox = continuing.steer(steering, exchange.ticket)
            while let news = try await mailbox.next() {
                try await events.send(news.map { StudioEndpoints.frame($0, target) })
            }
            try await events.sendDone()
        }
    }

    /// The vectors of the variants. Reconstructions say a direction alone; they are given the activation's length.
    static func pushed(
        _ vector: [Float], edited: [Float], original: [Float], strength: Double, seed: UInt64
    ) throws -> [[Float]?] {
        let norm = vector.norm
        func scaled(_ other: [Float]) -> [Float] {
            let own = other.norm
            return own > 0 ? other.map { Float(Double($0) * norm / own) } : other
        }
        let before = scaled(original)
        let change = zip(scaled(edited), before).map { Float(strength) * ($0 - $1) }
        var random = Random(seed: seed, 0x7573_6865)
        let noise = (0..<vector.count).map { _ in Float(random.normal()) }
        let length = change.norm / max(noise.norm, 1e-12)
        let push = noise.map { Float(Double($0) * length) }
        let all = [zip(vector, change).map(+), before, zip(vector, push).map(+)]
        guard all.joined().allSatisfy(\.isFinite) else { throw Failure.notANumber }
        return [nil] + all
    }

    private static func frame(_ event: Scheduler.SteeringEvent, _ target: ModelFacts.Writer) -> JSONValue {
        switch event {
        case .expected(let branches):
            return [
                "variants": .array(
                    zip(variants, branches).map { name, next in
                        [
                            "name": .string(name), "kl": .number(next.divergence),
                            "next": .array(
                                next.likeliest.map { id, probability in
                                    [
                                        "token": .string(target.tokenizer.decode([id], skipSpecialTokens: false)),
                                        "token_id": .integer(Int(id)), "probability": .number(probability),
                                    ]
                                }),
                        ]
                    })
            ]
        case .written(let branch, let text, let isDone):
            return ["name": .string(variants[branch]), "text": .string(text), "done": .bool(isDone)]
        }
    }
}

extension Optional {
    /// `map` for what takes its time.
    func asyncMap<Result>(_ body: (Wrapped) async throws -> Result) async rethrows -> Result? {
        guard let self else { return nil }
        return try await body(self)
    }
}
