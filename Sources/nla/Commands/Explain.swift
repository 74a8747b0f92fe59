import ArgumentParser
import Autoencoder
import Claims
import Faithfulness
import Foundation
import JSON
import LanguageModel
import Tensors

struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print a text interlinear: under each token what the model has in mind there.",
        discussion: """
            The target reads the text, the verbalizer puts its activations into words, and the reconstructor rebuilds the activations \
            from the words alone: cosine and share of variance explained say how far to trust each line. Texts of up to 32 tokens are \
            explained at every token, longer ones at 32 tokens spread over them, unless --positions or --every say otherwise.

            A pair with a confidence.json (nla verify --write-confidence) also says of each claim how probable it is to be true. It \
            draws further samples and reads the tokens beside, and is about explanations at temperature 0 alone.
            """)

    @OptionGroup var place: PairPlace

    @OptionGroup var target: TargetChoice

    @OptionGroup var input: TextInput

    @Option(
        parsing: .unconditional, help: ArgumentHelp("Tokens to explain, negative ones from the end.", valueName: "3,-1")
    )
    var positions: String?

    @Option(help: ArgumentHelp("Explain every n-th token, counted back from the last.", valueName: "n"))
    var every: Int?

    @Option(help: ArgumentHelp("Explanations to choose the best-scoring one from.", valueName: "n"))
    var samples = 1

    @Option(help: ArgumentHelp("Call claims doubtful whose confidence is below this.", valueName: "p"))
    var doubtBelow = ConfidenceReader.doubtful

    @Flag(inversion: .prefixedNo, help: "Say how far to believe each claim, where the pair has a confidence.json.")
    var confidence = true

    @Option(
        help: ArgumentHelp(
            "Show under each explanation what another pair says of the token: its folder, or what explain --json printed with it; name=… names it.",
            valueName: "dir|file.json"))
    var beside: String?

    @OptionGroup var verbalizing: VerbalizingOptions

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        if input.count != 1 { throw ValidationError("Give exactly one of --text, --file and --messages.") }
        try input.checkChatFormat()
        if positions != nil && every != nil { throw ValidationError("Give only one of --positions and --every.") }
        if let every, every < 1 { throw ValidationError("--every must be at least 1.") }
        if !(1...1024).contains(samples) { throw ValidationError("--samples must be between 1 and 1024.") }
        if !(0...1).contains(doubtBelow) { throw ValidationError("--doubt-below must be between 0 and 1.") }
        if samples > 1, verbalizing.temperature == 0 {
            throw ValidationError("--samples asks for a --temperature above 0: at 0 all samples are equal.")
        }
    }

    func run() throws {
        shared.apply()
        let clock = ContinuousClock(), start = clock.now
        let precision = try Dtype.asked(verbalizing.dtype)
        let (pair, folder) = try place.open(precision: precision, shared)
        let model = try openTarget(
            pair, folder, target, base: place.opening.baseFolder(), storage: place.opening.storage, shared)
        let ids = try input.encode(model.tokenizer, model.checkpoint.folder, note: shared.note).ids
        let chosen = try TextPositions.chosen(
            of: ids.count, positions: try positions.map { try integers($0, "--positions") }, every: every)
        let activations = try model.activations(ids, positions: chosen, precision: precision)
        let variance = try TextExplainer.variance(pair, else: activations)
        var options = verbalizing.options(samples: samples, seed: shared.seed)
        options.keys = chosen.map(UInt64.init)
        let explainer = TextExplainer(pair, variance: variance?.variance)
        let scorer = try claimScorer(pair, folder, precision).map {
            try ClaimScorer($0, model, ids, positions: chosen, precision: precision)
        }
        let other = try beside.map {
            try Beside($0, ids, chosen, activations, precision, maximumTokens: verbalizing.maxTokens)
        }
        var claims: [Int: [ConfidenceReader.Sentence]] = [:]
        let page = Interlinear(ids: ids, tokenizer: model.tokenizer, doubtBelow: doubtBelow, beside: other)
        let rows = try explainer.explain(activations, options) { row in
            let position = chosen[row.index]
            claims[row.index] = try scorer?.read(
                row.explanation, of: activations.rows(row.index..<row.index + 1), at: position)
            if !shared.json { try Output.write(page.block(row, position: position, claims[row.index])) }
        }
        let empty = try Scores.rows(pair.reconstructor.reconstruct([""]), activations)
        let summary = Interlinear.Summary(
            rows, variance, empty: empty, claims: claims.values.joined().compactMap(\.confidence?.value),
            doubtBelow: doubtBelow)
        if shared.json {
            let json = page.json(
                rows, positions: chosen, claims, summary, layer: model.layer, storageNote: model.storageNote)
            try Output.line(json.serialized())
        } else {
            try Output.line(summary.line)
            if let note = model.storageNote { try Output.line(note) }
        }
        shared.note(
            String(
                format: "%ld of %ld tokens explained in %.1f s", rows.count, ids.count,
                (clock.now - start) / .seconds(1)))
    }

    /// What the pair's folder says of confidence; nil if nothing, or if it is not about explanations like these.
    private func claimScorer(
        _ pair: Pair, _ folder: URL, _ precision: Precision?
    ) throws -> ConfidenceReader? {
        guard confidence else { return nil }
        let reader = try ConfidenceReader(folder, pair, precision: precision, seed: shared.seed)
        if reader != nil, verbalizing.options(samples: samples, seed: shared.seed).sampling.temperature > 0 {
            shared.note(
                "no confidence: it was fitted to explanations at temperature 0, and says nothing of sampled ones")
            return nil
        }
        return reader
    }
}

/// A text's claims with the confidence in them: a reader with the activations of the tokens that it looks at.
private struct ClaimScorer {
    private let reader: ConfidenceReader
    private let vectors: Tensor
    /// The row of `vectors` of each position.
    private let places: [Int: Int]
    private let count: Int

    init(
        _ reader: ConfidenceReader, _ model: Target, _ ids: [Int32], positions: [Int], precision: Precision?
    ) throws {
        self.reader = reader
        count = ids.count
        let all = Set(positions.flatMap { reader.neighbours(of: $0, count: ids.count) }).sorted()
        places = Dictionary(uniqueKeysWithValues: all.enumerated().map { ($1, $0) })
        vectors =
            all.isEmpty
            ? Tensor(zeros: [0, model.checkpoint.configuration.hiddenSize])
            : try model.activations(ids, positions: all, precision: precision)
    }

    func read(_ explanation: Explanation, of vector: Tensor, at position: Int) throws -> [ConfidenceReader.Sentence] {
        let beside = reader.neighbours(of: position, count: count)
        let neighbours = Neighbours(
            vectors.gatheringRows(beside.compactMap { places[$0].map(Int32.init) }), owners: beside.map { _ in 0 },
            isLater: beside.map { $0 > position })
        return try reader.read(explanation, of: vector, neighbours: neighbours, key: UInt64(position))
    }
}
