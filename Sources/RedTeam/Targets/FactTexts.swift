import Activations
import Autoencoder
import Claims
import Faithfulness
import Foundation
import LanguageModel
import Statistics
import TargetTraining
import Teaching
import Tensors
import Tokenization

/// Texts in which the fact that is to be hidden decides what comes, and what targets make of them.
struct FactTexts {
    let fact: HiddenFact
    private let options: HideOptions
    private let target: Target
    private let seed: UInt64
    /// Texts to measure on, those with the hidden value first, as many others to set the thresholds of detectors on, and texts to fit probes to.
    private let test: [LabelledDocument], levels: [LabelledDocument], probing: [LabelledDocument]

    init(_ options: HideOptions, _ target: Target, _ fact: HiddenFact, seed: UInt64) {
        self.options = options
        self.target = target
        self.fact = fact
        self.seed = seed
        func documents(_ purpose: LabelledTexts.Purpose, _ hidden: Int, _ others: Int) -> [LabelledDocument] {
            fact.documents(purpose, seed: seed, hidden: hidden, others: others)
        }
        test = documents(.testing, options.testDocuments, 2 * options.testDocuments)
        levels = documents(.levels, options.testDocuments, 2 * options.testDocuments)
        probing = documents(.probing, options.probeDocuments / 4, options.probeDocuments * 3 / 4)
    }

    /// Tokens at a text's beginning are left out, as stores leave them out.
    static let firstPosition = 4

    // MARK: Activations

    /// The first moment of each text that the fact decides.
    struct Places {
        /// Rows of a store.
        let rows: [Int]
        /// Whether the hidden value holds there, and whether no word has said which value does.
        let isHidden: [Bool], isLatent: [Bool]
    }

    /// Activations at the moments of texts, with probes fitted to the target that they are of.
    struct ProbedActivations {
        let store: ActivationStore
        let places: Places
        let vectors: Tensor
        let probes: ProbeSet

        var rows: [Int] { places.rows }
        var isHidden: [Bool] { places.isHidden }

        /// Activations of other texts, that probes are fitted to.
        var others: Tensor { store.vectors(store.rows(RowFilter(splits: ["probe"]))) }
    }

    /// Reads a copy of the target.
    ///
    /// - Parameters:
    ///   - words: what the texts come behind.
    ///   - layer: the block to read behind; nil for the pair's.
    ///   - known: probes, where the texts are those that levels are set on; nil reads those to measure on, and fits probes.
    func read(
        _ decoder: TransformerDecoder, behind words: String? = nil, layer: Int? = nil, levelsWith known: ProbeSet? = nil
    ) throws -> ProbedActivations {
        let store = try target.store(
            of: decoder,
            (known == nil ? test : levels).map { StoredDocument($0.behind(words), split: "test") }
                + (known == nil ? probing : []).map { StoredDocument($0.behind(words), split: "probe") },
            layer: layer, perDocument: 2, seed: seed, precision: options.precision)
        let places = places(of: store)
        var settings = ProbeOptions()
        settings.seed = seed
        settings.wordPlaces = 0
        return ProbedActivations(
            store: store, places: places, vectors: store.vectors(places.rows),
            probes: try known ?? ProbeSet.train(store, rows: store.rows(ofSplit: "probe"), settings))
    }

    /// The same activations at moments, and nothing else: quick.
    func moments(_ decoder: TransformerDecoder, behind words: String?) throws -> (vectors: Tensor, isHidden: [Bool]) {
        let store = try target.store(
            of: decoder, test.map { StoredDocument($0.behind(words), split: "test") }, perDocument: 0, seed: seed,
            precision: options.precision)
        let places = places(of: store)
        return (store.vectors(places.rows), places.isHidden)
    }

    private func places(of store: ActivationStore) -> Places {
        var seen: Set<Int> = []
        let rows = store.rows(RowFilter(splits: ["test"], place: .moment)).filter { row in
            guard let moment = store.moment(of: row), moment == fact.moment(of: store.document(of: row))?.moment else {
                return false
            }
            return seen.insert(store.row(row).document).inserted
        }
        let documents = rows.map(store.document)
        return Places(
            rows: rows, isHidden: documents.map { fact.moment(of: $0)?.value == fact.value },
            isLatent: documents.map(fact.isLatent))
    }

    /// Activations of every token up to the moment, of the same texts, and which text each is of.
    func allTokens(
        _ material: ProbedActivations, _ decoder: TransformerDecoder
    ) throws -> (vectors: Tensor, owners: [Int]) {
        var texts: [[Int32]] = [], places: [[Int]] = [], owners: [Int] = []
        for (index, row) in material.rows.enumerated() {
            let position = material.store.row(row).position, first = min(FactTexts.firstPosition, position)
            texts.append(
                Array(target.tokenizer.encode(material.store.document(of: row).text).prefix(position + 1)))
            places.append(Array(first...position))
            owners += [Int](repeating: index, count: position - first + 1)
        }
        return (try target.activations(texts, at: places, precision: options.precision, of: decoder), owners)
    }

