import Activations
import Claims
import Foundation
import LanguageModel
import Tensors
import TestSupport
import Tokenization

/// A small random target with a trained tokenizer, and documents for it.
enum Small {
    static let tokenizer = Result {
        var trainer = try BytePairTrainer(.init(vocabularySize: 300, extraTokens: [.special("<|end|>")]))
        for document in documents(30) { trainer.add(document.text) }
        return try trainer.train().tokenizer()
    }

    static func decoder() throws -> TransformerDecoder {
        var configuration = try Checkpoint(folder: goldens.appendingPathComponent("models/qwen2")).configuration
        configuration.vocabularySize = 300
        return TransformerDecoder(random: configuration, .float32, deviation: 0.2, seed: 5)
    }

    static func settings(
        _ positions: PositionPolicy, seed: UInt64 = 1, target: String = "target"
    ) throws -> StoreSettings {
        StoreSettings(
            hiddenSize: try decoder().configuration.hiddenSize, layerIndex: 1, targetHash: target, tokenizerHash: "t",
            seed: seed, positions: positions)
    }

    static func builder(_ positions: PositionPolicy, shard: Int = 4, tokens: Int = 60) throws -> ActivationStoreBuilder
    {
        var options = ActivationStoreBuilder.Options()
        options.documentsPerShard = shard
        options.tokensPerPass = tokens
        return try ActivationStoreBuilder(decoder(), tokenizer.get(), settings(positions), options)
    }

    static func documents(_ count: Int) -> [LabelledDocument] {
        (0..<count).map { index in
            let hero = ["Mara", "Jörg", "Ines"][index % 3], mood = index % 2 == 0 ? "glad" : "sad"
            let text = "\(hero) went to the river number \(index). The hero was \(mood)."
            let said = text.utf8.count - ".".utf8.count
            return LabelledDocument(
                id: "d\(index)", kind: index % 2 == 0 ? "story" : "note", text: text,
                truths: [.init(Fact("the hero", "mood", mood), from: 0, statedFrom: said)],
                moments: [
                    .init(
                        offset: said - mood.utf8.count - 1, kind: "mood",
                        question: Question(subject: "the hero", relation: "mood"), answer: " \(mood)")
                ])
        }
    }

    static func stored(_ count: Int) -> [StoredDocument] {
        documents(count).map { StoredDocument($0, split: $0.id.hasSuffix("3") ? "held-out" : "av") }
    }
}
