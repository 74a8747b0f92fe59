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
    static func run(_ products: [Product]) { Kernels.run(products) }
}
