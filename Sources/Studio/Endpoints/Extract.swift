import Hummingbird
import JSON

extension Endpoints {
    /// `POST /extract`: the activation at every token of a text.
    func extract(_ request: RequestFields, _ context: StudioContext) async throws -> Response {
        var fields = request
        let text = try await readTextWithTokens(&fields)
        let exchange = try begin(context, sources)
        defer { exchange.finish() }
        let activations = try await scheduler.activations(text.ids, at: Array(text.ids.indices), exchange.ticket)
        let layer = facts.layer
        return try await pool.run(size: 8 * activations.count * facts.width) {
            Extraction.response(text, activations, layer: layer)
        }
    }
}

private enum Extraction {
    static func response(_ text: EncodedText, _ activations: [[Float]], layer: Int) -> Response {
        let tokens = activations.enumerated().map { position, activation -> JSONValue in
            var token = text.information(at: position)
            token["activation"] = .array(activation.map { .number(Double($0)) })
            token["l2_norm"] = .number(activation.norm)
            return .object(token)
        }
        return Response(json: ["layer_index": .integer(layer), "tokens": .array(tokens)])
    }
}

extension [Float] {
    /// ‖v‖₂, summed in float64.
    var norm: Double { reduce(0) { $0 + Double($1) * Double($1) }.squareRoot() }
}
