import Autoencoder
import Foundation
import LanguageModel
import Tensors
import TestSupport
import Testing

@Suite("Checking a pair")
struct PairCheckTests {
    private let golden: GoldenPair
    private let text = "The dog found a key"

    init() throws { golden = try GoldenPair("qwen2") }

    private func check(_ av: URL, _ ar: URL, target: URL?, _ supplement: SidecarSupplement = .init()) -> PairCheck {
        PairCheck(verbalizer: av, reconstructor: ar, target: target, text: text, precision: .float32, supplement)
    }

    @Test("A sound pair makes a round trip that beats no words and the opposite vector's")
    func sound() throws {
        let check = check(golden.av, golden.ar, target: golden.target)
        #expect(check.isSound && check.findings.map(\.kind) == [.doubt], "\(check.findings)")
        #expect(check.findings[0].text.contains("no target hash"))
        let trip = try #require(check.roundTrip)
        #expect(trip.explanation.description == "reads key after a")
        #expect(trip.score.cosine > 0.9 && trip.score.cosine > trip.empty.cosine + 0.1 && trip.opposite.cosine < 0.9)
    }

    @Test("Faults of both halves are said at once")
    func both() throws {
        let scratch = try Scratch()
        let av = try scratch.copy(golden.av), ar = try scratch.copy(golden.ar)
        try edit(av.appending(path: Sidecar.fileName), "injection_token_id: 263", "injection_token_id: 264")
        try edit(ar.appending(path: Sidecar.fileName), "- 273", "- 274")
        let check = check(av, ar, target: golden.target)
        let faults = check.findings.filter { $0.kind == .fault }.map(\.text)
        #expect(!check.isSound && check.roundTrip == nil && faults.count == 2, "\(faults)")
        #expect(faults.contains { $0.contains("critic_suffix_ids") } && faults.contains { $0.contains("token 263") })
    }

    @Test("NaN in weights and in the head is a fault, a missing target and other doubts are not")
    func weights() throws {
        let scratch = try Scratch()
        let ar = try scratch.copy(golden.ar)
        for (name, key) in [("model.safetensors", "model.norm.weight"), ("value_head.safetensors", "weight")] {
            let file = ar.appending(path: name)
            let stored = try SafetensorsFile(file)
            let tensors = try stored.names.map { name in
                let tensor = try stored.requiredTensor(name).converted(to: .float32)
                return name == key
                    ? (name, Tensor([Float](repeating: .nan, count: tensor.count), shape: tensor.shape))
                    : (name, tensor.copy())
            }
            try SafetensorsFile.write(tensors, to: file)
        }
        try edit(
            ar.appending(path: Sidecar.fileName), "  critic_suffix_ids:\n  - 288\n  - 34\n  - 273\n  - 332\n  - 34", "")
        let check = check(golden.av, ar, target: nil, SidecarSupplement(injectionScale: .untouched))
        let faults = check.findings.filter { $0.kind == .fault }.map(\.text)
        #expect(
            faults.count == 2 && faults[0].contains("model.norm.weight") && faults[1].contains("value head"),
            "\(faults)")
        let doubts = check.findings.filter { $0.kind == .doubt }.map(\.text)
        #expect(doubts.count == 3, "\(doubts)")
        for word in ["no critic_suffix_ids", "own length", "no target"] {
            #expect(doubts.contains { $0.contains(word) }, "\(word)")
        }
    }

    @Test("NaN in the bias of the head is a fault, too")
    func bias() throws {
        let scratch = try Scratch()
        let ar = try scratch.copy(golden.ar), file = ar.appending(path: "value_head.safetensors")
        let weight = try SafetensorsFile(file).requiredTensor("weight").copy()
        let bias = Tensor([Float](repeating: .nan, count: weight.width), shape: [weight.width])
        try SafetensorsFile.write([("weight", weight), ("bias", bias)], to: file)
        let check = check(golden.av, ar, target: nil)
        #expect(
            check.findings.contains { $0.kind == .fault && $0.text.contains("value head") }, "\(check.findings)")
    }

    @Test("A verbalizer that the vector does not reach is doubted")
    func unreached() throws {
        // The last block but one of a model whose last sees 16 tokens: the marker is too far away.
        let gemma = try GoldenPair("gemma3")
        let check = PairCheck(
            verbalizer: gemma.av, reconstructor: gemma.ar, target: gemma.av, text: text, precision: .float32,
            SidecarSupplement(injection: InjectionPlace("norm-matched@1")))
        #expect(
            check.findings.contains { $0.kind == .doubt && $0.text.contains("opposite vector") }, "\(check.findings)")
    }
}
