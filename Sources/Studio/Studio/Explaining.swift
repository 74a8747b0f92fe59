import Autoencoder
import Claims
import Faithfulness
import Foundation
import Hummingbird
import JSON
import LanguageModel
import Tensors

extension StudioEndpoints {
    /// Explanations that one request may ask for.
    private static let maximumSamples = 16

    /// `POST /studio/readings/ID/explain`: explains tokens; each explanation is in the library before it is told.
    func explain(_ id: Int64, _ request: RequestFields, _ context: StudioContext) async throws -> Response {
        var fields = request
        let record = try await library.reading(id)
        let pair = pair(&fields, of: record)
        let text = try encoded(record)
        let asked = fields.integers("positions", isRequired: true, count: 1...settings.maximumPositions) ?? []
        let samples = fields.integer("samples", default: 1, in: 1...StudioEndpoints.maximumSamples)
        let temperature = fields.number("temperature", default: samples > 1 ? 1 : 0, in: 0...5)
        let maximumTokens = fields.integer(
            "max_new_tokens", default: min(200, settings.maximumNewTokens), in: 1...settings.maximumNewTokens)
        let seed = fields.seed() ?? server.seed()
        let positions = fields.positions(asked, of: text.ids.count)
        try fields.check()
        let exchange = try server.begin(context, server.explains)
        let job = ExplainingJob(
            self, pair, reading: id, text, positions, samples: samples, temperature: temperature,
            maximumTokens: maximumTokens, seed: seed, exchange.ticket)
        return EventStream.response(exchange) { events in
            try await events.send(["total": .integer(positions.count * samples)])
            try await job.run(&events)
            try await events.sendDone()
        }
    }
}

/// One request for explanations.
private struct ExplainingJob: Sendable {
    private let studio: StudioEndpoints
    private let pair: ServedPair
    private let reading: Int64
    private let text: Readings.Encoded
    private let positions: [Int]
    private let samples: Int
    private let temperature: Double
    private let maximumTokens: Int
    private let seed: UInt64
    private let ticket: Ticket

    init(
        _ studio: StudioEndpoints, _ pair: ServedPair, reading: Int64, _ text: Readings.Encoded, _ positions: [Int],
        samples: Int, temperature: Double, maximumTokens: Int, seed: UInt64, _ ticket: Ticket
    ) {
        self.studio = studio
        self.pair = pair
        self.reading = reading
        self.text = text
        self.positions = positions
        self.samples = samples
        self.temperature = temperature
        self.maximumTokens = maximumTokens
        self.seed = seed
        self.ticket = ticket
    }

    /// The confidence was fitted to what the verbalizer says at temperature 0, and says nothing of anything else.
    private var reach: Int? { temperature == 0 ? pair.facts.confidenceReach : nil }

    func run(_ events: inout EventStream) async throws {
        let needed = Set(
            positions + positions.flatMap { position in reach.map { text.neighbours(of: position, reach: $0) } ?? [] }
        )
        .sorted()
        let vectors = Dictionary(
            uniqueKeysWithValues: zip(needed, try await pair.scheduler.activations(text.ids, at: needed, ticket)))
        // Sample 0 of a position says the same at the same seed, whichever others are asked for.
        let options = Scheduler.DescribingOptions(
            sampling: Sampling(temperature: Float(temperature)), maximumTokens: maximumTokens, seed: seed,
            keys: positions.flatMap { position in (0..<samples).map { UInt64(position) | UInt64($0) << 32 } },
            showsProgress: true)
        let mailbox = pair.scheduler.describe(
            positions.flatMap { [[Float]](repeating: vectors[$0] ?? [], count: samples) }, options, ticket)
        var finished = [[Description?]](repeating: .init(repeating: nil, count: samples), count: positions.count)
        while let news = try await mailbox.next() {
            for event in news {
                switch event {
                case .progress(let index, let words):
                    try await events.send([
                        "position": .integer(positions[index / samples]), "sample": .integer(index % samples),
                        "text": .string(words), "done": false,
                    ])
                case .finished(let index, let description):
                    let place = index / samples
                    finished[place][index % samples] = description
                    let row = finished[place].compactMap(\.self)
                    guard row.count == samples else { continue }
                    try await events.send(try await store(row, at: positions[place], vectors))
                }
            }
        }
    }

