import Autoencoder
import Faithfulness
import Foundation
import LanguageModel
import Tensors
import TestSupport
import Testing

/// A tiny pair of the goldens and its target.
struct TinyPair {
    let pair: Pair
    let target: Target

    init(_ name: String = "qwen2") throws {
        let folder = goldens.appending(path: "pairs/\(name)")
        pair = try Pair(folder: folder, precision: .float32)
        target = try Target(folder: folder.appending(path: "target"), layer: pair.verbalizer.sidecar.layer)
    }
}

/// The relative difference between a gradient along a direction and the central difference of a function.
func mismatch(
    _ gradient: [Float], _ at: [Float], along direction: [Float], step: Float, _ function: ([Float]) throws -> Double
) rethrows -> Double {
    let analytic = zip(gradient, direction).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
    let above = try function(zip(at, direction).map { $0 + step * $1 })
    let below = try function(zip(at, direction).map { $0 - step * $1 })
    let numeric = (above - below) / Double(2 * step)
    return abs(analytic - numeric) / max(abs(numeric), 1e-3)
}

@Suite("Gradients of the red team")
struct GradientTests {
    @Test("Words' likelihood is differentiated by the injected vector, through its normalization")
    func words() throws {
        let verbalizer = try TinyPair().pair.verbalizer
        var random = Random(seed: 3)
        let width = verbalizer.sidecar.width
        let vectors = Tensor.random([2, width], deviation: 4, using: &random)
        // Two responses to one vector, one to the other.
        let responses: [VerbalizerBatch.Response] = [
            .init(activation: 0, ids: [5, 9, 4]), .init(activation: 1, ids: [7, 2]), .init(activation: 0, ids: [6]),
        ]
        func value(_ values: [Float]) throws -> Double {
            let batch = try verbalizer.batch(Tensor(values, shape: vectors.shape), responses)
            return verbalizer.responseLogProbabilities(batch, tape: Tape(recording: false)).value.floats()
                .reduce(0) { $0 + Double($1) }
        }
        let tape = Tape(), input = Variable(vectors, needsGradient: true)
        let result = verbalizer.responseLogProbabilities(responses, to: input, tape: tape)
        #expect(abs(result.value.floats().reduce(0) { $0 + Double($1) } - (try value(vectors.floats()))) < 1e-4)
        tape.backward(from: result, gradient: Tensor([Float](repeating: 1, count: 6), shape: [6]))
        let gradient = try #require(input.gradient).floats()
        for _ in 0..<4 {
            let direction = Tensor.random(vectors.shape, using: &random).floats()
            #expect(try mismatch(gradient, vectors.floats(), along: direction, step: 2e-2, value) < 2e-2)
        }
        // Length does not matter, so that nothing is felt along the vector itself.
        let first = vectors.rows(0..<1).floats()
        let along = zip(gradient, first).reduce(0) { $0 + $1.0 * $1.1 }
        #expect(abs(along) < 1e-3)
    }

    @Test("Scaling rows, and adding a direction at a row's norm, are differentiated")
    func injection() throws {
        var random = Random(seed: 4)
        let x = Tensor.random([3, 8], using: &random), u = Tensor.random([2, 8], using: &random)
        let weights = Tensor.random([3, 8], using: &random)
        func forward(_ values: [Float], _ tape: Tape) -> (input: Variable, output: Variable) {
            let input = Variable(Tensor(values, shape: u.shape), needsGradient: true)
            let directions = tape.scaledRows(input, toNorm: 1.5)
            return (input, tape.addingAtNorm([2, 0], of: Variable(x.copy()), directions: directions))
        }
        let tape = Tape(), (input, output) = forward(u.floats(), tape)
        tape.backward(from: output, gradient: weights)
        let gradient = try #require(input.gradient).floats()
        for _ in 0..<3 {
            let direction = Tensor.random(u.shape, using: &random).floats()
            let error = mismatch(gradient, u.floats(), along: direction, step: 1e-2) { values in
                zip(forward(values, Tape()).output.value.floats(), weights.floats()).reduce(0) {
                    $0 + Double($1.0) * Double($1.1)
                }
            }
            #expect(error < 1e-2)
        }
    }

    @Test("A splice's divergence is that of a whole pass, and is differentiated by the vector")
    func splice() throws {
        let target = try TinyPair().target
        let splicer = try Splicer(target, precision: .float32)
        let places: [(ids: [Int32], position: Int)] = [([3, 9, 4, 7, 12, 5, 8, 11], 3), ([6, 2, 10], 2)]
        let sites = splicer.sites(places, reach: 3)
        #expect(sites.map(\.predictionCount) == [4, 1])
        var random = Random(seed: 5)
        let clean = Tensor(sites.flatMap { $0.activation.floats() }, shape: [2, splicer.width])
        let size = Float(Scores.norm(clean) / Double(clean.count).squareRoot())
        let vectors = Tensor(
            clean.floats().map { $0 + size * Float(random.normal()) }, shape: clean.shape)
        func divergences(_ values: [Float]) -> [Float] {
            splicer.divergences(
                sites, vectors: Variable(Tensor(values, shape: clean.shape)), tape: Tape(recording: false)
            ).values.value.floats()
        }
        #expect(divergences(clean.floats()).allSatisfy { abs($0) < 1e-5 })
        let effects = splicer.effects(
            places.enumerated().map {
                .init(ids: $1.ids, position: $1.position, vectors: vectors.rows($0..<$0 + 1))
            }, reach: 3)
        let expected = effects.flatMap { [$0[0].divergence] + $0[0].following }
        for (mine, theirs) in zip(divergences(vectors.floats()), expected) {
            #expect(abs(Double(mine) - theirs) < 1e-5 + 1e-4 * theirs)
        }
        let tape = Tape(), input = Variable(vectors, needsGradient: true)
        let (result, ranges) = splicer.divergences(sites, vectors: input, tape: tape)
        #expect(ranges == [0..<4, 4..<5])
        let weights: [Float] = [1, 0.5, -2, 3, 1]
        tape.backward(from: result, gradient: Tensor(weights, shape: [5]))
        let gradient = try #require(input.gradient).floats()
        for _ in 0..<4 {
            let direction = Tensor.random(vectors.shape, deviation: size, using: &random).floats()
            let error = mismatch(gradient, vectors.floats(), along: direction, step: 1e-2) { values in
                zip(divergences(values), weights).reduce(0) { $0 + Double($1.0) * Double($1.1) }
            }
            #expect(error < 3e-2)
        }
    }
}
