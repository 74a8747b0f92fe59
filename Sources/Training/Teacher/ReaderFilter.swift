import Autoencoder
import Claims
import LanguageModel
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
    public func filter(_ explanations: [String], _ vectors: Tensor, _ report: inout Report) throws -> [String?] {
        require(explanations.count == vectors.rows, "an explanation for each vector")
        let sentences = explanations.map(Sentences.split)
        var texts: [String] = [], rows: [Int32] = []
        for (row, all) in sentences.enumerated() {
            texts.append(explanations[row])
            rows.append(Int32(row))
            for left in all.indices {
                texts.append((all[..<left] + all[(left + 1)...]).joined(separator: " "))
                rows.append(Int32(row))
            }
        }
        guard !texts.isEmpty else { return [] }
        let scores = try Scores.rows(reader.reconstruct(texts), vectors.gatheringRows(rows))
        var next = 0
        return sentences.map { all in
            let whole = scores[next].meanSquaredError
            let kept = all.enumerated().filter { scores[next + 1 + $0.offset].meanSquaredError - whole > gain }
            next += 1 + all.count
            report.sentences += all.count
            report.kept += kept.count
            if kept.isEmpty { report.emptied += 1 }
            return kept.isEmpty ? nil : kept.map(\.element).joined(separator: " ")
        }
    }
}
