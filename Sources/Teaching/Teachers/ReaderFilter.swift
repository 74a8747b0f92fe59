import Autoencoder
import Claims
import Tensors

/// Keeps of an explanation what a reader of the vector agrees with: sentences without which a reconstructor rebuilds the vector
/// worse. For explanations by a model that saw the text alone, where no labelled facts exist to fit probes to.
///
/// The reader must have learnt from other documents.
public struct ReaderFilter {
    /// What became of the sentences.
    public struct Report: Sendable, Equatable {
        /// Sentences read, and those kept.
        public var sentences = 0, kept = 0
        /// Explanations of which nothing was left.
        public var emptied = 0

        /// Nothing read yet.
        public init() {}
    }

    private let reader: Reconstructor
    private let gain: Double

    /// A filter.
    ///
    /// - Parameter gain: by how much leaving a sentence out must raise the normalized error for it to stay.
    public init(_ reader: Reconstructor, gain: Double = 0) {
        self.reader = reader
        self.gain = gain
    }

    /// Filters explanations of vectors [n, d]; nil where no sentence stays.
    ///
    /// The sentence that is missed least goes first, then the others are judged again: of two that say the same one stays.
    public func filter(_ explanations: [String], _ vectors: Tensor, _ report: inout Report) throws -> [String?] {
        require(explanations.count == vectors.rows, "an explanation for each vector")
        var left = explanations.map(Sentences.split)
        report.sentences += left.reduce(0) { $0 + $1.count }
        var open = left.indices.filter { !left[$0].isEmpty }
        while !open.isEmpty {
            let texts = open.flatMap { row -> [[String]] in
                let all = left[row]
                return [all] + all.indices.map { Array(all[..<$0] + all[($0 + 1)...]) }
            }
            let rows = open.flatMap { row in [Int32](repeating: Int32(row), count: left[row].count + 1) }
            let scores = try Scores.rows(
                reader.reconstruct(texts.map { $0.joined(separator: " ") }), vectors.gatheringRows(rows))
            var next = 0
            open = open.filter { row -> Bool in
                let errors: [Double] = scores[next..<next + left[row].count + 1].map { $0.meanSquaredError }
                next += errors.count
                let least = errors.indices.dropFirst().min { errors[$0] < errors[$1] } ?? 0
                guard least > 0, errors[least] - errors[0] <= gain else { return false }
                left[row].remove(at: least - 1)
                return !left[row].isEmpty
            }
        }
        report.kept += left.reduce(0) { $0 + $1.count }
        report.emptied += left.count(where: \.isEmpty)
        return left.map { $0.isEmpty ? nil : $0.joined(separator: " ") }
    }
}
