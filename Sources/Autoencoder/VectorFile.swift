import Foundation
import LanguageModel
import Tensors

/// Activations in a safetensors file: one tensor [n, d].
public enum VectorFile {
    /// Names that mark the activations among other tensors, as `nla extract` writes them beside ids.
    private static let names = ["activations", "vectors", "reconstructions"]

    /// Reads the vectors, in float32. A single vector [d] is one row. Throws if the file holds no such tensor, or several, if the
    /// width is another, and for NaN or infinity, naming the row. A sidecar beside the file is checked too.
    ///
    /// - Parameter reader: the sidecar of the model that is to read them; nil for any.
    public static func read(_ file: URL, for reader: Sidecar? = nil) throws -> Tensor {
        guard FileManager.default.fileExists(atPath: file.path) else { throw ModelError("\(file.path): no such file") }
        let stored = try SafetensorsFile(file)
        guard
            let name = names.first(where: { stored.entries[$0] != nil })
                ?? (stored.names.count == 1 ? stored.names[0] : nil)
        else {
            throw ModelError(
                "\(file.path): holds \(stored.names.isEmpty ? "nothing" : stored.names.prefix(6).joined(separator: ", ")); "
                    + "one tensor [n, d] is needed, or one named activations")
        }
        let tensor = try stored.requiredTensor(name)
        guard tensor.elementType.isFloatingPoint, (1...2).contains(tensor.shape.count), tensor.count > 0 else {
            throw ModelError(
                "\(file.path): \(name) is \(tensor.elementType) \(tensor.shape); floating-point [n, d] is needed")
        }
        let vectors = tensor.converted(to: .float32).reshaped(
            tensor.shape.count == 1 ? [1, tensor.count] : tensor.shape)
        if let reader, vectors.width != reader.width {
            throw ModelError(
                "\(file.path): \(name) has \(vectors.width) numbers per row, this autoencoder reads \(reader.width); it comes from another model"
            )
        }
        if let sidecar = try Sidecar.read(beside: file) {
            let place = Sidecar.place(beside: file)
            try sidecar.check(.dataSet(width: vectors.width, layer: sidecar.layer), at: place, against: file.path)
            if let reader { try sidecar.check(reader, at: place, against: "this autoencoder") }
        }
        if let bad = vectors.firstNonFinite() {
            throw ModelError(
                "\(file.path): row \(bad / vectors.width) of \(name) holds NaN or infinity; every number must be finite"
            )
        }
        return vectors
    }

    /// The rows of vectors read from a file that have a direction: not all zeros, of which words can say nothing. Throws if there is
    /// none.
    public static func directed(_ vectors: Tensor, of file: URL) throws -> [Int] {
        let rows = (0..<vectors.rows).filter { Scores.norm(vectors.rows($0..<$0 + 1)) > 0 }
        guard !rows.isEmpty else {
            throw ModelError("\(file.path): every row is all zeros, and has no direction that words could say")
        }
        return rows
    }

    /// Writes vectors [n, d] as `activations`, without a sidecar: reconstructions are no data set.
    public static func write(_ vectors: Tensor, to file: URL) throws {
        try Sidecar.write(nil, beside: file) { try SafetensorsFile.write([("activations", vectors)], to: file) }
    }
}
