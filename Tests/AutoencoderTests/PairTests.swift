import Autoencoder
import Foundation
import JSON
import LanguageModel
import Tensors
import TestSupport
import Testing
import Tokenization

@Suite("Pairs and targets")
struct PairTests {
    private let golden: GoldenPair

    init() throws { golden = try GoldenPair("qwen2") }

    @Test("The hash of a target does not depend on its files, and changes with one weight or one setting")
    func hash() throws {
        let scratch = try Scratch()
        let checkpoint = try Checkpoint(folder: golden.target)
        let hash = try TargetHash.compute(checkpoint)
        #expect(hash.count == 64)
        try checkpoint.write(
            TransformerDecoder(checkpoint), type: .bfloat16, shardBytes: 20_000, to: scratch.path("shards"))
        #expect(try TargetHash.compute(Checkpoint(folder: scratch.path("shards"))) == hash)

        let decoder = try TransformerDecoder(checkpoint)
        let norm = try #require(decoder.finalNorm)
        var values = norm.value.floats()
        values[3] += 0.25
        norm.set(master: Tensor(values, shape: [values.count]), precision: .float32)
        try checkpoint.write(decoder, type: .bfloat16, to: scratch.path("changed"))
        #expect(try TargetHash.compute(Checkpoint(folder: scratch.path("changed"))) != hash)

        let other = try scratch.copy(golden.target)
        try edit(other.appending(path: "config.json"), "\"rms_norm_eps\": 1e-06", "\"rms_norm_eps\": 1e-05")
        #expect(try TargetHash.compute(Checkpoint(folder: other)) != hash)
    }

    @Test("Another target than the recorded one is refused")
    func wrongTarget() throws {
        let pair = try Pair(folder: golden.folder)
        #expect(pair.targetHash == nil)
        _ = try pair.openTarget(golden.target)
        let identity = Sidecar.TargetIdentity(hash: try TargetHash.compute(Checkpoint(folder: golden.target)))
        pair.verbalizer.sidecar.target = identity
        _ = try pair.openTarget(golden.target)
        // Any other folder of this shape will do.
        #expect(message { _ = try pair.openTarget(golden.av) }?.contains("content hash") == true)
        pair.reconstructor.sidecar.target = Sidecar.TargetIdentity(hash: "00")
        #expect(message { _ = try Pair(pair.verbalizer, pair.reconstructor) }?.contains("target hash") == true)
        #expect(message { _ = try pair.openTarget(golden.ar) } != nil)
    }

    @Test("Two that do not belong together are refused")
    func mismatch() throws {
        let pair = try Pair(folder: golden.folder)
        pair.verbalizer.sidecar.layer = 1
        #expect(message { _ = try Pair(pair.verbalizer, pair.reconstructor) }?.contains("layer 1 and 2") == true)
        let scratch = try Scratch()
        _ = try scratch.copy(golden.av)
        #expect(message { _ = try Pair(folder: scratch.url) }?.contains("no folder ar") == true)
    }

    @Test("A round trip over a text keeps the best sample, scores it, and says which position it was")
    func roundTrip() throws {
        let pair = try Pair(folder: golden.folder)
        let target = try pair.openTarget(golden.target)
        let ids = target.tokenizer.encode("The dog found a key in the mill.")
        let positions = try TextPositions.chosen(of: ids.count)
        let activations = try target.activations(ids, positions: positions)
        let variance = try #require(try TextExplainer.variance(pair, else: activations))
        #expect(!variance.isRecorded)
        let explainer = TextExplainer(pair, variance: variance.variance)
        let greedy = try explainer.explain(activations, .init())
        #expect(greedy.map(\.index) == positions)
        #expect(greedy[4].explanation.description == "reads key after a")
        #expect(greedy.allSatisfy { $0.score.cosine > 0.9 })
        let fraction = try #require(Scores.fractionOfVarianceExplained(greedy.map(\.score), variance.variance))
        let mean = greedy.reduce(0) { $0 + ($1.varianceExplained ?? 0) } / Double(greedy.count)
        #expect(abs(fraction - mean) < 1e-9)

        let one = try explainer.explain(activations, .init(temperature: 2, maximumTokens: 24, samples: 1, seed: 3))
        let best = try explainer.explain(activations, .init(temperature: 2, maximumTokens: 24, samples: 6, seed: 3))
        for (a, b) in zip(one, best) { #expect(b.score.meanSquaredError <= a.score.meanSquaredError + 1e-6) }
        #expect(best[0].samples == 6)
    }

    @Test("Positions: all of a short text, spread over a long one, as asked for")
    func positions() throws {
        #expect(try TextPositions.chosen(of: 5) == [0, 1, 2, 3, 4])
        let long = try TextPositions.chosen(of: 1000)
        #expect(long.count <= TextPositions.defaultCount && long.last == 999)
        #expect(try TextPositions.chosen(of: 10, every: 4) == [1, 5, 9])
        #expect(try TextPositions.chosen(of: 10, positions: [3, -1]) == [3, 9])
        #expect(message { _ = try TextPositions.chosen(of: 10, positions: [-11]) }?.contains("-11") == true)
        #expect(message { _ = try TextPositions.chosen(of: 0) }?.contains("no tokens") == true)
    }

    @Test("Tokens that are parts of a character are shown as parts of it")
    func parts() throws {
        let tokenizer = try Tokenizer(folder: golden.target)
        let ids = tokenizer.encode("a 🙂")
        let shown = ids.indices.map { DisplayedToken.text(of: ids, at: $0, tokenizer) }
        #expect(shown[0] == "a")
        #expect(shown.dropFirst().allSatisfy { !$0.contains("\u{FFFD}") })
        #expect(shown.last?.contains("🙂") == true, "\(shown)")
    }

    @Test("The difference of two activations is described in both directions; of equal ones there is none")
    func difference() throws {
        let pair = try Pair(folder: golden.folder)
        let vectors = try golden.tensor("activations")
        let (a, b) = (vectors.rows(0..<1), vectors.rows(1..<2))
        let comparison = try pair.compare(a, b, .init(maximumTokens: 24))
        #expect(comparison.rows.count == 2)
        #expect(abs(comparison.cosine - (try Scores.rows(a, b)[0].cosine)) < 1e-12)
        let difference = zip(a.floats(), b.floats()).map { $0 - $1 }
        let direct = try pair.verbalizer.explain(Tensor(difference, shape: [1, 32]), .init(maximumTokens: 24))
        #expect(direct[0][0].ids == comparison.rows[0].explanation.ids)
        #expect(message { _ = try pair.compare(a, a, .init()) }?.contains("equal") == true)
    }
}
