import Tensors

extension TransformerDecoder {
    /// A decoder to be trained from the beginning, float32: matrices of the given deviation, those that write to the residual
    /// stream smaller by 1/√(2·blocks) so that its variance does not grow with depth (Radford et al. 2019, §2.3), biases zero,
    /// norms one.
    public convenience init(untrained configuration: DecoderConfiguration, deviation: Float = 0.02, seed: UInt64) {
        var random = Random(seed: seed, 0x696E_6974)
        let outputShare = 1 / Float(2 * max(1, configuration.blockCount)).squareRoot()
        self.init(configuration, blockCount: nil) { name, shape in
            let seed = random.next()
            if name.hasSuffix("norm.weight") {
                let ones = [Float](repeating: 1 - configuration.normOffset, count: shape.reduce(1, *))
                return Parameter(name: name, Tensor(ones, shape: shape))
            }
            if name.hasSuffix(".bias") { return Parameter(name: name, Tensor(zeros: shape)) }
            let writes = name.hasSuffix("o_proj.weight") || name.hasSuffix("down_proj.weight")
            return Parameter(
                name: name,
                .uniform(shape, .float32, deviation: writes ? deviation * outputShare : deviation, seed: seed))
        }
    }
}
