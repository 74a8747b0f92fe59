import Foundation
import Tensors

/// A decoder-only transformer, run forwards or backwards over a token tree.
///
///     let decoder = try TransformerDecoder(Checkpoint(folder: url))
///     var tree = TokenTree()
///     tree.append(tokens)
///     let hidden = decoder.hidden(tree, through: 20, tape: Tape(recording: false))
///
/// A decoder is used by one thread at a time; its frozen weights may be shared.
public final class TransformerDecoder {
    /// What it computes.
    public private(set) var configuration: DecoderConfiguration
    /// The embedding, [vocabulary, d].
    public let embedding: Parameter
    /// The final norm's weight, or nil in a decoder cut before it.
    public let finalNorm: Parameter?
    /// The output layer, whose matrix is the embedding itself when they are tied; nil in a decoder cut before it, or opened without.
    private(set) var output: Linear?
    let blocks: [Block]
    private var rotaryTables: [RotaryTable]
    /// Rows that a pass without a gradient computes at once: more of them go through each block in stretches, so that what a long text takes
    /// stays small. Enough for matrix products at full speed.
    package var rowsAtOnce = 4096

    /// The decoder of a checkpoint, its weights frozen and mapped.
    ///
    /// - Parameters:
    ///   - blockCount: keep only the first blocks, without final norm and output matrix.
    ///   - hasOutput: whether the output matrix is needed. Without it no logits can be computed; some checkpoints have none.
    public convenience init(_ checkpoint: Checkpoint, blockCount: Int? = nil, hasOutput: Bool = true) throws {
        try self.init(checkpoint.configuration, blockCount: blockCount, hasOutput: hasOutput) {
            try checkpoint.weight($0, $1)
        }
    }

    /// A decoder with random weights: matrices uniform with the given deviation, norms at one.
    public convenience init(
        random configuration: DecoderConfiguration, _ type: ElementType, deviation: Float = 0.02, seed: UInt64 = 0,
        blockCount: Int? = nil
    ) {
        var next = seed &* 0x9E37_79B9 &+ 1
        self.init(configuration, blockCount: blockCount) { name, shape in
            next &+= 1
            let isNorm = name.hasSuffix("norm.weight")
            if isNorm {
                let ones = [Float](repeating: 1 - configuration.normOffset, count: shape.reduce(1, *))
                return Parameter(name: name, Tensor(ones, shape: shape).converted(to: type))
            }
            return Parameter(name: name, .uniform(shape, type, deviation: deviation, seed: next))
        }
    }

    init(
        _ configuration: DecoderConfiguration, blockCount: Int?, hasOutput: Bool = true,
        weight: (_ name: String, _ shape: [Int]) throws -> Parameter
    ) rethrows {
        let c = configuration
        let count = blockCount ?? c.blockCount
        require(count >= 0 && count <= c.blockCount, "\(count) of \(c.blockCount) blocks")
        self.configuration = c
        embedding = try weight("embed_tokens.weight", [c.vocabularySize, c.hiddenSize])
        blocks = try (0..<count).map { try Block($0, c, weight: weight) }
        if blockCount == nil {
            finalNorm = try weight("norm.weight", [c.hiddenSize])
            output =
                hasOutput
                ? Linear(c.tiesEmbeddings ? embedding : try weight("lm_head.weight", [c.vocabularySize, c.hiddenSize]))
                : nil
        } else {
            finalNorm = nil
            output = nil
        }
        rotaryTables = c.rotaries.map { $0.table(headWidth: c.headWidth, positions: 64) }
    }

    /// Every weight once, in checkpoint order, adapters not included.
    public var parameters: [Parameter] {
        var all = [embedding] + blocks.flatMap(\.parameters)
        if let finalNorm { all.append(finalNorm) }
        if let output, output.operand.weight !== embedding { all.append(output.operand.weight) }
        return all
    }

    /// Makes every weight trainable, with private copies that compute in `precision`.
    public func makeTrainable(precision: Precision) {
        for parameter in parameters { parameter.makeTrainable(precision: precision) }
    }

    /// Gives the output matrix a weight of its own where it is the embedding itself, so that one can change without the other.
    func untieOutput() {
        guard let output, output.operand.weight === embedding else { return }
        self.output = Linear(Parameter(name: "lm_head.weight", embedding.value))
        configuration.tiesEmbeddings = false
    }

    /// The factor of the embeddings. transformers rounds it to the weights' type.
    func embeddingScale(_ precision: Precision) -> Float {
        guard configuration.scalesEmbeddings else { return 1 }
        let root = Float(configuration.hiddenSize).squareRoot()
        return precision == .float32 ? root : Tensor([root], shape: [1]).converted(to: .bfloat16).float(at: 0)
    }

    func rotaryTable(_ index: Int, positions: Int) -> RotaryTable {
        if rotaryTables[index].positions < positions {
            let length = max(positions, 2 * rotaryTables[index].positions)
            rotaryTables[index] = configuration.rotaries[index].table(
                headWidth: configuration.headWidth, positions: length)
        }
        return rotaryTables[index]
    }
}
