import Autoencoder
import Foundation
import LanguageModel
import Runs
import TargetTraining

extension ReadableRun {
    /// What a target with its readers is worth, trained to be read or not: its language loss and what it knows, untouched, and what it
    /// costs to put an activation into words, on held-out documents.
    ///
    /// - Parameters:
    ///   - folder: with `av/`, `ar/` and `target/`.
    ///   - options: documents, places, and how many of them.
    /// - Returns: the names that an evaluation of the run has.
    ///
    /// - Parameter first: the number of the first held-out document that is read.
    package static func measure(_ folder: URL, _ options: ReadableOptions, from first: Int = 0) throws -> Metrics {
        let pair = try Pair(folder: folder, precision: options.precision)
        let target = try pair.openTarget(Pair.folders(folder).target)
        let heldOut = try TokenizedDocuments(
            DocumentsFrom(
                first,
                of: LanguageDocuments.open(options.data, heldOut: options.heldOut, seed: options.worldSeed).heldOut),
            target.tokenizer, limit: options.documentTokens)
        return try measure(TransformerDecoder(target.checkpoint), pair, heldOut, options)
    }

    /// The same of models that are open.
    static func measure(
        _ decoder: TransformerDecoder, _ pair: Pair, _ heldOut: TokenizedDocuments, _ options: ReadableOptions
    ) throws -> Metrics {
        let found = try TargetEvaluator(decoder, heldOut, precision: options.precision)
            .evaluate(documents: options.evaluationDocuments)
        var metrics = found.metrics
        metrics.merge(try SpliceDamage(decoder, pair, heldOut, options).measure().metrics)
        return metrics
    }
}
