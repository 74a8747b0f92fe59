import Autoencoder
import Claims
import Foundation
import LanguageModel
import Tensors
import Tokenization

/// Reads documents' activations out of a target and writes them to a store.
///
///     let builder = try ActivationStoreBuilder(model: folder, layer: 20, positions: .init(perDocument: 10, firstPosition: 50))
///     try builder.build(documents, into: output) { print($0.documents) }
///
/// Shards follow the documents in order, so a run that was stopped continues where the last whole shard ends, and comes to the
/// same bytes as one that was not.
public struct ActivationStoreBuilder {
    /// How to read and write; no influence on which rows there are.
    public struct Options: Sendable {
        /// Documents of one shard.
        public var documentsPerShard = 1024
        /// Tokens of one pass: enough for matrix products at full speed.
        public var tokensPerPass = 4096
        /// What matrix products compute with.
        public var precision: Precision

        /// The usual ones.
        public init(precision: Precision = .float32) { self.precision = precision }
    }

    /// How far a build is.
    public struct Progress: Sendable {
        /// Documents stored, those of earlier runs included.
        public let documents: Int
        /// Rows stored, likewise.
        public let rows: Int
        /// Documents of this run, per second.
        public let documentsPerSecond: Double
    }

    /// What the store's manifest will say.
    public let settings: StoreSettings
    private let decoder: TransformerDecoder
    private let tokenizer: Tokenizer
    private let options: Options

    /// A builder on a target that is open already; only blocks 0...K are computed, so the decoder may be cut after block K.
    public init(
        _ decoder: TransformerDecoder, _ tokenizer: Tokenizer, _ settings: StoreSettings, _ options: Options = Options()
    ) throws {
        let configuration = decoder.configuration
        guard (0..<configuration.blockCount).contains(settings.layerIndex) else {
            throw ModelError(
                "layer \(settings.layerIndex): the model has blocks 0...\(configuration.blockCount - 1)")
        }
        require(settings.hiddenSize == configuration.hiddenSize, "a store of another width")
        require(options.documentsPerShard > 0, "empty shards")
        self.decoder = decoder
        self.tokenizer = tokenizer
        self.settings = settings
        self.options = options
    }

    /// A builder on a model folder, or on that of a PEFT adapter. Arguments as with a ``ModelSource``.
    public init(
        model folder: URL, tokenizer: URL? = nil, layer: Int? = nil, positions: PositionPolicy,
        elementType: ElementType = .float32, seed: UInt64 = 0, _ options: Options = Options()
    ) throws {
        try self.init(
            ModelSource(folder: folder).with(tokenizer: tokenizer), layer: layer, positions: positions,
            elementType: elementType, seed: seed, options)
    }

    /// A builder on a model, which may be an adapter over a checkpoint.
    ///
    /// - Parameters:
    ///   - layer: the block to read behind; two thirds deep by default.
    ///   - options: with the precision to compute in.
    public init(
        _ source: ModelSource, layer: Int? = nil, positions: PositionPolicy, elementType: ElementType = .float32,
        seed: UInt64 = 0, _ options: Options = Options()
    ) throws {
        let configuration = source.checkpoint.configuration
        let layer = layer ?? configuration.defaultLayer
        guard (0..<configuration.blockCount).contains(layer) else {
            throw ModelError("layer \(layer): the model has blocks 0...\(configuration.blockCount - 1)")
        }
        try self.init(
            source.decoder(blockCount: layer + 1, hasOutput: false), Tokenizer(folder: source.tokenizerFolder),
            StoreSettings(
                hiddenSize: configuration.hiddenSize, layerIndex: layer, targetHash: try TargetHash.compute(source),
                tokenizerHash: try ContentHash.tokenizer(source.tokenizerFolder),
                elementType: elementType, seed: seed, positions: positions, targetStorage: source.checkpoint.storage,
                targetOrigin: source.checkpoint.quantizedFrom), options)
    }

