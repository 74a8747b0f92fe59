import Autoencoder
import Foundation
import JSON
import LanguageModel
import Tensors
import TestSupport
import Testing

@Suite("Damaged pairs", .serialized)
struct DamagedPairTests {
    @Test("A damaged sidecar is refused in one line, or the model explains and rebuilds with it")
    func sidecars() throws {
        let pair = goldens.appending(path: "pairs/qwen2"), scratch = try Scratch()
        for part in ["av", "ar"] {
            let folder = try scratch.copy(pair.appending(path: part)), place = folder.appending(path: Sidecar.fileName)
            let text = try String(contentsOf: place, encoding: .utf8)
            var survival = Survival()
            for number in 0..<Damage.cases(400) {
                var damage = Damage(seed: part == "av" ? 51 : 52, number)
                try Data(damage.settings(text).utf8).write(to: place)
                survival.of(number) {
                    if part == "av" {
                        let verbalizer = try Verbalizer(folder: folder, precision: .float32)
                        var random = Random(seed: 1)
                        let vector = Tensor.random([1, verbalizer.sidecar.width], using: &random)
                        #expect(try verbalizer.explain(vector, .init(maximumTokens: 2)).count == 1)
                    } else {
                        let reconstructor = try Reconstructor(folder: folder, precision: .float32)
                        #expect(try reconstructor.reconstruct(["words"]).width == reconstructor.sidecar.width)
                    }
                }
            }
            #expect(survival.faults.isEmpty, "\(part): \(survival.faults.prefix(3))")
            #expect(survival.read > 20 && survival.refused > 20, "\(part): \(survival)")
            if ProcessInfo.processInfo.environment["INTERLINEAR_FUZZ_FILES"] != nil { print("\(part): \(survival)") }
        }
    }

    @Test("A sidecar of too many levels is refused before anything goes down them")
    func deep() {
        for text in [String(repeating: "[", count: 500_000), "a: " + String(repeating: "{b: ", count: 200_000)] {
            let error = #expect(throws: ModelError.self) { try Sidecar(yaml: text, source: "s") }
            #expect(error?.description == "s: line 1: too many levels")
        }
        // Levels that settings may have, and brackets and rules that are no levels.
        let deep = String(repeating: "[", count: 400) + String(repeating: "]", count: 400)
        let error = #expect(throws: ModelError.self) {
            try Sidecar(yaml: "a: \(deep)\nb: |\n  \(String(repeating: "-", count: 900))\n", source: "s")
        }
        #expect(error?.description.contains("role") == true, "\(error as Any)")
    }
}
