import LanguageModel
import Tensors
import Tokenization

/// Responses to activations as one token tree: the prompt's beginning once, its rest once per activation, each response once.
/// Several responses may share an activation, as the samples of one group do.
public struct VerbalizerBatch {
    /// A response to one of the activations.
    public struct Response: Sendable {
        /// Row of the activation.
        public var activation: Int
        /// Its tokens, the stop token included; at least one.
        public var ids: [Int32]

        /// A response.
        public init(activation: Int, ids: [Int32]) {
            self.activation = activation
            self.ids = ids
        }
    }

    /// The vectors as they are injected, [n, d] float32.
    public let prepared: Tensor
    /// The responses.
    public let responses: [Response]
    /// Where each response's tokens lie in the result.
    public let ranges: [Range<Int>]
    /// Tokens of all responses.
    public var tokenCount: Int { ranges.last?.upperBound ?? 0 }
}

extension Verbalizer {
    /// The tokens of an explanation as the verbalizer is to write it, between its tags.
    public func responseIDs(_ explanation: String) -> [Int32] {
        tokenizer.encode(Explanation.openTag + explanation + Explanation.closeTag, addSpecialTokens: false)
    }

    /// Checks and prepares activations [n, d] with responses to them. Throws for vectors of another width, and for NaN or infinity.
    public func batch(_ vectors: Tensor, _ responses: [VerbalizerBatch.Response]) throws -> VerbalizerBatch {
        let prepared = try injection.prepared(checked(vectors))
        var ranges: [Range<Int>] = [], end = 0
        for response in responses {
            require(!response.ids.isEmpty, "a response of no tokens")
            require((0..<vectors.rows).contains(response.activation), "a response to no activation")
            ranges.append(end..<end + response.ids.count)
            end += response.ids.count
        }
        return VerbalizerBatch(prepared: prepared, responses: responses, ranges: ranges)
    }

    /// log P of every response token given the activation, the prompt and the tokens before it: [tokens], float32, in the order of
    /// `batch.ranges`. Supervised, policy-gradient and KL losses are arithmetic on these; `tape.backward` takes their derivative.
    ///
    /// - Parameter temperature: of the distribution, above 0.
    public func responseLogProbabilities(
        _ batch: VerbalizerBatch, temperature: Float = 1, tape: Tape
    ) -> Variable {
        logProbabilities(of: batch.responses, Variable(batch.prepared), temperature: temperature, tape: tape)
    }

    /// The same of responses to activations [n, d], float32, with a gradient by these, back through the injection: which way to push
    /// an activation for a verbalizer to write something. They must be finite and of the right width.
    public func responseLogProbabilities(
        _ responses: [VerbalizerBatch.Response], to vectors: Variable, tape: Tape
    ) -> Variable {
        require(vectors.value.width == sidecar.width, "vectors of \(vectors.value.width) numbers, not \(sidecar.width)")
        return logProbabilities(of: responses, injection.prepared(vectors, tape: tape), temperature: 1, tape: tape)
    }

    private func logProbabilities(
        of responses: [VerbalizerBatch.Response], _ prepared: Variable, temperature: Float, tape: Tape
    ) -> Variable {
        require(!responses.isEmpty, "no responses")
        var tree = TokenTree()
        let shared = tree.append(prompt.prefix)
        // Activations that nobody responds to cost nothing.
        let used = Array(Set(responses.map(\.activation))).sorted()
        let segments = used.map { _ in tree.append(prompt.suffix, after: shared) }
        let segmentOf = Dictionary(uniqueKeysWithValues: zip(used, segments))
        var rows: [Int32] = segments.map { Int32(tree.segments[$0].rows.upperBound - 1) }
        let readOf = Dictionary(uniqueKeysWithValues: zip(used, rows.indices.map(Int32.init)))
        // Which of the read rows predicts each token: the first token's is shared by the responses to one activation.
        var predicting: [Int32] = []
        for response in responses {
            guard let segment = segmentOf[response.activation], let first = readOf[response.activation] else {
                continue
            }
            predicting.append(first)
            guard response.ids.count > 1 else { continue }
            // The last token predicts nothing, so it is not computed.
            let own = tree.append(Array(response.ids.dropLast()), after: segment)
            for row in tree.segments[own].rows {
                predicting.append(Int32(rows.count))
                rows.append(Int32(row))
            }
        }
        let vectors = tape.selecting(used.map(Int32.init), of: prepared)
        let place = injection.place(vectors, in: &tree, segments: segments, tape: tape)
        let hidden = decoder.hidden(
            tree, vectors: place.vectors, rows: rows, tape: tape, observer: place.observer)
        let isOneToOne = predicting.elementsEqual(0..<Int32(rows.count))
        let read = isOneToOne ? hidden : tape.selecting(predicting, of: hidden)
        return decoder.logProbabilities(
            of: responses.flatMap(\.ids), read, temperature: temperature, tape: tape)
    }
}
