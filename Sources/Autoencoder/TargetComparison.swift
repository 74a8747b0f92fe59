import Foundation
import LanguageModel
import Tensors
import Tokenization

/// How far the activations of a model are from those of another on the same texts: of one that is quantized, say, from those of the model
/// that it was made from.
///
/// The first model is the truth, the second what stands in for it. The fraction of variance explained is that of docs/method.md §3, of unit
/// vectors with the raw-variance denominator; beside it stands that of the activations as they are.
public struct TargetComparison: Sendable {
    /// What is measured over a set of positions.
    public struct Measure: Sendable, Equatable {
        /// Positions.
        public let count: Int
        /// 1 − E‖b̂ − â‖² / E‖â − mean(â)‖², of unit vectors; nil without variance.
        public let varianceExplained: Double?
        /// 1 − E‖b − a‖² / E‖a − mean(a)‖²; nil without variance.
        public let rawVarianceExplained: Double?
        /// cos(a, b) of each position, in increasing order.
        public let cosines: [Double]
        /// KL(a ‖ b) of the next token's distributions of each position, in nats, in increasing order.
        public let divergences: [Double]

        /// The mean of the cosines.
        public var meanCosine: Double { TargetComparison.mean(cosines) }
        /// The mean of the divergences.
        public var meanDivergence: Double { TargetComparison.mean(divergences) }
    }

    /// A model with its tokenizer.
    public struct Side {
        let checkpoint: Checkpoint
        let decoder: TransformerDecoder
        let tokenizer: Tokenizer

        /// Opens a model. Throws a one-line error.
        public init(_ source: ModelSource) throws {
            checkpoint = source.checkpoint
            decoder = try source.decoder()
            tokenizer = try Tokenizer(folder: source.tokenizerFolder)
        }

        /// How its weights are stored.
        public var storage: String { checkpoint.storage }
        /// Its folder or file.
        public var name: String { checkpoint.folder.path }
    }

    /// Over all positions.
    public let all: Measure
    /// Over all but the first of each window.
    public let behindFirst: Measure
    /// By the kind of the token; kinds that do not occur are left out.
    public let kinds: [(kind: TokenClass, measure: Measure)]
    /// K.
    public let layer: Int
    /// Tokens read.
    public let tokens: Int
    /// Windows read.
    public let windowCount: Int

    /// Reads a text with both models. Throws where they have not one width, vocabulary and tokenization, or no block `layer`.
    ///
    /// - Parameters:
    ///   - windowLength: the text is read in windows of so many tokens.
    ///   - tokens: of the text, from its beginning, that are read at most.
    ///   - progress: called with the share of the windows read.
    public init(
        _ a: Side, _ b: Side, text: String, layer: Int, windowLength: Int = 1024, tokens: Int = 16384,
        precision: Precision = .float32, progress: (Double) -> Void = { _ in }
    ) throws {
        try TargetComparison.check(a, b, layer)
        let ids = Array(a.tokenizer.encode(text).prefix(tokens))
        guard ids == Array(b.tokenizer.encode(text).prefix(tokens)) else {
            throw ModelError("\(a.name) and \(b.name) cut the text into other tokens; one text cannot be compared")
        }
        guard !ids.isEmpty else { throw ModelError("the text has no tokens; give some text") }
        let windows = stride(from: 0, to: ids.count, by: windowLength).map {
            Array(ids[$0..<min(ids.count, $0 + windowLength)])
        }
        var sums = [TokenClass: Sums]()
        for (index, window) in windows.enumerated() {
            let (own, other) = (
                try TargetComparison.read(window, a, layer, precision),
                try TargetComparison.read(window, b, layer, precision)
            )
            let divergences = try TargetComparison.divergences(a, own.last, b, other.last, precision)
            let (x, y) = (own.activations.floats(), other.activations.floats()), width = own.activations.width
            for (row, kind) in TokenClass.of(window, a.tokenizer).enumerated() {
                let range = row * width..<(row + 1) * width
                sums[kind, default: Sums(width: width)].add(x[range], y[range], divergences[row])
            }
            progress(Double(index + 1) / Double(windows.count))
        }
        let width = a.decoder.configuration.hiddenSize
        all = sums.values.reduce(into: Sums(width: width)) { $0.add($1) }.measure
        behindFirst = sums.filter { $0.key != .first }.values.reduce(into: Sums(width: width)) { $0.add($1) }.measure
        kinds = TokenClass.allCases.compactMap { kind in sums[kind].map { (kind, $0.measure) } }
        self.layer = layer
        self.tokens = ids.count
        windowCount = windows.count
    }

    private static func check(_ a: Side, _ b: Side, _ layer: Int) throws {
        let (own, other) = (a.decoder.configuration, b.decoder.configuration)
        for (name, one, two) in [
            ("width", own.hiddenSize, other.hiddenSize), ("vocabulary", own.vocabularySize, other.vocabularySize),
        ] where one != two {
            throw ModelError("\(a.name) has a \(name) of \(one), \(b.name) of \(two); they cannot be compared")
        }
        for (side, count) in [(a, own.blockCount), (b, other.blockCount)] where !(0..<count).contains(layer) {
            throw ModelError("\(side.name): has blocks 0...\(count - 1), no block \(layer)")
        }
    }

