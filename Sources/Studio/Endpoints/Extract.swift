import Hummingbird
import JSON

extension Endpoints {
    /// `POST /extract`: the activation at every token of a text.
    func extract(_ request: RequestFields, _ context: StudioContext) async throws -> Response {
        var fields = request
        let text = try readTextWithTokens(&fields)
        let exchange = try begin(context, sources)
        defer { exchange.finish() }
        let activations = try await scheduler.activations(text.ids, at: Array(text.ids.indices), exchange.ticket)
        let tokens = activations.enumerated().map { position, activation -> JSONValue in
            var token = text.information(at: position)
            token["activation"] = .array(activation.map { .number(Double($0)) })
            token["l2_norm"] = .number(activation.norm)
            return .object(token)
        }
        return Response(json: ["layer_index": .integer(facts.layer), "tokens": .array(tokens)])
    }
}

extension [Float] {
    /// ‖v‖₂, summed in float64.
    var norm: Double { reduce(0) { $0 + Double($1) * Double($1) }.squareRoot() }
}
