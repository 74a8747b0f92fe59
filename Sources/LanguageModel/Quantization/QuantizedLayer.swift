import Foundation
import Tensors

/// The tensors of one layer in a quantized checkpoint, each checked before it is used.
struct QuantizedLayer {
    /// The family-independent name, such as `layers.0.mlp.up_proj`.
    let name: String
    /// Outputs of the layer, or words of the vocabulary.
    let rows: Int
    /// Inputs of the layer, or the width of an embedding.
    let width: Int
    let checkpoint: Checkpoint

    /// An error about a part.
    func fail(_ part: String, _ reason: String) -> ModelError {
        let name = "\(name).\(part)"
        return ModelError("\(checkpoint.folder.path): \(checkpoint.fileNames[name] ?? name): \(reason)")
    }

    /// A part by what follows the layer's name, such as `weight_scale`; nil where there is none.
    func part(_ part: String) throws -> Tensor? { try checkpoint.tensor("\(name).\(part)") }

    /// A part that must be there, of this shape and one of these types.
    func part(_ part: String, _ shape: [Int], _ types: ElementType...) throws -> Tensor {
        try self.part(part, shape, types)
    }

    private func part(_ part: String, _ shape: [Int], _ types: [ElementType]) throws -> Tensor {
        guard let tensor = try self.part(part) else {
            throw fail(part, "the checkpoint has no such tensor, which its quantized layer needs; download it again")
        }
        guard tensor.shape == shape else {
            throw fail(
                part, "its shape is \(tensor.shape), config.json asks for \(shape); they do not belong together")
        }
        guard types.contains(tensor.elementType) else {
            let wanted = types.map(\.rawValue).joined(separator: " or ")
            throw fail(part, "it holds \(tensor.elementType.rawValue), \(wanted) is needed; download it again")
        }
        return tensor
    }

    /// Scales, or what is added to scaled numbers, of this shape: numbers, all of them finite.
    ///
    /// - Parameter types: floating-point types, or those of one byte.
    func scales(
        _ part: String, _ shape: [Int], _ types: ElementType..., seenAs type: ElementType? = nil
    ) throws -> Tensor {
        let types = types.isEmpty ? ElementType.allCases.filter(\.isFloatingPoint) : types
        let found = try self.part(part, shape, types)
        let tensor = type.map { found.viewed(as: $0) } ?? found
        try checkFinite(tensor, part)
        return tensor
    }

    /// Throws if a scale is NaN or infinite.
    func checkFinite(_ tensor: Tensor, _ part: String) throws {
        guard let place = tensor.firstBadScale() else { return }
        throw fail(part, "element \(place) is NaN or infinite; download it again")
    }

    /// Throws unless the columns are whole groups.
    func checkGroups(of size: Int) throws {
        guard width % size == 0 else {
            throw ModelError(
                "\(checkpoint.folder.path): \(name): its \(width) columns are no whole groups of \(size), as config.json has them"
            )
        }
    }

    /// The group of each column by a tensor `g_idx` of whole numbers; nil where column c is of group c / size.
    ///
    /// Throws if it names a group that is not there.
    func groupOfColumn(_ part: String, size: Int, groups: Int) throws -> [Int32]? {
        guard try self.part(part) != nil else { return nil }
        let indices = try self.part(part, [width], .int32).integers()
        guard indices.enumerated().contains(where: { $0.element != $0.offset / size }) else { return nil }
        guard let bad = indices.first(where: { $0 < 0 || $0 >= groups }) else { return indices.map(Int32.init) }
        throw fail(part, "a column is of group \(bad), the layer has \(groups); download it again")
    }
}
