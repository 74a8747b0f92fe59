import Autoencoder
import Hummingbird
import JSON

extension Endpoints {
    /// `POST /score`: how well words fit an activation.
    func score(_ request: RequestFields, _ context: StudioContext) async throws -> Response {
        var fields = request
        let words = fields.text(
            "description", isRequired: true, isNullable: false, limit: settings.maximumDescriptionCharacters)
        let activation = fields.vector("activation", width: facts.width)
        try fields.check()
        guard facts.hasReconstructor else {
            throw ErrorReply.unavailable(
                "this server has no reconstructor, so it scores nothing; start it with a pair (--nla)")
        }
        let exchange = try begin(context, scores)
        defer { exchange.finish() }
        let score = try await scheduler.score(words ?? "", against: activation ?? [], exchange.ticket)
        return Response(json: ["mse": .number(score.meanSquaredError), "cosine_similarity": .number(score.cosine)])
    }

    /// `POST /compare`: the difference a − b of two activations in words.
    func compare(_ request: RequestFields, _ context: StudioContext) async throws -> Response {
        var fields = request
        let a = fields.vector("activation_a", width: facts.width)
        let b = fields.vector("activation_b", width: facts.width)
        let writing = WritingFields(&fields, settings)
        try fields.check()
        let difference = zip(a ?? [], b ?? []).map { $0 - $1 }
        guard difference.contains(where: { $0 != 0 }) else {
            throw InvalidRequest(
                "the two activations are equal; there is no difference to describe", at: ["activation_b"])
        }
        guard difference.allSatisfy(\.isFinite) else {
            throw InvalidRequest(
                "the difference is too large for float32; scale both activations down", at: ["activation_b"])
        }
        let exchange = try begin(context, describes)
        defer { exchange.finish() }
        let mailbox = scheduler.describe(
            [difference], writing.options(seed: seed(), keys: [0], showsProgress: false), exchange.ticket)
        guard let description = try await finished(mailbox, count: 1).first else { throw CancellationError() }
        var result = description.contractFields
        result["diff_norm"] = .number(difference.norm)
        return Response(json: .object(result))
    }
}
