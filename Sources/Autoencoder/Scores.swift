import LanguageModel
import Tensors

/// How good a reconstruction is (docs/method.md §3). All sums in float64.
public enum Scores {
    /// What a reconstruction p is worth as a stand-in for the activation g.
    public struct Row: Sendable, Equatable {
        /// mean((p̂ − ĝ)²) with both scaled to norm √d; for non-zero vectors 2(1 − cos), so 0...4, and 2 is orthogonal.
        public let meanSquaredError: Double
        /// p·g / (‖p‖‖g‖); 0 if one of them is zero.
        public let cosine: Double
    }

    /// Compares predictions [n, d] with truths [n, d], or with a single truth [1, d] (or the other way round).
    /// Throws if the shapes do not fit, and for NaN or infinity, naming the row.
    public static func rows(_ predictions: Tensor, _ truths: Tensor) throws -> [Row] {
        guard predictions.width == truths.width else {
            throw ModelError("vectors of \(predictions.width) and of \(truths.width) numbers cannot be compared")
        }
        guard predictions.rows == truths.rows || predictions.rows == 1 || truths.rows == 1 else {
            throw ModelError("\(predictions.rows) vectors cannot be compared with \(truths.rows)")
        }
        try checkFinite(predictions, "the predictions")
        try checkFinite(truths, "the vectors")
        let width = predictions.width, p = predictions.floats(), g = truths.floats()
        return (0..<max(predictions.rows, truths.rows)).map { row in
            let a = p[(predictions.rows == 1 ? 0 : row) * width..<(predictions.rows == 1 ? 1 : row + 1) * width]
            let b = g[(truths.rows == 1 ? 0 : row) * width..<(truths.rows == 1 ? 1 : row + 1) * width]
            return self.row(a, b)
        }
    }

    private static func row(_ p: ArraySlice<Float>, _ g: ArraySlice<Float>) -> Row {
        var dot = 0.0, pp = 0.0, gg = 0.0
        for (a, b) in zip(p, g) {
            dot += Double(a) * Double(b)
            pp += Double(a) * Double(a)
            gg += Double(b) * Double(b)
        }
        let cosine = pp > 0 && gg > 0 ? (dot / (pp * gg).squareRoot()).clamped(to: -1...1) : 0
        // ‖p̂/√d − ĝ/√d‖², where a zero vector stays zero.
        return Row(meanSquaredError: (pp > 0 ? 1 : 0) + (gg > 0 ? 1 : 0) - 2 * cosine, cosine: cosine)
    }

    /// ‖v‖ over all numbers of a tensor.
    public static func norm(_ vector: Tensor) -> Double {
        vector.floats().reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    }

    static func checkFinite(_ vectors: Tensor, _ name: String) throws {
        if let bad = vectors.firstNonFinite() {
            throw ModelError(
                "row \(bad / max(1, vectors.width)) of \(name) holds NaN or infinity; every number must be finite")
        }
    }

    /// The fraction of variance explained, `1 − E[mse] / E‖ĝ − mean(ĝ)‖²`, with the raw-variance denominator.
    /// Nil without rows or without variance.
    public static func fractionOfVarianceExplained(_ rows: [Row], _ variance: RawVariance) -> Double? {
        guard !rows.isEmpty, variance.variance > 0 else { return nil }
        return 1 - meanSquaredError(rows) / variance.variance
    }

    /// The same with the renormalized-mean denominator, `E‖ĝ − mean(ĝ)/‖mean(ĝ)‖‖²`: several points higher, and not ours. Only
    /// ever shown under this name. Nil where the variance was stored without the mean's norm.
    public static func renormalizedMeanVarianceExplained(_ rows: [Row], _ variance: RawVariance) -> Double? {
        guard !rows.isEmpty, let denominator = variance.renormalizedMeanVariance, denominator > 0 else { return nil }
        return 1 - meanSquaredError(rows) / denominator
    }

    /// The mean of the rows' errors; 0 for no rows.
    public static func meanSquaredError(_ rows: [Row]) -> Double {
        rows.reduce(0) { $0 + $1.meanSquaredError } / Double(max(1, rows.count))
    }

    /// The mean of the rows' cosines; 0 for no rows.
    public static func meanCosine(_ rows: [Row]) -> Double {
        rows.reduce(0) { $0 + $1.cosine } / Double(max(1, rows.count))
    }
}

/// The denominator of FVE: `E‖ĝ − mean(ĝ)‖²` over unit vectors ĝ of a named set (docs/method.md §3).
public struct RawVariance: Sendable, Equatable {
    /// E‖ĝ − mean(ĝ)‖², 0...1
    public var variance: Double
    /// ‖mean(ĝ)‖², for the renormalized-mean variant.
    public var squaredMeanNorm: Double?
    /// The set it was computed on.
    public var set: String
    /// Vectors in it.
    public var count: Int?

    /// A variance computed earlier.
    public init(variance: Double, squaredMeanNorm: Double? = nil, set: String, count: Int? = nil) {
        self.variance = variance
        self.squaredMeanNorm = squaredMeanNorm
        self.set = set
        self.count = count
    }

    /// The variance of vectors [n, d]; zero vectors stay zero. Throws for NaN or infinity, naming the row.
    public init(_ vectors: Tensor, set: String) throws {
        try Scores.checkFinite(vectors, "the vectors")
        let width = vectors.width, count = vectors.rows, values = vectors.floats()
        var mean = [Double](repeating: 0, count: width), squares = 0.0
        for row in 0..<count {
            let range = row * width..<(row + 1) * width
            let norm = values[range].reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            guard norm > 0 else { continue }
            squares += 1
            for (index, value) in values[range].enumerated() { mean[index] += Double(value) / norm }
        }
        let n = Double(max(1, count))
        let meanSquare = mean.reduce(0) { $0 + ($1 / n) * ($1 / n) }
        // E‖ĝ − m‖² = E‖ĝ‖² − ‖m‖²
        self.init(variance: (squares / n - meanSquare).atLeast(0), squaredMeanNorm: meanSquare, set: set, count: count)
    }

    /// E‖ĝ − m/‖m‖‖² = E‖ĝ‖² + 1 − 2‖m‖, where E‖ĝ‖² = variance + ‖m‖²; nil if the mean's norm is unknown.
    public var renormalizedMeanVariance: Double? {
        squaredMeanNorm.map { variance + $0 + 1 - 2 * $0.squareRoot() }
    }
}
