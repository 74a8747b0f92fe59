import Autoencoder
import Foundation
import LanguageModel
import Tensors
import TestSupport
import Testing

@Suite("Verbalizing")
struct VerbalizingTests {
    private let golden: GoldenPair
    private let verbalizer: Verbalizer

    init() throws {
        golden = try GoldenPair("qwen2")
        verbalizer = try Verbalizer(folder: golden.av, precision: .float32)
    }

    @Test("What is written about a vector does not depend on the vectors beside it", arguments: GoldenPair.names)
    func independence(name: String) throws {
        let golden = try GoldenPair(name)
        let verbalizer = try Verbalizer(folder: golden.av, precision: .float32)
        let vectors = try golden.tensor("activations")
        let options = Verbalizer.Options(temperature: 0.7, maximumTokens: 24, samples: 2, seed: 9)
        let together = try verbalizer.explain(vectors, options)
        var narrow = options
        narrow.batchSize = 3
        #expect(try verbalizer.explain(vectors, narrow).map { $0.map(\.ids) } == together.map { $0.map(\.ids) })
        for row in 0..<vectors.rows {
            var alone = options
            alone.keys = [UInt64(row)]
            #expect(
                try verbalizer.explain(vectors.rows(row..<row + 1), alone)[0].map(\.ids) == together[row].map(\.ids))
        }
    }

    @Test("Seeds and samples differ, and repeat")
    func seeds() throws {
        let vectors = try golden.tensor("activations").rows(3..<4)
        func write(_ seed: UInt64) throws -> [[Int32]] {
            try verbalizer.explain(vectors, .init(temperature: 1.5, maximumTokens: 24, samples: 4, seed: seed))[0].map(
                \.ids)
        }
        let one = try write(1)
        #expect(try write(1) == one)
        #expect(try write(2) != one)
        #expect(Set(one).count > 1)
    }

    @Test("Pieces put together are the texts, and each text ends once")
    func pieces() throws {
        let vectors = try golden.tensor("activations")
        var texts = [String](repeating: "", count: vectors.rows), ends: [Int] = []
        let explained = try verbalizer.explain(vectors) { piece in
            texts[piece.row] += piece.text
            if piece.finished != nil { ends.append(piece.row) }
        }
        #expect(texts == explained.map { $0[0].text })
        #expect(ends.sorted() == Array(0..<vectors.rows))
    }

    @Test("A text that is cut off counts as incomplete, and is shown")
    func cut() throws {
        let explained = try verbalizer.explain(golden.tensor("activations").rows(0..<1), .init(maximumTokens: 6))[0][0]
        #expect(!explained.isComplete && explained.ids.count == 6)
        #expect(explained.description == "rea" && explained.text == "<explanation> rea")
    }

    @Test("Explanations are what stands between the tags")
    func tags() {
        #expect(Explanation(text: "x <explanation>\n a b \n</explanation> y").description == "a b")
        #expect(Explanation(text: "<explanation>a").description == "a")
        #expect(!Explanation(text: "<explanation>a").isComplete)
        #expect(Explanation(text: " plain ").description == "plain")
        #expect(Explanation.inside("</explanation><explanation>") == nil)
        #expect(Explanation.inside("<explanation></explanation>") == "")
    }

    @Test("Vectors of another width, with NaN or with infinity are refused, naming the row")
    func badVectors() throws {
        #expect(message { _ = try verbalizer.explain(Tensor(zeros: [2, 31])) }?.contains("31 numbers each") == true)
        #expect(message { _ = try verbalizer.explain(Tensor(zeros: [32])) }?.contains("[n, 32]") == true)
        for bad in [Float.nan, .infinity, -.infinity] {
            var values = [Float](repeating: 1, count: 96)
            values[70] = bad
            #expect(message { _ = try verbalizer.explain(Tensor(values, shape: [3, 32])) }?.contains("row 2") == true)
        }
        #expect(try verbalizer.explain(Tensor(zeros: [0, 32])).isEmpty)
    }

    @Test("Vectors are scaled to the sidecar's norm; zero stays zero, and great ones do not overflow")
    func scaling() throws {
        let injection = Injection(.replace, norm: 5)
        let prepared = try injection.prepared(Tensor([3, 4, 0, 0, 3e38, 3e38, 1e-40, 0], shape: [4, 2])).floats()
        #expect(prepared[0] == 3 && prepared[1] == 4 && prepared[2] == 0 && prepared[3] == 0)
        #expect(abs(prepared[4] - 5 / Float(2).squareRoot()) < 1e-5 && abs(prepared[6] - 5) < 1e-3)
        #expect(try Injection(.replace).prepared(Tensor([3, 4], shape: [1, 2])).floats() == [3, 4])
        #expect(
            try Injection(.normMatchedAdd, norm: 9).prepared(Tensor([3, 4], shape: [1, 2])).floats() == [0.6, 0.8])
    }

    @Test("The length of a vector does not matter, its direction does")
    func direction() throws {
        let vectors = try golden.tensor("activations").rows(0..<2)
        let longer = Tensor(vectors.floats().map { $0 * 37 }, shape: vectors.shape)
        let (a, b) = (try verbalizer.explain(vectors), try verbalizer.explain(longer))
        #expect(a.map { $0[0].ids } == b.map { $0[0].ids } && a[0][0].ids != a[1][0].ids)
    }

    @Test("Weights with NaN are named")
    func damagedWeights() throws {
        let scratch = try Scratch()
        let folder = try scratch.copy(golden.av)
        let file = folder.appending(path: "model.safetensors")
        let stored = try SafetensorsFile(file)
        let tensors = try stored.names.map { name in
            let tensor = try stored.requiredTensor(name)
            return name == "model.norm.weight"
                ? (name, Tensor([Float](repeating: .nan, count: tensor.count), shape: tensor.shape))
                : (name, tensor.copy())
        }
        try SafetensorsFile.write(tensors, to: file)
        let damaged = try Verbalizer(folder: folder, precision: .float32)
        #expect(message { _ = try damaged.explain(Tensor(zeros: [1, 32])) }?.contains("model.norm.weight") == true)
    }
}
