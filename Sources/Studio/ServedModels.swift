import Autoencoder
import Claims
import Faithfulness
import Foundation
import LanguageModel
import Tensors
import Tokenization

/// The models that a server answers with: a verbalizer, and with it whatever else there is. Handed to one server, which then owns
/// them.
public struct ServedModels {
    /// activation → text
    public let verbalizer: Verbalizer
    /// text → activation; without it, explanations have no scores.
    public let reconstructor: Reconstructor?
    /// text → activation, and text → text; without it the server reads no texts.
    public let target: Target?
    /// What clients are told that the verbalizer is called.
    public var verbalizerName: String
    /// What clients are told that the target is called; also its name for chat completions.
    public var targetName: String?
    /// What the pair is called on the page.
    public var pairName: String
    /// How far to believe claims, where that was fitted.
    public var confidence: ConfidenceReader?
    /// The denominator of shares of variance explained; nil where it is not known.
    public var variance: RawVariance?
    /// What the target computes in; nil for its weights' own.
    public var targetPrecision: Precision?

    /// Models that belong together. Names default to those of their folders.
    public init(
        verbalizer: Verbalizer, reconstructor: Reconstructor? = nil, target: Target? = nil,
        targetPrecision: Precision? = nil
    ) {
        self.verbalizer = verbalizer
        self.reconstructor = reconstructor
        self.target = target
        self.targetPrecision = targetPrecision
        verbalizerName = ServedModels.name(of: verbalizer.folder)
        pairName = verbalizer.folder.standardizedFileURL.deletingLastPathComponent().lastPathComponent
        targetName = target.map { ServedModels.name(of: $0.checkpoint.folder) }
    }

    /// The end of a folder's path that says which model it is: with the folder above for names such as `av` and `target`.
    static func name(of folder: URL) -> String {
        // A snapshot in the hub's cache goes by its repository's name.
        if let repository = ModelLocation.Repository(snapshot: folder) { return repository.id }
        if let repository = ModelLocation.Repository(snapshot: folder.deletingLastPathComponent()) {
            return "\(repository.id)/\(folder.lastPathComponent)"
        }
        let parts = folder.standardizedFileURL.pathComponents.filter { $0 != "/" }
        return parts.suffix(2).joined(separator: "/")
    }
}

/// What may be known of the models without touching them, from any thread.
struct ModelFacts: Sendable {
    /// A model that writes.
    struct Writer: Sendable {
        let name: String
        let tokenizer: Tokenizer
        /// Tokens that end its texts.
        let stopTokens: Set<Int32>
        let vocabularySize: Int
    }

    /// d
    let width: Int
    /// K
    let layer: Int
    let verbalizer: Writer
    let target: Writer?
    let hasReconstructor: Bool
    /// How the verbalizer's prompt takes its vector, for clients that inject it themselves.
    let injection: Injection
    /// What the pair is called on the page.
    let pairName: String
    /// How claims are read in explanations.
    let grammar: any ClaimGrammar
    /// The world whose grammar that is; nil for the plain one.
    let world: (any KnownWorld)?
    /// Tokens before and behind each whose activations the confidence looks at; nil without a confidence.
    let confidenceReach: Int?
    /// The claims that the confidence was fitted to.
    let confidenceExamples: Int?
    /// The denominator of shares of variance explained.
    let variance: Double?

    init(_ models: ServedModels) throws {
        let verbalizer = models.verbalizer
        width = verbalizer.sidecar.width
        layer = verbalizer.sidecar.layer
        hasReconstructor = models.reconstructor != nil
        injection = verbalizer.injection
        pairName = models.pairName
        let name = models.confidence?.model.grammar ?? (GrammarName.standard.world == nil ? .plain : .standard)
        grammar = try name.grammar
        world = name.world
        confidenceReach = models.confidence?.model.collecting.reach
        confidenceExamples = models.confidence?.model.examples
        variance = models.variance?.variance
        self.verbalizer = Writer(
            name: models.verbalizerName, tokenizer: verbalizer.tokenizer, stopTokens: verbalizer.stopTokens,
            vocabularySize: verbalizer.checkpoint.configuration.vocabularySize)
        target = try models.target.map { target in
            Writer(
                name: models.targetName ?? ServedModels.name(of: target.checkpoint.folder), tokenizer: target.tokenizer,
                stopTokens: try TextGenerator.stopTokens(folder: target.checkpoint.folder, tokenizer: target.tokenizer),
                vocabularySize: target.checkpoint.configuration.vocabularySize)
        }
    }
}