    /// Puts a token's explanations into the library; returns what the page is told of them.
    private func store(_ row: [Description], at position: Int, _ vectors: [Int: [Float]]) async throws -> [JSONValue] {
        guard let place = Position(position) else { return [] }
        let vector = vectors[position] ?? []
        let claims = row.map { Set(studio.facts.grammar.read($0.explanation.description).claims) }
        var records: [ExplanationRecord] = []
        for (sample, description) in zip(row.indices.compactMap(SampleIndex.init), row) {
            let sentences = try await sentences(description, at: position, vectors)
            let words = description.explanation
            records.append(
                ExplanationRecord(
                    readingID: reading, created: Timestamp.now, pair: pair.facts.pairName, position: place,
                    token: text.tokens[position], sample: sample, text: words.text, description: words.description,
                    complete: words.isComplete, mse: description.score?.meanSquaredError,
                    cosine: description.score?.cosine, explained: pair.facts.explained(description.score),
                    norm: vector.norm, temperature: temperature, seed: "\(seed)",
                    agreement: ExplainingJob.agreement(of: sample.value, claims), origin: .model,
                    claims: studio.claims(words.description, sentences, text, at: position),
                    activation: StoredVector(vector)))
        }
        return try await studio.library.add(records).map { record in
            var frame = record.json
            frame["done"] = true
            return .object(frame)
        }
    }

    private func sentences(
        _ description: Description, at position: Int, _ vectors: [Int: [Float]]
    ) async throws -> [ConfidenceReader.Sentence]? {
        guard let reach else { return nil }
        let neighbours = text.neighbours(of: position, reach: reach).map {
            (vector: vectors[$0] ?? [], isLater: $0 > position)
        }
        return try await pair.scheduler.sentences(
            of: description.explanation, activation: vectors[position] ?? [], neighbours: neighbours,
            key: UInt64(position), ticket)
    }

    /// The share of the other samples that make a sample's claims, averaged over its claims; nil for one without claims or others.
    private static func agreement(of sample: Int, _ claims: [Set<Fact>]) -> Double? {
        let own = claims[sample], others = claims.count - 1
        guard !own.isEmpty, others > 0 else { return nil }
        let shared = own.reduce(0) { sum, claim in sum + claims.count { $0.contains(claim) } - 1 }
        return Double(shared) / Double(own.count * others)
    }
}

extension ModelFacts {
    /// The share of variance that a score explains; nil where the denominator is not known.
    func explained(_ score: Scores.Row?) -> Double? {
        guard let score, let variance, variance > 0 else { return nil }
        return 1 - score.meanSquaredError / variance
    }
}

extension RequestFields {
    /// Positions counted from the start, each once, in the order asked. Notes those outside the text.
    mutating func positions(_ asked: [Int], of count: Int, key: String = "positions") -> [Int] {
        var known: Set<Int> = []
        return asked.enumerated().compactMap { index, position in
            guard (-count..<count).contains(position) else {
                note(
                    [.string(key), .integer(index)], "value_error",
                    "Value error, position \(position) is outside the text, which has \(count) tokens")
                return nil
            }
            let place = position < 0 ? count + position : position
            return known.insert(place).inserted ? place : nil
        }
    }

    /// The seed that a request names, if it does.
    mutating func seed() -> UInt64? {
        guard let value = json["seed"], !value.isNull else { return nil }
        if let text = value.string, let seed = UInt64(text) { return seed }
        return UInt64(integer("seed", default: 0, in: 0...Int.max))
    }
}
