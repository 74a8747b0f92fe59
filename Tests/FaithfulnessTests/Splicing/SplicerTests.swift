import Autoencoder
import Faithfulness
import Foundation
import JSON
import LanguageModel
import Tensors
import TestSupport
import Testing

/// The tiny Qwen2 target with what PyTorch computes of it, see make_splice.py.
private struct Golden {
    let target: Target
    let ids: [Int32]
    let position: Int
    let following: Int
    let continuations: [[Int32]]
    let vectors: Tensor
    let divergence: [[Double]]
    let likelihood: [[Double]]

    init() throws {
        let folder = goldens.appending(path: "pairs/qwen2")
        let json = try JSONValue.parse(Data(contentsOf: folder.appending(path: "splice.json")))
        func numbers(_ json: JSONValue?) throws -> [Int32] {
            try #require(json?.array).compactMap(\.int).map(Int32.init)
        }
        target = try Target(folder: folder.appending(path: "target"), layer: try #require(json["layer"]?.int))
        ids = try numbers(json["ids"])
        position = try #require(json["position"]?.int)
        following = try #require(json["following"]?.int)
        continuations = try #require(json["continuations"]?.array).map { try numbers($0) }
        let file = try SafetensorsFile(folder.appending(path: "splice.safetensors"))
        func rows(_ name: String) throws -> [[Double]] {
            let tensor = try file.requiredTensor(name)
            return (0..<tensor.rows).map { tensor.rows($0..<$0 + 1).floats().map(Double.init) }
        }
        vectors = try file.requiredTensor("vectors")
        divergence = try rows("divergence")
        likelihood = try rows("likelihood")
    }
}

@Suite("Splicing")
struct SplicerTests {
    @Test("Predictions behind spliced vectors are those that PyTorch computes")
    func golden() throws {
        let golden = try Golden()
        let splicer = try Splicer(golden.target, precision: .float32)
        let place = Splicer.Patch(ids: golden.ids, position: golden.position, vectors: golden.vectors)
        let effects = splicer.effects([place], reach: golden.following)[0]
        for (effect, expected) in zip(effects, golden.divergence) {
            for (mine, theirs) in zip([effect.divergence] + effect.following, expected) {
                #expect(abs(mine - theirs) < 2e-5 + 1e-4 * theirs, "\(mine) \(theirs)")
            }
        }
        let likelihoods = splicer.logLikelihoods(
            golden.vectors, of: .init(repeating: golden.continuations, count: golden.vectors.rows))
        for (mine, theirs) in zip(likelihoods.joined(), golden.likelihood.joined()) {
            #expect(abs(mine - theirs) < 1e-3, "\(mine) \(theirs)")
        }
    }

    @Test("The true activation changes nothing, wherever it is spliced in, and however many places go at once")
    func truth() throws {
        let golden = try Golden()
        let splicer = try Splicer(golden.target, precision: .float32)
        let places = try [0, 3, golden.ids.count - 1].map { position in
            Splicer.Patch(
                ids: golden.ids, position: position,
                vectors: try golden.target.activations(golden.ids, positions: [position], precision: .float32))
        }
        let effects = splicer.effects(places, reach: 3)
        #expect(effects.map { $0[0].following.count } == [3, 3, 0])
        for effect in effects.joined() {
            #expect(effect.divergence < 1e-5 && effect.following.allSatisfy { $0 < 1e-5 } && effect.isSameChoice)
        }
        #expect(places.map { splicer.effects([$0], reach: 3)[0] }.map { $0[0].following.count } == [3, 3, 0])
    }
}
