import Tensors

/// Everything that distinguishes one decoder-only transformer from another: what a family file makes of a `config.json`.
///
/// Every family here is the same computation with some pieces present or absent: norms before (and in Gemma also after) each
/// sublayer, grouped-query attention with rotary positions, a gated MLP.
public struct DecoderConfiguration: Sendable, Equatable {
    /// The name of the family, as in `model_type`.
    public var family: String
    /// Width d of the residual stream.
    public var hiddenSize: Int
    /// Width of the MLP.
    public var intermediateSize: Int
    /// Query heads.
    public var headCount: Int
    /// Key and value heads.
    public var keyValueHeadCount: Int
    /// Width of a head.
    public var headWidth: Int
    /// Rows of the embedding.
    public var vocabularySize: Int
    /// ε inside the root of the norms.
    public var normEpsilon: Float
    /// Added to the norms' weights: 1 in Gemma, whose weights are stored around zero.
    public var normOffset: Float = 0
    /// The MLP's nonlinearity.
    public var activation: Activation
    /// Whether the output matrix is the embedding.
    public var tiesEmbeddings: Bool
    /// Whether embeddings are multiplied by √d.
    public var scalesEmbeddings = false
    /// Factor of the attention scores.
    public var attentionScale: Float
    /// Whether queries and keys are normalized per head.
    public var normalizesQueriesAndKeys = false
    /// Whether each sublayer's output is normalized before it is added.
    public var normalizesOutputs = false
    /// Whether the query, key and value projections have biases.
    public var queryKeyValueBias = false
    /// Whether the attention's output projection has one.
    public var outputBias = false
    /// Whether the MLP's projections have biases.
    public var mlpBias = false
    /// The rotary embeddings in use, usually one.
    public var rotaries: [RotaryConfiguration]
    /// The blocks, in order.
    public var blocks: [Block]

    /// What may differ from block to block.
    public struct Block: Sendable, Equatable {
        /// Keys a query sees, itself included; nil for all.
        public var window: Int?
        /// Index into `rotaries`.
        public var rotary: Int

        /// A block.
        public init(window: Int? = nil, rotary: Int = 0) {
            self.window = window
            self.rotary = rotary
        }
    }

    /// Number of blocks.
    public var blockCount: Int { blocks.count }
    /// The default depth to read at: two thirds (docs/method.md §1).
    public var defaultLayer: Int { min(2 * blockCount / 3, blockCount - 1) }

    /// Parameters of the whole model without biases and norms. Saturates: a configuration may ask for anything.
    public var parameterCount: Int {
        let heads = 2 * Double(headCount) + 2 * Double(keyValueHeadCount)
        let block = Double(hiddenSize) * (Double(headWidth) * heads + 3 * Double(intermediateSize))
        let table = Double(vocabularySize) * Double(hiddenSize) * (tiesEmbeddings ? 1 : 2)
        return Int(min(table + Double(blockCount) * block, 1e18))
    }
}

/// How positions turn into angles.
public struct RotaryConfiguration: Sendable, Equatable {
    /// θ: the base of the geometric row of wavelengths.
    public var base: Double
    /// How long contexts stretch the wavelengths.
    public var scaling: Scaling

    /// A rule that changes the frequencies.
    public enum Scaling: Sendable, Equatable {
        case none
        /// All frequencies divided by a factor.
        case linear(factor: Double)
        /// Llama 3.1: long wavelengths divided by a factor, short ones kept, a ramp between.
        case llama3(factor: Double, lowFrequency: Double, highFrequency: Double, originalLength: Double)
        /// YaRN (Peng et al. 2023): pairs that turn more than `fastTurns` times within the original length keep their frequency,
        /// those that turn less than `slowTurns` times are divided by the factor, a ramp between; cosines and sines are
        /// multiplied by `amplitude`. `truncates` says whether the ramp begins and ends at whole pairs.
        case yarn(
            factor: Double, amplitude: Double, fastTurns: Double, slowTurns: Double, originalLength: Double,
            truncates: Bool)
    }

    /// A rotary embedding.
    public init(base: Double, scaling: Scaling = .none) {
        self.base = base
        self.scaling = scaling
    }
}
