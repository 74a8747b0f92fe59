import CKernels

/// One matrix product for the kernels: C (+)= op(A) · op(B) + bias.
struct Product {
    /// [m, k], or [k, m] if it is transposed; its type decides the arithmetic.
    var a: Tensor
    var aIsTransposed = false
    /// [k, n], or [n, k] if it is transposed, as weights are.
    var b: WeightStorage
    var bIsTransposed = false
    /// [n] float32
    var bias: Tensor?
    /// [m, n]
    var c: Tensor
    /// Whether the product is added to what C holds.
    var accumulates: Bool

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

    private func job(stored: UnsafePointer<ck_stored>?) -> ck_matmul {
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
