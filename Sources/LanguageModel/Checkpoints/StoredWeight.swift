import GGUF
import Tensors

/// A weight as a checkpoint stores it: a number for each element, or packed into blocks.
package enum StoredWeight: Sendable {
    /// An array of numbers, in place where nothing had to be changed.
    case tensor(Tensor)
    /// Rows of blocks of a GGUF file.
    case packed(GGMLTensor)

    /// Lengths of the axes, outermost first.
    package var shape: [Int] {
        switch self {
        case .tensor(let tensor): tensor.shape
        case .packed(let tensor): tensor.shape
        }
    }

    /// The type of the elements; nil where they are packed.
    package var elementType: ElementType? { if case .tensor(let tensor) = self { tensor.elementType } else { nil } }

    /// The name of the elements' type: `BF16`, `Q4_K`.
    package var typeName: String {
        switch self {
        case .tensor(let tensor): tensor.elementType.rawValue
        case .packed(let tensor): tensor.type.name
        }
    }

    /// Bytes it takes as stored.
    package var byteCount: Int {
        switch self {
        case .tensor(let tensor): tensor.byteCount
        case .packed(let tensor): tensor.byteCount
        }
    }

    /// Some of the bytes as they lie in memory, for hashing.
    package func bytes(_ range: Range<Int>) -> [UInt8] {
        switch self {
        case .tensor(let tensor): tensor.bytes(range)
        case .packed(let tensor): tensor.bytes(range)
        }
    }

    /// Whether the elements are weights, not whole numbers.
    var isFloatingPoint: Bool {
        switch self {
        case .tensor(let tensor): tensor.elementType.isFloatingPoint
        case .packed(let tensor): !tensor.type.isInteger && tensor.type != .f64
        }
    }

    /// The weight that operations read.
    ///
    /// - Parameters:
    ///   - name: its family-independent name.
    ///   - place: the file, for messages.
    func parameter(_ name: String, place: String) throws -> Parameter {
        switch self {
        case .tensor(let tensor): return Parameter(name: name, tensor)
        case .packed(let tensor): return try Parameter(name: name, packed: tensor, place: place)
        }
    }
}

extension Parameter {
    /// A frozen weight that stays packed. The one place where blocks of a GGUF file become a weight.
    fileprivate convenience init(name: String, packed: GGMLTensor, place: String) throws {
        throw ModelError(
            "\(place): \(name) is stored as \(packed.type.name), with which this version does not compute yet")
    }
}
