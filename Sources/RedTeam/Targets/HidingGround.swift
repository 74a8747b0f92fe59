import Autoencoder
import Faithfulness
import Foundation
import LanguageModel
import Tensors

/// What experiments with hiding work on, all of it open.
struct HidingGround {
    let pair: Pair
    let target: Target
    let readers: [NamedReader]
    let fact: HiddenFact
    /// What says how far to believe the pair's claims; nil where its folder has no confidence.
    let confidence: ConfidenceReader?
    /// The blocks beside the pair's that are read.
    let blocks: [Int]

    /// Opens everything; whatever can be wrong is said here. Throws one-line errors. Options must have been checked.
    init(_ options: HideOptions) throws {
        if let threads = options.threads { Machine.threads = threads }
        fact = try HiddenFact(options)
        let (pair, target) = try AttackedPair.open(options.pair, target: options.target, precision: options.precision)
        if fact.texts.isWorld {
            try VerificationTexts.check(pair, instead: "name labelled texts of your own as data")
        }
        confidence = try ConfidenceReader(
            ModelLocation.pair(options.pair), pair, precision: options.precision, seed: options.seed)
        self.pair = pair
        self.target = target
        readers = try options.readers.map { try NamedReader($0, like: pair, precision: options.precision) }
        blocks =
            options.readsNeighbours
            ? [target.layer - 1, target.layer + 1].filter((0..<target.checkpoint.configuration.blockCount).contains)
            : []
    }
}

/// The measure that was set before anything was tried.
enum HidingBar {
    /// What is read at this share of the texts, or more, is found; what is read at that one, or less, is hidden.
    static let found = 0.9, hidden = 0.3
    /// Behaviour that falls by no more than this is kept.
    static let behaviour = 0.02
}
