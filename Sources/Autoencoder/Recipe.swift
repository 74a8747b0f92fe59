import Foundation
import JSON
import LanguageModel
import Tokenization

/// The choices behind a new autoencoder. The ids that belong to them are found by tokenizing.
public struct Recipe: Sendable, Equatable {
    /// K; nil for two thirds of the target's blocks (docs/method.md §1).
    public var layer: Int?
    /// A character that is one token, and that no explanation needs.
    public var marker = "㈎"
    /// The verbalizer's user message.
    public var verbalizerTemplate =
        "Here is a vector from inside a language model, in place of a word: <concept>{injection_char}</concept> "
        + "Say what the model is thinking there, inside <explanation> tags."
    /// What the reconstructor reads.
    public var reconstructorTemplate = "Summary of the following text: <text>{explanation}</text> <summary>"
    /// How the activation enters the verbalizer.
    public var injection = InjectionPlace(.replace)
    /// The norm of the injected vector, for replacement.
    public var injectionScale = Sidecar.Scale.rootOfWidth

    /// The default choices.
    public init(layer: Int? = nil) { self.layer = layer }

    /// The sidecar of a new model of a target. Throws if the marker is not one token, or if the layer is not there.
    public func sidecar(
        _ role: Sidecar.Role, _ checkpoint: Checkpoint, _ tokenizer: Tokenizer, target: Sidecar.TargetIdentity? = nil
    ) throws -> Sidecar {
        let source = checkpoint.folder.path, configuration = checkpoint.configuration
        let layer = layer ?? configuration.defaultLayer
        guard (0..<configuration.blockCount).contains(layer) else {
            throw ModelError("\(source): layer \(layer): the model has blocks 0...\(configuration.blockCount - 1)")
        }
        var sidecar = Sidecar(
            role: role, width: configuration.hiddenSize, layer: layer,
            injectionScale: role == .verbalizer ? injectionScale : .untouched, injection: injection.method,
            injectionBlock: injection.block, verbalizerTemplate: verbalizerTemplate,
            reconstructorTemplate: reconstructorTemplate, target: target)
        sidecar.targetStorage = checkpoint.storage
        sidecar.reconstructorSuffix = suffix(tokenizer)
        guard role == .verbalizer else { return sidecar }
        let ids = tokenizer.encode(marker, addSpecialTokens: false)
        guard ids.count == 1 else {
            throw ModelError(
                "\(source): the marker \(marker) is \(ids.count) tokens; choose a character that is one token of this model"
            )
        }
        let prompt = try VerbalizerPrompt.render(
            [TemplateMessage(role: "user", content: verbalizerTemplate)], marker: marker, tokenizer, source: source)
        let place = prompt.firstIndex(of: ids[0]) ?? 0
        let neighbors = VerbalizerPrompt.neighbors(of: place, in: prompt)
        sidecar.marker = Sidecar.Marker(
            text: marker, id: ids[0], leftNeighbor: neighbors.left ?? 0, rightNeighbor: neighbors.right ?? 0)
        // The marker's number in the prompt is checked like that of any other sidecar.
        _ = try VerbalizerPrompt(sidecar, tokenizer, source: source)
        return sidecar
    }

    /// The ids with which the reconstructor's prompt ends whatever stands before.
    private func suffix(_ tokenizer: Tokenizer) -> [Int32] {
        let prompts = ["x", "one two.", "a \"quote\"", "12", "end\n"].map {
            tokenizer.encode(reconstructorTemplate.filled("explanation", with: $0))
        }
        var count = 0
        let shortest = prompts.map(\.count).min() ?? 0
        while count < min(shortest, 16), Set(prompts.map { $0[$0.count - 1 - count] }).count == 1 { count += 1 }
        return Array(prompts[0].suffix(count))
    }
}
