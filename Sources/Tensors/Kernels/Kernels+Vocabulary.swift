import CKernels

/// Softmax over a vocabulary, and drawing from it.
extension Kernels {
    /// log softmax(logits)[target] of each row; the softmax itself goes to `probabilities`, which may be the logits.
    static func tokenLogProbabilities(_ logits: Tensor, targets: [Int32], to output: Tensor, probabilities: Tensor?) {
        ck_token_log_probabilities(
            logits.floatAddress, targets, logits.rows, logits.width, output.floatAddress, probabilities?.address,
            probabilities?.kernelType ?? CK_F32)
    }

    /// In place: p ← coefficient · (onehot(target) − p).
    static func tokenLogProbabilitiesBackward(
        _ probabilities: Tensor, targets: [Int32], logProbabilities: Tensor, coefficients: Tensor
    ) {
        ck_token_log_probabilities_backward(
            probabilities.address, probabilities.kernelType, targets, logProbabilities.floatAddress,
            coefficients.floatAddress, probabilities.rows, probabilities.width)
    }

    /// One token for each row, with its log-probability.
    static func draw(
        from logits: Tensor, _ samplings: [Sampling], edits: [[Sampling.Edit]], uniforms: [Double]
    ) -> (tokens: [Int32], logProbabilities: [Float]) {
        let flat = edits.flatMap { row in
            row.map { ck_logit_edit(token: $0.token, bias: $0.bias, repetition: $0.repetition, penalty: $0.penalty) }
        }
        let scratch = Tensor(uninitialized: [2, logits.rows, logits.width], .float32)
        var tokens = [Int32](repeating: 0, count: logits.rows)
        var logProbabilities = [Float](repeating: 0, count: logits.rows)
        flat.withUnsafeBufferPointer { flat in
            var begin = 0
            let settings = samplings.indices.map { row in
                let sampling = samplings[row], count = edits.isEmpty ? 0 : edits[row].count
                defer { begin += count }
                return ck_sampling(
                    temperature: sampling.temperature, top_p: sampling.topP, top_k: sampling.topK ?? 0,
                    uniform: uniforms[row], min_p: sampling.minP,
                    edits: count > 0 ? flat.baseAddress.map { $0 + begin } : nil, edit_count: count)
            }
            ck_sample(
                logits.floatAddress, logits.rows, logits.width, settings, &tokens, &logProbabilities,
                scratch.floatAddress)
        }
        return (tokens, logProbabilities)
    }

    /// The most probable tokens of a row of logits, most probable first.
    static func mostProbable(_ count: Int, of logits: Tensor) -> [Int32] {
        var tokens = [Int32](repeating: 0, count: count)
        if count > 0 { ck_most_probable(logits.floatAddress, logits.count, count, &tokens) }
        return tokens
    }
}