    /// Stores documents that are not stored yet, in order.
    ///
    /// Throws a `ModelError` if the store is another's, if an id stands for two documents, if a text cannot be placed (see
    /// `Tokenizer.encodeWithPlaces`), or if the target computes NaN or infinity.
    ///
    /// - Parameter progress: called after every shard.
    /// - Returns: what the store holds.
    @discardableResult
    public func build(
        _ documents: some Sequence<StoredDocument>, into folder: URL, progress: (Progress) throws -> Void = { _ in }
    ) throws -> StoreManifest {
        let writer = try ActivationStoreWriter(folder: folder, settings)
        var shard: [StoredDocument] = []
        var seen: Set<String> = []
        let clock = ContinuousClock()
        let start = clock.now
        var done = 0
        func flush() throws {
            guard !shard.isEmpty else { return }
            let (rows, activations) = try read(shard)
            try writer.append(shard, rows, activations: activations)
            done += shard.count
            shard = []
            try progress(
                Progress(
                    documents: writer.manifest.documentCount, rows: writer.manifest.rowCount,
                    documentsPerSecond: Double(done) / max((clock.now - start) / .seconds(1), 1e-9)))
        }
        for document in documents {
            guard seen.insert(document.document.id).inserted else {
                throw ModelError("document \(document.document.id) comes twice; give every document its own id")
            }
            if try writer.contains(document) { continue }
            shard.append(document)
            if shard.count == options.documentsPerShard { try flush() }
        }
        try flush()
        return writer.manifest
    }

    /// The rows of some documents and their vectors, [rows, d] float32.
    package func read(_ documents: [StoredDocument]) throws -> (rows: [StoredRow], activations: Tensor) {
        var rows: [StoredRow] = []
        var texts: [(ids: [Int32], rows: Range<Int>)] = []
        for (index, stored) in documents.enumerated() {
            let document = stored.document
            let tokens: PlacedTokens
            do { tokens = try tokenizer.encodeWithPlaces(document.text) } catch let error as TokenizerError {
                throw ModelError("document \(document.id): \(error)")
            }
            if let id = tokens.ids.first(where: { Int($0) >= decoder.configuration.vocabularySize }) {
                throw ModelError(
                    "document \(document.id): token \(id) is outside the model's vocabulary of \(decoder.configuration.vocabularySize); tokenizer and model do not belong together"
                )
            }
            let begin = rows.count
            for choice in settings.positions.choices(tokens, of: document, seed: settings.seed) {
                rows.append(
                    StoredRow(
                        document: index, position: choice.position, byteEnd: tokens.byteEnds[choice.position],
                        moment: choice.moment))
            }
            // What follows the last row does not matter to it.
            let needed = rows.count > begin ? rows[rows.count - 1].position + 1 : 0
            texts.append((Array(tokens.ids.prefix(needed)), begin..<rows.count))
        }
        let activations = Tensor(zeros: [rows.count, settings.hiddenSize])
        for range in Passes.split(texts.map(\.ids.count), limit: options.tokensPerPass) {
            pass(texts[range], rows, into: activations)
        }
        if let bad = activations.firstNonFinite() {
            let row = rows[bad / settings.hiddenSize]
            throw ModelError(
                "document \(documents[row.document].document.id): NaN or infinity at the output of block \(settings.layerIndex) at position \(row.position); try --dtype f32, or download the model again"
            )
        }
        return (rows, activations)
    }

    private func pass(
        _ texts: ArraySlice<(ids: [Int32], rows: Range<Int>)>, _ rows: [StoredRow], into activations: Tensor
    ) {
        var tree = TokenTree()
        var wanted: [Int32] = []
        for text in texts where !text.rows.isEmpty {
            let segment = tree.append(text.ids)
            let first = tree.segments[segment].firstRow
            wanted += text.rows.map { Int32(first + rows[$0].position) }
        }
        guard let first = texts.first(where: { !$0.rows.isEmpty })?.rows.lowerBound else { return }
        let tape = Tape(recording: false, precision: options.precision)
        let hidden = decoder.hidden(tree, through: settings.layerIndex, rows: wanted, tape: tape)
        tape.store(hidden.value, in: activations, rows: [first..<first + wanted.count])
    }
}