    /// The activations at the output of block `layer`, and the stream at the output of the last block, of all tokens.
    private static func read(
        _ ids: [Int32], _ side: Side, _ layer: Int, _ precision: Precision
    ) throws -> (activations: Tensor, last: Tensor) {
        var tree = TokenTree()
        tree.append(ids)
        var activations: Tensor?
        let last = side.decoder.hidden(tree, tape: Tape(recording: false, precision: precision)) { block, hidden in
            if block == layer { activations = hidden.value.copy() }
            return hidden
        }
        guard let activations else { trap("no activations at the output of block \(layer)") }
        guard activations.firstNonFinite() == nil else {
            throw side.checkpoint.nonFiniteError("at the output of block \(layer)")
        }
        return (activations, last.value)
    }

    /// KL(a ‖ b) of each row.
    private static func divergences(
        _ a: Side, _ own: Tensor, _ b: Side, _ other: Tensor, _ precision: Precision
    ) throws -> [Double] {
        let tape = Tape(recording: false, precision: precision)
        var result: [Double] = []
        for begin in stride(from: 0, to: own.rows, by: 128) {
            let range = begin..<min(own.rows, begin + 128)
            let truth = a.decoder.distributions(Variable(own.rows(range)), tape: tape)
            let found = b.decoder.divergences(from: truth, Variable(other.rows(range)), tape: tape).value.floats()
            guard found.allSatisfy(\.isFinite) else { throw b.checkpoint.nonFiniteError("in the logits") }
            // Rounding leaves a little below 0.
            result += found.map { Double($0).atLeast(0) }
        }
        return result
    }

    static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(1, values.count)) }

    /// The value below which this share of values in increasing order lies; nil of none.
    public static func quantile(_ sorted: [Double], _ share: Double) -> Double? {
        guard !sorted.isEmpty else { return nil }
        let place = share.clamped(to: 0...1) * Double(sorted.count - 1), index = Int(place)
        let next = sorted[min(index + 1, sorted.count - 1)]
        return sorted[index] + (place - Double(index)) * (next - sorted[index])
    }
}

/// What the measures are made of, added up in float64.
private struct Sums {
    private var count = 0.0
    /// Σ‖a‖², Σ‖b − a‖², and Σa.
    private var squares = 0.0, errors = 0.0
    private var sum: [Double]
    /// Σ‖â‖², Σ‖b̂ − â‖² and Σâ; zero vectors stay zero.
    private var unitSquares = 0.0, unitErrors = 0.0
    private var unitSum: [Double]
    private var cosines: [Double] = []
    private var divergences: [Double] = []

    init(width: Int) {
        sum = [Double](repeating: 0, count: width)
        unitSum = sum
    }

    mutating func add(_ a: ArraySlice<Float>, _ b: ArraySlice<Float>, _ divergence: Double) {
        var aa = 0.0, bb = 0.0, ab = 0.0, error = 0.0
        for (x, y) in zip(a, b) {
            let (x, y) = (Double(x), Double(y))
            aa += x * x
            bb += y * y
            ab += x * y
            error += (y - x) * (y - x)
        }
        let cosine = aa > 0 && bb > 0 ? (ab / (aa * bb).squareRoot()).clamped(to: -1...1) : 0
        let inverse = aa > 0 ? 1 / aa.squareRoot() : 0
        for (index, x) in a.enumerated() {
            sum[index] += Double(x)
            unitSum[index] += Double(x) * inverse
        }
        count += 1
        squares += aa
        errors += error
        unitSquares += aa > 0 ? 1 : 0
        unitErrors += (aa > 0 ? 1 : 0) + (bb > 0 ? 1 : 0) - 2 * cosine
        cosines.append(cosine)
        divergences.append(divergence)
    }

    mutating func add(_ other: Sums) {
        count += other.count
        squares += other.squares
        errors += other.errors
        unitSquares += other.unitSquares
        unitErrors += other.unitErrors
        for index in sum.indices {
            sum[index] += other.sum[index]
            unitSum[index] += other.unitSum[index]
        }
        cosines += other.cosines
        divergences += other.divergences
    }

    var measure: TargetComparison.Measure {
        /// 1 − Σ‖error‖² / Σ‖a − mean(a)‖²
        func explained(_ errors: Double, _ squares: Double, _ sum: [Double]) -> Double? {
            let variance = squares - sum.reduce(0) { $0 + $1 * $1 } / max(1, count)
            return count > 1 && variance > 1e-12 * squares ? 1 - errors / variance : nil
        }
        return .init(
            count: Int(count), varianceExplained: explained(unitErrors, unitSquares, unitSum),
            rawVarianceExplained: explained(errors, squares, sum), cosines: cosines.sorted(),
            divergences: divergences.sorted())
    }
}
