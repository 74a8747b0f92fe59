import Foundation
import JSON
import LanguageModel
import Tokenization

/// The verbalizer's prompt, split where the activation goes: what stands before it is the same for all activations and computed
/// once; what follows depends on the activation.
public struct VerbalizerPrompt: Sendable, Equatable {
    /// The ids before the marker.
    public let prefix: [Int32]
    /// The marker and the ids behind it.
    public let suffix: [Int32]
    /// All ids.
    public var ids: [Int32] { prefix + suffix }

    /// Renders and checks the prompt: the template with the marker is one user message, rendered with the generation prompt and
    /// tokenized once. Throws unless exactly one token is the recorded marker, between its recorded neighbours.
    public init(_ sidecar: Sidecar, _ tokenizer: Tokenizer, source: String) throws {
        guard let template = sidecar.verbalizerTemplate, let marker = sidecar.marker else {
            throw ModelError("\(source): the sidecar has no verbalizer prompt or no marker")
        }
        let lone = tokenizer.encode(marker.text, addSpecialTokens: false)
        guard lone == [marker.id] else {
            let found =
                lone.count == 1
                ? "is token \(lone[0])"
                : "is split into \(lone.count) tokens (\(lone.prefix(8).map(String.init).joined(separator: ", ")))"
            throw ModelError(
                "\(source): the marker \(marker.text) \(found), the sidecar says \(marker.id); sidecar and tokenizer do not belong together"
            )
        }
        let ids = try VerbalizerPrompt.render(
            sidecar.verbalizerMessages ?? [TemplateMessage(role: "user", content: template)], marker: marker.text,
            tokenizer, source: source)
        let places = ids.indices.filter { ids[$0] == marker.id }
        guard places.count == 1, let place = places.first else {
            throw ModelError(
                "\(source): the marker \(marker.text) (token \(marker.id)) stands \(places.isEmpty ? "nowhere" : "\(places.count) times") "
                    + "in the prompt; exactly one place is needed for the activation")
        }
        let neighbors = VerbalizerPrompt.neighbors(of: place, in: ids)
        guard neighbors.left == marker.leftNeighbor, neighbors.right == marker.rightNeighbor else {
            throw ModelError(
                "\(source): beside the marker stand the tokens \(neighbors.left ?? -1) and \(neighbors.right ?? -1), the sidecar says "
                    + "\(marker.leftNeighbor) and \(marker.rightNeighbor); the template or the tokenizer has changed")
        }
        prefix = Array(ids[..<place])
        suffix = Array(ids[place...])
    }

    /// The ids of the rendered prompt.
    static func render(
        _ template: [TemplateMessage], marker: String, _ tokenizer: Tokenizer, source: String
    ) throws -> [Int32] {
        guard tokenizer.chatTemplate != nil else {
            throw ModelError("\(source): the tokenizer has no chat template, which the prompt is rendered with")
        }
        let messages = template.map { message -> JSONObject in
            [
                "role": .string(message.role),
                "content": .string(message.content.filled("injection_char", with: marker)),
            ]
        }
        return try tokenizer.encode(Conversation(messages: messages))
    }

    static func neighbors(of place: Int, in ids: [Int32]) -> (left: Int32?, right: Int32?) {
        (place > 0 ? ids[place - 1] : nil, place + 1 < ids.count ? ids[place + 1] : nil)
    }
}
