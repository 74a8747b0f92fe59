import CKernels
import Foundation

/// The border: what copies values into the memory of tensors and out of it, as Swift arrays or bytes of files. A device copies here.
extension Kernels {
    /// Fills a tensor with the bytes of an array of as many.
    static func fill<Element: BitwiseCopyable>(_ tensor: Tensor, with values: [Element]) {
        values.withUnsafeBytes { bytes in
            require(bytes.count == tensor.byteCount, "\(bytes.count) bytes for \(tensor.elementType) \(tensor.shape)")
            if let base = bytes.baseAddress { ck_copy_bytes(base, bytes.count, tensor.address) }
        }
    }

    /// The elements of a tensor of floating point, in float32.
    static func floats(of tensor: Tensor) -> [Float] {
        [Float](unsafeUninitializedCapacity: tensor.count) { target, filled in
            if tensor.count > 0, let base = target.baseAddress {
                ck_convert(tensor.address, tensor.kernelType, base, CK_F32, tensor.count)
            }
            filled = tensor.count
        }
    }

    /// Scales as numbers.
    static func floats(ofScales tensor: Tensor, _ type: ck_scale_type) -> [Float] {
        [Float](unsafeUninitializedCapacity: tensor.count) { target, filled in
            if tensor.count > 0, let base = target.baseAddress {
                ck_scale_numbers(tensor.address, type, tensor.count, base)
            }
            filled = tensor.count
        }
    }

    /// The elements of a float32 tensor at some places in row-major order.
    static func floats(of tensor: Tensor, at places: [Int]) -> [Float] {
        require(places.allSatisfy { $0 >= 0 && $0 < tensor.count }, "an element outside 0..<\(tensor.count)")
        return [Float](unsafeUninitializedCapacity: places.count) { target, filled in
            if !places.isEmpty, let base = target.baseAddress {
                ck_gather_elements(tensor.floatAddress, places.map(Int64.init), places.count, base)
            }
            filled = places.count
        }
    }

    /// One element of a tensor of floating point.
    static func float(of tensor: Tensor, at index: Int) -> Float {
        var value: Float = 0
        ck_plain_convert(
            tensor.address + index * tensor.elementType.byteCount, tensor.kernelType, &value, CK_F32, 1)
        return value
    }

    /// The elements of a tensor of whole numbers.
    static func integers<Element: FixedWidthInteger & BitwiseCopyable>(
        of tensor: Tensor, as type: Element.Type
    ) -> [Int] {
        (0..<tensor.count).map {
            Int(tensor.address.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Element>.size, as: type))
        }
    }

    /// Some of the bytes.
    static func bytes(of tensor: Tensor, _ range: Range<Int>) -> [UInt8] {
        Array(UnsafeRawBufferPointer(start: tensor.address + range.lowerBound, count: range.count))
    }

    /// Appends the elements to a file as they lie in memory.
    static func write(_ tensor: Tensor, to file: AtomicFile) throws {
        try withExtendedLifetime(tensor) {
            try file.write(UnsafeRawBufferPointer(start: tensor.address, count: tensor.byteCount))
        }
    }
}
