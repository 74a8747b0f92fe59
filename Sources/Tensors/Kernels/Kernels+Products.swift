import CKernels

/// Products, and the weights that they read where they lie.
extension Kernels {
    /// Runs several products in one round of the worker threads.
    static func run(_ products: [Product]) {
        if products.isEmpty { return }
        let matrices = products.map { product -> ck_stored in
            if case .stored(let matrix) = product.b { matrix.kernelMatrix } else { ck_stored() }
        }
        let message = matrices.withUnsafeBufferPointer { matrices in
            let jobs = zip(products, matrices.indices).map { product, index in
                product.job(stored: matrices.baseAddress.map { $0.advanced(by: index) })
            }
            return withExtendedLifetime(products) { ck_matmul_run(jobs, jobs.count) }
        }
        if let message { trap(String(cString: message)) }
    }

    /// Rows of a stored matrix as numbers, all of them without `rows`.
    static func unpack(_ matrix: StoredMatrix, rows: [Int32]?, to result: Tensor) {
        withExtendedLifetime(matrix) {
            var stored = matrix.kernelMatrix
            ck_unpack_rows(&stored, rows, rows?.count ?? matrix.rows, result.address, result.kernelType)
        }
    }
}

extension Product {
    fileprivate func job(stored: UnsafePointer<ck_stored>?) -> ck_matmul {
        let (m, k) = aIsTransposed ? (a.width, a.rows) : (a.rows, a.width)
        let (n, depth) = bIsTransposed ? (b.rows, b.width) : (b.width, b.rows)
        require(k == depth && c.rows == m && c.width == n, "a product of \(a.shape) and \(b.shape) into \(c.shape)")
        var job = ck_matmul()
        (job.m, job.n, job.k) = (m, n, k)
        (job.a, job.a_type, job.a_stride, job.a_transposed) = (
            UnsafeRawPointer(a.address), a.kernelType, a.width, aIsTransposed
        )
        job.b_transposed = bIsTransposed
        switch b {
        case .dense(let tensor):
            (job.b, job.b_type, job.b_stride) = (UnsafeRawPointer(tensor.address), tensor.kernelType, tensor.width)
        case .stored: job.stored = stored
        }
        job.bias = bias.map { UnsafePointer($0.floatAddress) }
        (job.c, job.c_type, job.c_stride, job.accumulate) = (c.address, c.kernelType, c.width, accumulates)
        return job
    }
}

extension StoredMatrix {
    /// What the kernels take, valid as long as the matrix is.
    fileprivate var kernelMatrix: ck_stored {
        switch form {
        case .blocks(let layout, let bytes, let order):
            ck_stored(
                layout: layout.kernelLayout, rows: rows, columns: width, codes: UnsafeRawPointer(bytes.address),
                row_bytes: bytes.width, order: order.map { UnsafePointer($0.address(of: Int32.self)) },
                grouped: ck_grouped())
        case .groups(let codes): codes.kernelMatrix
        }
    }
}

extension GroupedCodes {
    fileprivate var kernelMatrix: ck_stored {
        var grouped = ck_grouped()
        grouped.code = code.kernelCode
        grouped.scale_type = scales.elementType.kernelScale ?? CK_SCALE_F32
        grouped.rounding = rounding.kernelType
        (grouped.group_rows, grouped.group_columns, grouped.groups) = (group.rows, group.columns, scales.width)
        grouped.group_of = groupOfColumn.map { UnsafePointer($0.address(of: Int32.self)) }
        grouped.scales = UnsafeRawPointer(scales.address)
        grouped.offsets = offsets.map { UnsafeRawPointer($0.address) }
        grouped.zero = Float(zero)
        grouped.zeros = zeroPoints.map { UnsafePointer($0.address(of: Int8.self)) }
        grouped.factor = factor
        if case .pick(let numbers, _) = code {
            withUnsafeMutableBytes(of: &grouped.numbers) { target in
                numbers.withUnsafeBytes { target.copyMemory(from: $0) }
            }
        }
        return ck_stored(
            layout: CK_GROUPED, rows: rows, columns: width, codes: UnsafeRawPointer(codes.address),
            row_bytes: codes.width, order: nil, grouped: grouped)
    }
}
