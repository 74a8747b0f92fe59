import Autoencoder
import Hummingbird
import JSON
import Tensors

extension StudioEndpoints {
    /// `POST /studio/readings/ID/compare`: what two activations do not share, in words, both ways.
    func compare(_ id: Int64, _ request: RequestFields, _ context: StudioContext) async throws -> Response {
        var fields = request
        let record = try await library.reading(id)
        let pair = pair(&fields, of: record)
        let text = try encoded(record)
        let position = position(&fields, "position", of: text.ids.count)
        let otherID = fields.text("other_reading")
        if let otherID, Int64(otherID) == nil {
            fields.note(["other_reading"], "value_error", "Value error, this is no reading's number")
        }
        try fields.check()
        let other =
            try await otherID.flatMap(Int64.init).asyncMap { try await self.encoded(self.library.reading($0)) } ?? text
        let otherPosition = self.position(&fields, "other_position", of: other.ids.count)
        let writing = Endpoints.WritingFields(&fields, settings, temperature: 0)
        try fields.check()
        let exchange = try server.begin(context, server.describes)
        defer { exchange.finish() }
        async let first = pair.scheduler.activations(text.ids, at: [position], exchange.ticket)
        async let second = pair.scheduler.activations(other.ids, at: [otherPosition], exchange.ticket)
        let (a, b) = try await (first[0], second[0])
        let difference = zip(a, b).map { $0 - $1 }
        guard difference.contains(where: { $0 != 0 }) else {
            throw InvalidRequest(
                "the two tokens hold the same; there is no difference to put into words", at: ["other_position"])
        }
        guard difference.allSatisfy(\.isFinite) else { throw Failure.notANumber }
        let mailbox = pair.scheduler.describe(
            [difference, difference.map { -$0 }],
            writing.options(seed: server.seed(), keys: [0, 1], showsProgress: false), exchange.ticket)
        let descriptions = try await server.finished(mailbox, count: 2)
        guard descriptions.count == 2 else { throw CancellationError() }
        return Response(json: [
            "description": .string(descriptions[0].explanation.description),
            "reverse": .string(descriptions[1].explanation.description),
            "cosine_similarity": .number(try StudioEndpoints.score(a, b).cosine),
        ])
    }

    /// `POST /studio/readings/ID/layers`: the same tokens under every pair that is loaded.
    func layers(_ id: Int64, _ request: RequestFields, _ context: StudioContext) async throws -> Response {
        var fields = request
        let text = try encoded(await library.reading(id))
        let asked = fields.integers("positions", isRequired: true, count: 1...settings.maximumPositions) ?? []
        let positions = fields.positions(asked, of: text.ids.count)
        try fields.check()
        let exchange = try server.begin(context, server.explains)
        defer { exchange.finish() }
        var rows: [JSONValue] = []
        for pair in pairs.sorted(by: { $0.facts.layer < $1.facts.layer }) {
            let vectors = try await pair.scheduler.activations(text.ids, at: positions, exchange.ticket)
            let mailbox = pair.scheduler.describe(
                vectors,
                Scheduler.DescribingOptions(
                    sampling: Sampling(temperature: 0), maximumTokens: min(200, settings.maximumNewTokens), seed: 0,
                    keys: positions.map(UInt64.init), showsProgress: false), exchange.ticket)
            let descriptions = try await server.finished(mailbox, count: positions.count)
            rows.append([
                "pair": .string(pair.facts.pairName), "layer": .integer(pair.facts.layer),
                "cells": .array(
                    zip(positions, descriptions).map { position, description in
                        [
                            "position": .integer(position),
                            "cosine_similarity": JSONValue(description.score?.cosine),
                            "variance_explained": JSONValue(pair.facts.explained(description.score)),
                            "description": .string(description.explanation.description),
                        ]
                    }),
            ])
        }
        return Response(json: ["layers": .array(rows)])
    }
}
