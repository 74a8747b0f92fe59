import CKernels

extension Tensor {
    /// Rows out of several tensors as one, in float32: a training batch out of mapped shards.
    ///
    /// - Parameters:
    ///   - places: for each row of the result, which tensor and which row of it.
    ///   - tensors: floating-point tensors, all with rows of `width` elements.
    ///   - width: elements of a row.
    /// - Returns: [places, width] float32.
    public static func gatheringRows(
        _ places: [(tensor: Int, row: Int)], of tensors: [Tensor], width: Int
    ) -> Tensor {
        require(tensors.allSatisfy { $0.width == width }, "rows of other widths than \(width)")
        let result = Tensor(uninitialized: [places.count, width], .float32)
        let target = result.floatAddress
        for (index, place) in places.enumerated() {
            let source = tensors[place.tensor]
            require(place.row >= 0 && place.row < source.rows, "row \(place.row) of \(source.rows)")
            let address = source.address + place.row * width * source.elementType.byteCount
            if source.elementType == .float32 {
                (target + index * width).update(from: address.assumingMemoryBound(to: Float.self), count: width)
            } else {
                ck_convert(address, source.kernelType, target + index * width, CK_F32, width)
            }
        }
        return result
    }
}
