/// Next-token distributions that others are held against.
public struct TokenDistributions: Sendable {
    /// [rows, vocabulary] float32, each row adding up to 1.
    public let probabilities: Tensor
    /// Σ p log p of each row, in nats.
    let negativeEntropies: [Double]

    /// Distributions of rows of probabilities [rows, vocabulary], float32.
    init(_ probabilities: Tensor) {
        self.probabilities = probabilities
        negativeEntropies = Kernels.rowEntropies(probabilities)
    }

    private init(_ probabilities: Tensor, _ negativeEntropies: [Double]) {
        self.probabilities = probabilities
        self.negativeEntropies = negativeEntropies
    }

    /// Distributions over one vocabulary below one another.
    public static func stacking(_ all: [TokenDistributions]) -> TokenDistributions {
        let rows = all.indices.flatMap { index in
            (0..<all[index].probabilities.rows).map { (tensor: index, row: $0) }
        }
        return TokenDistributions(
            .gatheringRows(rows, of: all.map(\.probabilities), width: all.first?.probabilities.width ?? 0),
            all.flatMap(\.negativeEntropies))
    }
}

extension Tape {
    /// The softmax of logits, row by row; no gradient.
    public func distributions(_ parts: [LogitPart]) -> TokenDistributions {
        let logits = logits(parts)
        _ = softmax(inPlace: logits)
        return TokenDistributions(logits)
    }

    /// KL(p ‖ q) in nats for the softmax q of each row of logits: how far predictions have moved. All logits are in memory at once.
    ///
    /// - Parameters:
    ///   - parts: what the logits are the sum of, all with the same rows and vocabulary.
    ///   - clean: p, as many rows.
    /// - Returns: [rows], float32; rounding may leave a divergence of about 1e-6 below 0.
    public func divergences(_ parts: [LogitPart], from clean: TokenDistributions) -> Variable {
        let p = clean.probabilities, rows = p.rows
        let logits = logits(parts)
        require(logits.shape == p.shape, "distributions of \(p.shape) for logits of \(logits.shape)")
        // KL = Σ p log p − Σ p z + log Σ exp z, since Σ p = 1.
        let crossed = Kernels.rowDots(logits, p)
        let normalizers = softmax(inPlace: logits)
        let output = Tensor(
            (0..<rows).map { Float(clean.negativeEntropies[$0] - crossed[$0] + normalizers[$0]) }, shape: [rows])
        return result(output, from: parts.map(\.input), parameters: parts.map(\.table)) { gradient in
            // dz = (q − p) times the gradient.
            Kernels.add(p, to: logits, scale: -1)
            Kernels.scaleRows(logits, by: gradient, to: logits)
            let dlogits = logits.converted(to: self.precision.elementType)
            for part in parts {
                let dx = part.input.needsGradient ? part.input.gradientTarget() : nil
                self.logitsBackward(part, dx, dlogits, 0..<rows)
            }
        }
    }

    /// Replaces logits by their softmax; returns log Σ exp of each row.
    private func softmax(inPlace logits: Tensor) -> [Double] {
        let rows = logits.rows, width = logits.width
        let first = Kernels.floats(of: logits, at: (0..<rows).map { $0 * width })
        let output = Tensor(uninitialized: [rows], .float32)
        Kernels.tokenLogProbabilities(
            logits, targets: [Int32](repeating: 0, count: rows), to: output, probabilities: logits)
        // log P(token 0) = z₀ − log Σ exp z
        return zip(first, output.floats()).map { Double($0) - Double($1) }
    }
}
