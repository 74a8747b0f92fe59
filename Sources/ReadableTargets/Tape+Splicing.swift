import Tensors

extension Tape {
    /// A residual stream in which what was rebuilt of some activations stands in their places, each at its activation's length: how a splice
    /// is made wherever a loss goes on through one.
    ///
    /// - Parameters:
    ///   - rebuilt: [rows, d] float32, of any length.
    ///   - stream: [tokens, d] float32. Nothing else may use it from here on but ``selecting(_:of:)`` before.
    package func splicing(_ rebuilt: Variable, into rows: [Int32], of stream: Variable) -> Variable {
        let norms = stream.value.gatheringRows(rows).rowNorms
        return replacing(rows, of: stream, with: scaledRows(rebuilt, toNorms: norms))
    }
}
