import Autoencoder
import Claims
import Faithfulness
import Foundation
import JSON
import LanguageModel
import Tensors
import TestSupport
import Testing
import TinyWorld

@Suite("Damaged files of faithfulness")
struct DamagedFileTests {
    init() { TinyWorldTexts.register() }

    @Test("A damaged model of confidence is refused in one line, or tells a probability of any claim")
    func confidence() throws {
        try withScratch { folder in
            let file = folder.appending(path: "confidence.json")
            let bundled = bundledPair.appending(path: ConfidenceModel.fileName)
            let json = try JSONValue.parse(Data(contentsOf: bundled))
            var survival = Survival(), inside = 0
            for number in 0..<Damage.cases(1500) {
                var damage = Damage(seed: 31, number)
                try damage.document(json).write(to: file)
                survival.of(number) {
                    let model = try ConfidenceModel(file)
                    for value in [-1e30, 0, 0.5, 1] {
                        let found = model.confidence(
                            ClaimEvidence(
                                sentence: 0, claim: Fact("the hero", "motive", "kind"), weight: value,
                                secondWeight: value, samples: value, earlier: nil, later: value,
                                logProbability: -value))
                        inside += (0...1).contains(found) || found.isNaN ? 1 : 0
                    }
                    for weight in [0, 1, -1e6, 1e6] {
                        let found = model.confidence(
                            ClaimEvidence(
                                sentence: 0, claim: Fact("the hero", "motive", "greedy"), weight: weight,
                                secondWeight: weight, samples: weight, earlier: nil, later: weight,
                                logProbability: weight))
                        #expect(Confidence(found) != nil, "file \(number): a confidence of \(found)")
                    }
                    // What is added to positions and allocated from.
                    #expect((0...100_000).contains(model.collecting.reach) && model.collecting.samples <= 10_000)
                    try model.write(to: file)
                    #expect(try ConfidenceModel(file).examples == model.examples)
                }
            }
            #expect(survival.faults.isEmpty, "\(survival.faults.prefix(3))")
            #expect(survival.read > 20 && survival.refused > 20 && inside == 4 * survival.read, "\(survival)")
            if ProcessInfo.processInfo.environment["INTERLINEAR_FUZZ_FILES"] != nil { print("confidence: \(survival)") }
        }
    }

    @Test("The nearest to a NaN surprise is no certainty")
    func brokenSurprise() throws {
        let model = try ConfidenceModel(bundledPair.appending(path: ConfidenceModel.fileName))
        guard model.ingredients.contains(.likelihood) else { return }
        let evidence = ClaimEvidence(
            sentence: 0, claim: Fact("the hero", "motive", "kind"), weight: 0.1, secondWeight: nil, samples: 1,
            earlier: 1, later: 1, logProbability: .nan)
        #expect(model.confidence(evidence).isNaN)
    }
}
