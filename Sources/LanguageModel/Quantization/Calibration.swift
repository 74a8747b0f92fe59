import Tensors

/// What goes into each layer of a model while it reads texts, block by block: behind blocks that are quantized already, so that a layer is
/// fitted to what it will be given.
///
/// Held are the texts' residual stream and the moments and codes of one block.
final class Calibration {
    private let decoder: TransformerDecoder
    private let format: CodeFormat
    private let isQuantized: (Parameter) -> Bool
    private let pass: TransformerDecoder.Pass
    private let tape: Tape
    /// The stream that goes into block `next`, [tokens, d].
    private var stream: Tensor
    private var next = 0
    /// Codes of the block before `next`, by the weight's name.
    private var found: [String: GroupedCodes] = [:]

    /// - Parameters:
    ///   - decoder: whose weights nothing else uses.
    ///   - embedding: the embedding's codes; nil where it stays as it is.
    ///   - isQuantized: whether a weight becomes codes.
    init(
        _ decoder: TransformerDecoder, windows: [[Int32]], embedding: GroupedCodes?, _ format: CodeFormat,
        precision: Precision, isQuantized: @escaping (Parameter) -> Bool
    ) {
        self.decoder = decoder
        self.format = format
        self.isQuantized = isQuantized
        var tree = TokenTree()
        for window in windows { tree.append(window) }
        pass = TransformerDecoder.Pass(tree)
        tape = Tape(recording: false, precision: precision)
        let table = embedding.map { Parameter(name: decoder.embedding.name, .stored(StoredMatrix($0))) }
        stream =
            tape.embedding(tree.tokens, table: table ?? decoder.embedding, scale: decoder.embeddingScale(precision))
            .value
    }

    /// Consecutive tokens of a text, spread over it: as many windows of one length as make up `tokens`, or the whole text.
    static func windows(_ ids: [Int32], tokens: Int, length: Int = 512) -> [[Int32]] {
        guard ids.count > tokens else {
            return stride(from: 0, to: ids.count, by: length).map { Array(ids[$0..<min(ids.count, $0 + length)]) }
        }
        let count = max(1, tokens / length), size = min(length, tokens)
        return (0..<count).map { index in
            let begin = count == 1 ? 0 : (ids.count - size) * index / (count - 1)
            return Array(ids[begin..<begin + size])
        }
    }

    /// The codes of a weight of a block or of the output matrix. Weights must be asked for in the model's order.
    func codes(_ name: String) -> GroupedCodes {
        while found[name] == nil {
            if next < decoder.blocks.count {
                advance()
            } else if let output = decoder.output, output.operand.weight.name == name {
                let inputs = InputMoments(width: stream.width)
                inputs.add(decoder.normalized(Variable(stream.copy()), tape: tape).value)
                found = [name: GroupedCodes(calibrating: output.operand.weight.storage, format, inputs: inputs)]
            } else {
                trap("\(name) is asked for out of order")
            }
        }
        return found.removeValue(forKey: name) ?? { trap("\(name) without codes") }()
    }

    /// Quantizes block `next` by what goes into its layers, and takes the stream through it.
    private func advance() {
        let block = decoder.blocks[next]
        // Layers with one input share its moments.
        let groups = [[block.query, block.key, block.value], [block.output], [block.gate, block.up], [block.down]]
            .filter {
                $0.contains { isQuantized($0.operand.weight) }
            }
        let moments = groups.map { InputMoments(width: $0[0].inputSize) }
        for (layers, inputs) in zip(groups, moments) { layers[0].onInput = { inputs.add($0) } }
        _ = run()
        found = [:]
        var originals: [(weight: Parameter, storage: WeightStorage)] = []
        for (layers, inputs) in zip(groups, moments) {
            layers[0].onInput = nil
            for weight in layers.map(\.operand.weight) where isQuantized(weight) {
                let codes = GroupedCodes(calibrating: weight.storage, format, inputs: inputs)
                found[weight.name] = codes
                originals.append((weight, weight.storage))
                weight.replace(by: .stored(StoredMatrix(codes)))
            }
        }
        stream = run()
        for (weight, storage) in originals { weight.replace(by: storage) }
        next += 1
    }

    private func run() -> Tensor {
        decoder.run(pass, blocks: next...next, Variable(stream.copy()), tape: tape).value
    }
}
