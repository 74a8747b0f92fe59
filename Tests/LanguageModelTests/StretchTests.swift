import Foundation
import LanguageModel
import Tensors
import TestSupport
import Testing

/// A pass of many rows goes through each block in stretches; nothing of that is to be seen in what comes out.
@Suite("Passes in stretches")
struct StretchTests {
    private func decoders(
        _ family: String, rowsAtOnce: Int
    ) throws -> (whole: TransformerDecoder, stretched: TransformerDecoder) {
        let checkpoint = try Checkpoint(folder: goldens.appendingPathComponent("models/\(family)"))
        let stretched = try TransformerDecoder(checkpoint)
        stretched.rowsAtOnce = rowsAtOnce
        return (try TransformerDecoder(checkpoint), stretched)
    }

    @Test(
        "Every block of a tree with injected vectors, all rows or some, is that of one pass",
        arguments: FamilyTests.families, [1, 7, 64])
    func values(family: String, rowsAtOnce: Int) throws {
        let (whole, stretched) = try decoders(family, rowsAtOnce: rowsAtOnce)
        var random = Random(seed: 11)
        var tree = randomTree(segments: 8, vocabulary: 37, using: &random)
        tree.inject(segment: 0, offset: 0)
        tree.inject(segment: 5, offset: 0)
        let vectors = Variable(Tensor.random([2, whole.configuration.hiddenSize], using: &random))
        let some = (0..<Int32(tree.rowCount)).filter { _ in Bool.random(using: &random) }
        for rows in [nil, some, [Int32(tree.rowCount - 1)]] {
            func blocks(_ decoder: TransformerDecoder) -> [Tensor] {
                var seen: [Tensor] = []
                let last = decoder.hidden(tree, vectors: vectors, rows: rows, tape: Tape(recording: false)) {
                    #expect($0 == seen.count)
                    seen.append($1.value.copy())
                    return $1
                }
                return seen + [last.value]
            }
            for (block, (a, b)) in zip(blocks(stretched), blocks(whole)).enumerated() {
                #expect(a.shape == b.shape && a.relativeError(to: b) < 1e-5, "block \(block)")
            }
        }
    }

    @Test("Going on from a stream that was changed, too", arguments: FamilyTests.families)
    func behind(family: String) throws {
        let (whole, stretched) = try decoders(family, rowsAtOnce: 5)
        var random = Random(seed: 12)
        let tree = randomTree(segments: 5, vocabulary: 37, using: &random)
        let stream = Tensor.random([tree.rowCount, whole.configuration.hiddenSize], using: &random)
        let results = [stretched, whole].map {
            $0.hidden(tree, behind: 0, stream: Variable(stream.copy()), tape: Tape(recording: false)).value
        }
        #expect(results[0].relativeError(to: results[1]) < 1e-5)
    }

    @Test("A cache that is filled in stretches is gone on from alike", arguments: FamilyTests.families)
    func prefill(family: String) throws {
        let (whole, stretched) = try decoders(family, rowsAtOnce: 6)
        var random = Random(seed: 13)
        let first = randomTree(segments: 3, vocabulary: 37, using: &random)
        let second = randomTree(segments: 4, vocabulary: 37, using: &random)
        let logits = try [stretched, whole].map { decoder -> [Tensor] in
            // So small that it must grow, and so is cut into runs.
            let session = DecodingSession(decoder, precision: .float32, expectedRows: 8)
            let base = session.prefill(first)
            let ends = session.prefill(second, after: base[2])
            return try (ends.compactMap { session.logits(behind: $0) } + [#require(session.logits(behind: base[2]))])
        }
        #expect(logits[0].count == logits[1].count && logits[0].count > 1)
        for (a, b) in zip(logits[0], logits[1]) { #expect(a.relativeError(to: b) < 1e-5) }
    }

    @Test("A long text is extracted as in one pass, with logits, at positions in any order")
    func extraction() throws {
        let checkpoint = try Checkpoint(folder: goldens.appendingPathComponent("models/qwen2"))
        var random = Random(seed: 14)
        let texts = [3, 50, 4].map { length in (0..<length).map { _ in Int32.random(in: 0..<37, using: &random) } }
        let results = try [4, 4096].map { rows in
            let decoder = try TransformerDecoder(checkpoint)
            decoder.rowsAtOnce = rows
            return try ActivationExtractor(checkpoint, decoder, precision: .float32).extract(
                texts, at: [[1], [44, 2, -1, 2], nil], layers: [0, 1], logits: true)
        }
        #expect(results[0].positions == [1, 44, 2, 49, 2, 0, 1, 2, 3] && results[0].offsets == [0, 1, 5, 9])
        for layer in [0, 1] {
            let (a, b) = (try #require(results[0].hidden[layer]), try #require(results[1].hidden[layer]))
            #expect(a.relativeError(to: b) < 1e-5)
        }
        #expect(try #require(results[0].logits).relativeError(to: #require(results[1].logits)) < 1e-5)
    }

    @Test("Texts of which nothing is wanted take part, and are not computed")
    func nothingWanted() throws {
        let checkpoint = try Checkpoint(folder: goldens.appendingPathComponent("models/qwen2"))
        let extractor = ActivationExtractor(checkpoint, try TransformerDecoder(checkpoint), precision: .float32)
        let none = try extractor.extract([[1, 2], [3]], .init(layers: [1], positions: [], logits: true))
        #expect(none.offsets == [0, 0, 0] && none.hidden[1]?.rows == 0 && none.logits?.rows == 0)
        let some = try extractor.extract([[1, 2], [3, 4]], at: [[], [1]], layers: [1])
        let alone = try extractor.extract([[3, 4]], at: [[1]], layers: [1])
        #expect(try #require(some.hidden[1]).relativeError(to: #require(alone.hidden[1])) < 1e-6)
    }
}
