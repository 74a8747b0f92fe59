import Foundation
import Tensors

/// Compares a decoder with what another implementation computed: how somebody adding a model family knows it is right.
///
/// The reference file holds `ids`, `hidden.K`, `logits`, `loss`, `grad.NAME` and `after3.NAME`: activations of one sequence, the
/// gradient of its mean next-token cross-entropy, and parameters after three AdamW steps (lr 1e-3, betas 0.9 and 0.999,
/// ε 1e-8, decay 0.01). Any of them may be missing.
public struct ReferenceCheck {
    /// One compared tensor.
    public struct Row: Sendable {
        /// Its name in the reference file.
        public let name: String
        /// ‖ours − theirs‖ / ‖theirs‖
        public let relativeError: Double
        /// The largest error that passes.
        public let tolerance: Double
        /// Whether it passes; NaN does not.
        public var passes: Bool { relativeError <= tolerance }
    }

    private let checkpoint: Checkpoint
    private let reference: SafetensorsFile
    private let precision: Precision

    /// A check of a checkpoint against a reference file.
    public init(_ checkpoint: Checkpoint, reference: SafetensorsFile, precision: Precision) {
        self.checkpoint = checkpoint
        self.reference = reference
        self.precision = precision
    }

    /// Relative errors that pass. bfloat16 rounds activations to 8 bits; its gradients and steps inherit that.
    private func tolerance(_ name: String) -> Double {
        switch precision {
        case .float32: name.hasPrefix("grad.") || name.hasPrefix("after3.") ? 1e-4 : 2e-5
        // Some gradients nearly cancel (a key bias shifts all scores alike), and Adam follows the sign of the smallest.
        case .bfloat16: name.hasPrefix("grad.") || name.hasPrefix("after3.") ? 1e-1 : 2e-2
        }
    }

    /// Computes everything the reference holds; a row per tensor, in the order of computation. Throws if the file lacks ids,
    /// holds nothing to compare or tensors of other shapes, and if a weight is NaN or infinite.
    public func run() throws -> [Row] {
        let tensor = try reference.requiredTensor("ids")
        guard !tensor.elementType.isFloatingPoint, tensor.shape.count == 1 else {
            throw ModelError(
                "\(reference.url.path): ids: one axis of whole numbers is needed, it is \(tensor.elementType) \(tensor.shape)"
            )
        }
        let ids = tensor.integers()
        let vocabulary = checkpoint.configuration.vocabularySize
        guard ids.count >= 2, ids.allSatisfy({ (0..<vocabulary).contains($0) }) else {
            throw ModelError(
                "\(reference.url.path): ids: at least two ids below the vocabulary size \(vocabulary) are needed")
        }
        let hasOutput = reference.names.contains { !$0.hasPrefix("hidden.") && $0 != "ids" }
        let decoder = try TransformerDecoder(checkpoint, hasOutput: hasOutput)
        var tree = TokenTree()
        tree.append(ids.map(Int32.init))
        let rows = try forwardRows(decoder, tree) + backwardRows(decoder, tree, ids: ids.map(Int32.init))
        guard !rows.isEmpty else {
            throw ModelError(
                "\(reference.url.path): nothing to compare; hidden.K, logits, loss, grad.NAME or after3.NAME is needed")
        }
        // A damaged weight is better named than reported as a large error.
        if let row = rows.first(where: { !$0.relativeError.isFinite }) {
            if let bad = try checkpoint.nonFiniteWeights().first {
                throw ModelError(
                    "\(checkpoint.folder.path): the weight \(bad) holds NaN or infinity (seen in \(row.name)); download it again"
                )
            }
        }
        return rows
    }

    private func row(_ name: String, _ ours: Tensor) throws -> Row? {
        guard let theirs = try reference.tensor(name) else { return nil }
        // A loss may be written as [] or as [1].
        guard theirs.shape == ours.shape || (theirs.count == 1 && ours.count == 1) else {
            throw ModelError(
                "\(reference.url.path): \(name) has shape \(theirs.shape), this model computes \(ours.shape)")
        }
        return Row(name: name, relativeError: ours.relativeError(to: theirs), tolerance: tolerance(name))
    }

    private func forwardRows(_ decoder: TransformerDecoder, _ tree: TokenTree) throws -> [Row] {
        for name in reference.names where name.hasPrefix("hidden.") {
            guard let block = Int(name.dropFirst("hidden.".count)),
                (0..<decoder.configuration.blockCount).contains(block)
            else {
                throw ModelError(
                    "\(reference.url.path): \(name): the model has blocks 0...\(decoder.configuration.blockCount - 1)")
            }
        }
        let tape = Tape(recording: false, precision: precision)
        var states: [Tensor] = []
        let last = decoder.hidden(tree, tape: tape) { _, hidden in
            states.append(hidden.value.copy())
            return hidden
        }
        var rows: [Row] = []
        for (block, state) in states.enumerated() {
            if let row = try row("hidden.\(block)", state) { rows.append(row) }
        }
        if reference.entries["logits"] != nil, let row = try row("logits", decoder.logits(last, tape: tape)) {
            rows.append(row)
        }
        return rows
    }

    private func backwardRows(_ decoder: TransformerDecoder, _ tree: TokenTree, ids: [Int32]) throws -> [Row] {
        let names = reference.names.filter { $0.hasPrefix("grad.") || $0.hasPrefix("after3.") }
        guard !names.isEmpty || reference.entries["loss"] != nil else { return [] }
        decoder.makeTrainable(precision: precision)
        let byName = Dictionary(uniqueKeysWithValues: decoder.parameters.map { ($0.name, $0) })
        func parameter(_ name: String) throws -> Parameter {
            let fileName = String(name.drop { $0 != "." }.dropFirst())
            guard let canonical = decoder.configuration.weightName(fileName), let parameter = byName[canonical] else {
                throw ModelError("\(reference.url.path): \(name): the model has no such parameter")
            }
            return parameter
        }
        var rows: [Row] = []
        var optimizer = AdamW()
        for step in 0..<3 {
            let loss = ReferenceCheck.backpropagateLanguageLoss(decoder, tree, ids: ids, precision: precision)
            if step == 0 {
                if let row = try row("loss", Tensor([Float(loss)], shape: [])) { rows.append(row) }
                for name in names where name.hasPrefix("grad.") {
                    guard let gradient = try parameter(name).gradient else {
                        throw ModelError("\(reference.url.path): \(name): this model computes no such gradient")
                    }
                    if let row = try row(name, gradient) { rows.append(row) }
                }
            }
            optimizer.update(decoder.parameters, learningRate: 1e-3)
        }
        for name in names where name.hasPrefix("after3.") {
            if let row = try row(name, parameter(name).master) { rows.append(row) }
        }
        return rows
    }

    /// Mean next-token cross-entropy of one sequence, with its gradients left in the decoder's parameters.
    static func backpropagateLanguageLoss(
        _ decoder: TransformerDecoder, _ tree: TokenTree, ids: [Int32], precision: Precision
    ) -> Double {
        let tape = Tape(precision: precision)
        let count = ids.count - 1
        let hidden = decoder.hidden(tree, rows: (0..<Int32(count)).map { $0 }, tape: tape)
        let logProbabilities = decoder.logProbabilities(of: Array(ids.dropFirst()), hidden, tape: tape)
        let loss = -logProbabilities.value.floats().reduce(0) { $0 + Double($1) } / Double(count)
        tape.backward(
            from: logProbabilities,
            gradient: Tensor([Float](repeating: -1 / Float(count), count: count), shape: [count]))
        return loss
    }
}
