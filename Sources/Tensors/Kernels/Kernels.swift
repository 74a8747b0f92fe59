import CKernels

/// Operations on the memory of tensors: the seam between what is computed and where.
///
/// Above this folder the memory of a tensor is opaque: `Buffer` is a handle that is passed on, and nobody asks for its address. Every
/// operation takes tensors, shapes and numbers, so that a device with memory of its own can be a second implementation: buffers that say
/// where they lie, and these functions asking them. What is here is the implementation for this machine's memory, over the C kernels; it
/// and ``Machine`` alone import them. `SeamTests` holds the sources to that.
///
/// What crosses the border, by copying, is in `Kernels+Border.swift`.
///
/// The functions trap on shapes that the C kernels could not bear only where a caller cannot have checked them: operations check before.
enum Kernels {}

extension Tensor {
    /// Where the elements lie in this machine's memory.
    var address: UnsafeMutableRawPointer { buffer.address + byteOffset }
    /// The same of float32.
    var floatAddress: UnsafeMutablePointer<Float> {
        require(elementType == .float32, "float32 expected, \(elementType) found")
        return address.assumingMemoryBound(to: Float.self)
    }
    /// The same of elements that are seen as whole numbers.
    func address<Element>(of type: Element.Type) -> UnsafeMutablePointer<Element> {
        address.assumingMemoryBound(to: Element.self)
    }
    /// What the kernels call the type of the elements.
    var kernelType: ck_type { elementType.kernelType }
}
