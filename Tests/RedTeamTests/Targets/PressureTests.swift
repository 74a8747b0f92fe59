import Autoencoder
import Foundation
import LanguageModel
import RedTeam
import Tensors
import TestSupport
import Testing
import TinyWorld

@Suite("Pressure on activations")
struct PressureTests {
    init() { TinyWorldTexts.register() }

    private let places = [
        PressedPlace(wanted: "The hero is honest.", wantedValue: "honest"),
        PressedPlace(wanted: "The hero is kind. The place is the mill.", wantedValue: "kind"),
    ]

    @Test("Each pressure's gradient is that of its loss", arguments: [HidingPressure.verbalizer, .reconstructor])
    func gradient(_ kind: HidingPressure) throws {
        let pair = try TinyPair().pair
        let pressure = Pressure(kind, pair, precision: .float32, seed: 1)
        var random = Random(seed: 6)
        let vectors = Tensor.random([2, pair.verbalizer.sidecar.width], deviation: 3, using: &random)
        let gradient = try pressure.push(vectors, places).gradient.floats()
        for _ in 0..<3 {
            let direction = Tensor.random(vectors.shape, using: &random).floats()
            let error = try mismatch(gradient, vectors.floats(), along: direction, step: 2e-2) { values in
                try pressure.push(Tensor(values, shape: vectors.shape), places).loss
            }
            #expect(error < 2e-2)
        }
    }

    @Test("Rewards alone point, on average, where the gradient through the verbalizer does")
    func reward() throws {
        let pair = try TinyPair().pair
        var random = Random(seed: 7)
        let vectors = Tensor.random([2, pair.verbalizer.sidecar.width], deviation: 3, using: &random)
        let truth = try Pressure(.verbalizer, pair, precision: .float32, seed: 1).push(vectors, places).gradient
        let pressure = Pressure(.reward, pair, precision: .float32, seed: 1)
        var sum = [Float](repeating: 0, count: vectors.count)
        for _ in 0..<60 {
            for (place, value) in try pressure.push(vectors, places).gradient.floats().enumerated() {
                sum[place] += value / 60
            }
        }
        let rows = try Scores.rows(Tensor(sum, shape: vectors.shape), truth)
        #expect(rows.allSatisfy { $0.cosine > 0.7 })
        #expect(abs(Scores.norm(Tensor(sum, shape: vectors.shape)) / Scores.norm(truth) - 1) < 0.4)
    }
}
