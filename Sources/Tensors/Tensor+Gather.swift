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
        // What comes out of one tensor is one operation.
        var order: [Int] = [], found: [Int: (rows: [Int32], places: [Int32])] = [:]
        for (index, place) in places.enumerated() {
            require(
                place.row >= 0 && place.row < tensors[place.tensor].rows,
                "row \(place.row) of \(tensors[place.tensor].rows)")
            if found[place.tensor] == nil { order.append(place.tensor) }
            found[place.tensor, default: ([], [])].rows.append(Int32(place.row))
            found[place.tensor, default: ([], [])].places.append(Int32(index))
        }
        for tensor in order {
            guard let own = found[tensor] else { continue }
            Kernels.gatherRows(own.rows, of: tensors[tensor], to: result, places: own.places)
        }
        return result
    }
}
