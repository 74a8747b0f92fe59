import Autoencoder
import Foundation
import LanguageModel
import Tensors
import TestSupport
import Testing
import Tokenization

@Suite("Comparing targets")
struct TargetComparisonTests {
    private let full = goldens.appending(path: "pairs/qwen2/target")
    private let text = "The dog found a key in the mill. She sang to the river, 12 times. A key wants the dog."

    private func side(_ folder: URL) throws -> TargetComparison.Side { try .init(ModelSource(folder: folder)) }

    private func quantized(in scratch: URL, bits: Int) throws -> URL {
        var options = ModelQuantizer.Options()
        (options.bits, options.groupSize) = (bits, 32)
        let folder = scratch.appending(path: "q\(bits)")
        _ = try ModelQuantizer(Checkpoint(folder: full), options).write(to: folder)
        return folder
    }

    @Test("A model is at no distance from itself")
    func same() throws {
        let comparison = try TargetComparison(side(full), side(full), text: text, layer: 2)
        #expect(comparison.all.varianceExplained.map { abs($0 - 1) < 1e-9 } == true)
        #expect(comparison.all.rawVarianceExplained == 1)
        #expect(comparison.all.cosines.allSatisfy { abs($0 - 1) < 1e-9 })
        #expect(comparison.all.meanDivergence < 1e-5)
        #expect(comparison.all.count == comparison.tokens && comparison.behindFirst.count == comparison.tokens - 1)
        #expect(comparison.kinds.reduce(0) { $0 + $1.measure.count } == comparison.tokens)
        #expect(comparison.kinds.first?.kind == .first)
    }

    @Test("The measures are those of the activations and logits, in windows")
    func values() throws {
        try withScratch { scratch in
            let other = try quantized(in: scratch, bits: 4)
            let comparison = try TargetComparison(side(full), side(other), text: text, layer: 2, windowLength: 12)
            let ids = try Tokenizer(folder: full).encode(text)
            #expect(comparison.tokens == ids.count && comparison.windowCount == (ids.count + 11) / 12)
            let windows = stride(from: 0, to: ids.count, by: 12).map { Array(ids[$0..<min(ids.count, $0 + 12)]) }
            let (a, b) = (try read(full, windows), try read(other, windows))
            let rows = try Scores.rows(b.activations, a.activations)
            let variance = try RawVariance(a.activations, set: "a")
            let wanted = try #require(Scores.fractionOfVarianceExplained(rows, variance))
            #expect(abs(try #require(comparison.all.varianceExplained) - wanted) < 1e-6)
            #expect(wanted > 0.5 && wanted < 0.9999)
            #expect(abs(comparison.all.meanCosine - Scores.meanCosine(rows)) < 1e-7)
            // 1 − Σ‖b − a‖² / Σ‖a − mean‖²
            let (x, y) = (a.activations.floats().map(Double.init), b.activations.floats().map(Double.init))
            let width = a.activations.width
            let mean = (0..<width).map { column in
                stride(from: column, to: x.count, by: width).reduce(0) { $0 + x[$1] } / Double(a.activations.rows)
            }
            let errors = zip(x, y).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            let spread = x.enumerated().reduce(0) { sum, entry in
                sum + (entry.element - mean[entry.offset % width]) * (entry.element - mean[entry.offset % width])
            }
            #expect(abs(try #require(comparison.all.rawVarianceExplained) - (1 - errors / spread)) < 1e-6)
            #expect(abs(comparison.all.meanDivergence - divergence(a.logits, b.logits)) < 1e-4)
            #expect(comparison.all.meanDivergence > 1e-4)
            #expect(comparison.kinds.first { $0.kind == .first }?.measure.count == windows.count)
        }
    }

    @Test("More bits are nearer")
    func bits() throws {
        try withScratch { scratch in
            let measures = try [3, 4, 8].map { bits in
                try TargetComparison(
                    side(full), side(quantized(in: scratch, bits: bits)), text: text, layer: 3
                ).all
            }
            for (coarse, fine) in zip(measures, measures.dropFirst()) {
                #expect(try #require(coarse.varianceExplained) < #require(fine.varianceExplained))
                #expect(coarse.meanDivergence > fine.meanDivergence)
            }
        }
    }

    @Test("Models of other widths, and blocks that are not there, are refused")
    func refused() throws {
        let tiny = try side(bundledPair.appending(path: "target"))
        #expect(throws: ModelError.self) { try TargetComparison(side(full), tiny, text: text, layer: 2) }
        #expect(throws: ModelError.self) { try TargetComparison(side(full), side(full), text: text, layer: 4) }
        #expect(throws: ModelError.self) { try TargetComparison(side(full), side(full), text: "", layer: 2) }
    }

    @Test("Tokens are told apart by what they are")
    func kinds() throws {
        let tokenizer = try Tokenizer(folder: bundledPair.appending(path: "target"))
        let ids = tokenizer.encode("Rosa took 12 saddles, and left.")
        let kinds = TokenClass.of(ids, tokenizer)
        #expect(kinds.count == ids.count && kinds[0] == .first)
        for (id, kind) in zip(ids, kinds).dropFirst() {
            let word = tokenizer.decode([id], skipSpecialTokens: false)
            switch kind {
            case .number: #expect(word.contains { $0.isNumber }, "\(word)")
            case .wordStart: #expect(word.hasPrefix(" "), "\(word)")
            case .wordInside: #expect(word.first?.isLetter == true, "\(word)")
            case .punctuation: #expect(word.contains { ",.".contains($0) }, "\(word)")
            case .space: #expect(word.allSatisfy { $0.isWhitespace }, "\(word)")
            default: Issue.record("\(word) is of the kind \(kind)")
            }
        }
        #expect(Set(kinds).isSuperset(of: [.first, .wordStart, .punctuation, .number]))
    }

    @Test("A quantile lies between its neighbours")
    func quantiles() {
        #expect(TargetComparison.quantile([], 0.5) == nil)
        #expect(TargetComparison.quantile([1, 2, 4], 0.5) == 2)
        #expect(TargetComparison.quantile([1, 2, 4], 0.75) == 3)
        #expect(TargetComparison.quantile([1, 2, 4], 1) == 4)
    }

    /// Activations at the output of block 2 and logits of windows, all rows below one another.
    private func read(_ folder: URL, _ windows: [[Int32]]) throws -> (activations: Tensor, logits: [[Double]]) {
        let checkpoint = try Checkpoint(folder: folder)
        let extractor = ActivationExtractor(checkpoint, try TransformerDecoder(checkpoint), precision: .float32)
        let result = try extractor.extract(windows, .init(layers: [2], logits: true))
        let logits = try #require(result.logits)
        return (
            try #require(result.hidden[2]),
            (0..<logits.rows).map { logits.rows($0..<$0 + 1).floats().map(Double.init) }
        )
    }

    /// The mean of Σ p (log p − log q).
    private func divergence(_ a: [[Double]], _ b: [[Double]]) -> Double {
        func logProbabilities(_ logits: [Double]) -> [Double] {
            let largest = logits.max() ?? 0
            let normalizer = largest + log(logits.reduce(0) { $0 + exp($1 - largest) })
            return logits.map { $0 - normalizer }
        }
        let sums = zip(a, b).map { one, other in
            zip(logProbabilities(one), logProbabilities(other)).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
        }
        return sums.reduce(0, +) / Double(sums.count)
    }
}