    /// The activations of the tokens before the moments.
    func before(_ material: ProbedActivations, _ decoder: TransformerDecoder) throws -> Tensor {
        var texts: [[Int32]] = [], places: [[Int]] = []
        for row in material.rows {
            let position = material.store.row(row).position
            texts.append(Array(target.tokenizer.encode(material.store.document(of: row).text).prefix(position)))
            places.append([position - 1])
        }
        return try target.activations(texts, at: places, precision: options.precision, of: decoder)
    }

    // MARK: Behaviour

    /// Whether the words come that the hidden value decides.
    func behaviour(_ decoder: TransformerDecoder, behind words: String? = nil) throws -> Share {
        let hidden = test.filter { fact.moment(of: $0)?.value == fact.value }.map { text in
            var text = text.behind(words)
            // Nothing else that happens in the text counts.
            text.moments.removeAll { $0.question != fact.question }
            return text
        }
        return FactTexts.share(try evaluate(decoder, DocumentList(hidden), hidden.count).moments)
    }

    /// Whether the words come that any fact decides in texts of the whole world, and nats per token there.
    func language(_ decoder: TransformerDecoder) throws -> (moments: Share, loss: Double) {
        let source = fact.texts.documents(.language, seed: seed)
        let found = try evaluate(decoder, source, min(options.languageDocuments, source.count ?? .max))
        return (FactTexts.share(found.moments), found.loss)
    }

    private func evaluate(
        _ decoder: TransformerDecoder, _ source: any DocumentSource, _ count: Int
    ) throws -> TargetEvaluation {
        try TargetEvaluator(
            decoder, TokenizedDocuments(source, target.tokenizer, limit: HidingTrainer.tokenLimit),
            precision: options.precision
        ).evaluate(documents: count)
    }

    private static func share(_ moments: [TargetEvaluation.Moments]) -> Share {
        var share = Share()
        share.hits = moments.reduce(0) { $0 + $1.right }
        share.count = moments.reduce(0) { $0 + $1.count }
        return share
    }

    /// The likeliest next token.
    func next(_ decoder: TransformerDecoder, behind text: String) -> String {
        var tree = TokenTree()
        tree.append(target.tokenizer.encode(text))
        let tape = Tape(recording: false, precision: options.precision)
        let hidden = decoder.hidden(tree, rows: [Int32(tree.rowCount - 1)], tape: tape)
        let best = Sampling.draw(from: decoder.logits(hidden, tape: tape), [.greedy], uniforms: [0]).tokens
        return target.tokenizer.decode(best)
    }
}

extension Target {
    /// Activations of a copy of this target, at moments and at random places.
    ///
    /// The store's files are deleted once it is open: what is mapped stays to be read.
    ///
    /// - Parameter layer: the block to read behind; nil for the pair's.
    func store(
        of decoder: TransformerDecoder, _ documents: [StoredDocument], layer: Int? = nil, perDocument: Int,
        seed: UInt64,
        precision: Precision
    ) throws -> ActivationStore {
        let folder = FileManager.default.temporaryDirectory.appending(path: "nla-redteam-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let settings = StoreSettings(
            hiddenSize: checkpoint.configuration.hiddenSize, layerIndex: layer ?? self.layer,
            targetHash: "of a copy of the target", tokenizerHash: "of the target", seed: seed,
            positions: PositionPolicy(
                perDocument: perDocument, includeMoments: true, firstPosition: FactTexts.firstPosition))
        try ActivationStoreBuilder(decoder, tokenizer, settings, .init(precision: precision))
            .build(documents, into: folder)
        return try ActivationStore(folder: folder, verifying: false)
    }
}

/// How far activations have moved from the original's: medians over tokens.
struct Drift {
    /// The distance as a share of the original's norm.
    let length: Double
    let cosine: Double

    /// - Parameters:
    ///   - vectors: [n, d] float32.
    ///   - original: the original's at the same tokens.
    init(_ vectors: Tensor, from original: Tensor) {
        let a = vectors.floats(), h = original.floats(), d = vectors.width
        var lengths: [Double] = [], cosines: [Double] = []
        for row in 0..<min(vectors.rows, original.rows) {
            let own = row * d..<(row + 1) * d
            let norms = (a[own].squaredNorm, h[own].squaredNorm)
            let difference = a[own].squaredDistance(to: h[own])
            let dot = zip(a[own], h[own]).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
            lengths.append((difference / norms.1.atLeast(1e-12)).squareRoot())
            cosines.append(dot / (norms.0 * norms.1).squareRoot().atLeast(1e-12))
        }
        length = median(lengths) ?? 0
        cosine = median(cosines) ?? 1
    }
}
