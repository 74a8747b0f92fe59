import CKernels

/// What moves elements about, changes their type, or looks for one.
extension Kernels {
    /// Zeros of any type.
    static func clear(_ tensor: Tensor) { ck_clear_bytes(tensor.address, tensor.byteCount) }

    /// The elements of `from` in the type of `to`, both of floating point.
    static func convert(_ from: Tensor, to: Tensor) {
        ck_convert(from.address, from.kernelType, to.address, to.kernelType, from.count)
    }

    /// The elements of `from` as they are; the tensors have one type and do not overlap.
    static func copy(_ from: Tensor, to: Tensor) {
        if from.elementType.isFloatingPoint { return convert(from, to: to) }
        ck_copy_bytes(from.address, from.byteCount, to.address)
    }

    /// Whether two tensors of as many bytes hold the same.
    static func holdSameBytes(_ a: Tensor, _ b: Tensor) -> Bool { ck_same_bytes(a.address, b.address, a.byteCount) }

    /// Whether two lie in the same memory, such as a mapped file's.
    static func lieTogether(_ a: Tensor, _ b: Tensor) -> Bool { a.address == b.address && a.byteCount == b.byteCount }

    /// Whether an int8 tensor holds a number.
    static func holds(_ number: Int8, _ tensor: Tensor) -> Bool {
        ck_holds_byte(tensor.address, UInt8(bitPattern: number), tensor.count)
    }

    /// to[i] = from[rows[i]], of one type.
    static func gatherRows(_ rows: [Int32], of from: Tensor, to: Tensor) {
        ck_gather_rows(from.address, rows, rows.count, from.width * from.elementType.byteCount, to.address)
    }

    /// to[places[i]] = from[rows[i]] in float32; places differ.
    static func gatherRows(_ rows: [Int32], of from: Tensor, to: Tensor, places: [Int32]) {
        ck_gather_rows_as_f32(from.address, from.kernelType, rows, places, rows.count, from.width, to.floatAddress)
    }

    /// The rows of the ranges, in order, become the rows of `from`.
    static func storeRows(_ from: Tensor, in to: Tensor, _ ranges: [Range<Int>]) {
        ck_store_rows(
            from.address, ranges.map(ck_row_range.init), ranges.count, to.width * to.elementType.byteCount, to.address)
    }

    /// Rows become zero.
    static func clearRows(_ rows: [Int32], of tensor: Tensor) {
        let ranges = rows.map { ck_row_range(Int($0)..<Int($0) + 1) }
        ck_clear_rows(tensor.address, ranges, ranges.count, tensor.width * tensor.elementType.byteCount)
    }

    /// to[rows[i]] += from[i], float32, equal rows in order.
    static func addRows(_ from: Tensor, to: Tensor, rows: [Int32]) {
        ck_scatter_add_rows(from.floatAddress, rows, rows.count, from.width, to.floatAddress)
    }

    /// Which rows of either tensor have an element other than zero, a 1 for each.
    static func nonzeroRows(_ a: Tensor, _ b: Tensor) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: a.rows)
        ck_nonzero_rows(a.floatAddress, b.floatAddress, a.rows, a.width, &result)
        return result
    }

    /// [rows, columns] ↦ [columns, rows], for elements of up to four bytes.
    static func transpose(_ from: Tensor, to: Tensor) {
        ck_transpose(from.address, from.shape[0], from.shape[1], from.elementType.byteCount, to.address)
    }

    /// Words of eight codes, see `ck_transpose_nibbles`.
    static func transposeNibbles(_ from: Tensor, to: Tensor, order: [UInt8]) {
        ck_transpose_nibbles(
            from.address(of: UInt32.self), from.rows, 8 * from.width, order, to.address(of: UInt8.self))
    }

    /// Packed codes as one byte each, see `ck_spread_codes`.
    static func spreadCodes(_ bytes: Tensor, to: Tensor, bits: Int, adding added: Int) {
        ck_spread_codes(
            bytes.address(of: UInt8.self), bytes.rows, bytes.width, Int32(bits), to.width, Int32(added),
            to.address(of: UInt8.self))
    }

    /// Index of the first NaN or infinity of a tensor of floating point.
    static func firstNonFinite(_ tensor: Tensor) -> Int? {
        let index = ck_first_nonfinite(tensor.address, tensor.kernelType, tensor.count)
        return index < 0 ? nil : index
    }

    /// Index of the first scale that is NaN or infinite.
    static func firstBadScale(_ tensor: Tensor, _ type: ck_scale_type) -> Int? {
        let index = ck_first_bad_scale(tensor.address, type, tensor.count)
        return index < 0 ? nil : index
    }

    /// Uniform numbers in ±√3·deviation.
    static func fillRandom(_ tensor: Tensor, deviation: Float, seed: UInt32) {
        ck_fill_random(tensor.address, tensor.kernelType, deviation, seed, tensor.count)
    }

    /// Float32 weights in blocks of Q8_0; [blocks, 34] uint8. Nil where a scale is too large for float16.
    static func quantizedQ8_0(_ weights: Tensor) -> Tensor? {
        let layout = StoredLayout.q8_0, blocks = weights.count / layout.blockWidth
        let result = Tensor(uninitialized: [blocks, layout.blockByteCount], .uint8)
        return ck_quantize_q8_0(weights.floatAddress, blocks, result.address) < 0 ? result : nil
    }
}

extension ck_row_range {
    fileprivate init(_ range: Range<Int>) { self.init(row: range.lowerBound, count: range.count) }
}
