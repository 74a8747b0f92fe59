import Foundation
import GGUF
import Tensors

/// The weights of a GGUF file in the order and with the values that this package computes with: what its converter did to them is
/// undone.
struct GGUFWeights: Sendable {
    let file: GGUFFile
    let architecture: GGUFArchitecture
    /// Width of a head, by which interleaved rows are put in order.
    let headWidth: Int

    /// A tensor under its name in the file; nil where there is none. Throws where its rows are not those of whole heads.
    func stored(_ name: String) throws -> StoredWeight? {
        guard let tensor = file.tensor(name) else { return nil }
        let canonical = architecture.canonicalName(name) ?? name
        guard let plain = tensor.plain else {
            guard architecture.isInterleaved(canonical) else { return .packed(tensor) }
            return .packed(tensor.ordered(by: try rowsInHalves(tensor.rows, name)))
        }
        if architecture.isInterleaved(canonical) {
            return .tensor(plain.gatheringRows(try rowsInHalves(plain.rows, name)))
        }
        guard architecture.hasOneAdded(canonical) else { return .tensor(plain) }
        return .tensor(plain.converted(to: .float32).adding(-1))
    }

    private func rowsInHalves(_ count: Int, _ name: String) throws -> [Int32] {
        guard count % headWidth == 0, count <= Int(Int32.max) else {
            throw ModelError(
                "\(file.url.path): \(name) has \(count) rows, no multiple of a head's width, \(headWidth); the file is damaged"
            )
        }
        return GGUFArchitecture.rowsInHalves(count, headWidth: headWidth)
    }
}
