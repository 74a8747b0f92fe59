import Foundation
import LanguageModel
import Studio
import Testing

@Suite("The distribution of the next token")
struct NextDistributionTests {
    @Test("KL is that of the probabilities, and 0 of a distribution from itself")
    func divergence() throws {
        let even = try NextTokenDistribution(checking: [1, 1]),
            other = try NextTokenDistribution(checking: [0, Float(log(3.0))])
        #expect(abs(even.divergence(to: other) - (0.5 * log(2.0) + 0.5 * log(2.0 / 3))) < 1e-6)
        #expect(even.divergence(to: even) == 0)
        #expect(try NextTokenDistribution(checking: [-.infinity, 2]).divergence(to: even) > 0.69)
        #expect(other.likeliest(1)[0].id == 1)
    }

    @Test("Logits that are not numbers are refused, and do not read as no change", arguments: [0, 1, 2])
    func broken(place: Int) {
        for value in [Float.nan, .infinity] {
            var logits: [Float] = [0.5, -1, 2]
            logits[place] = value
            #expect(throws: (any Error).self) { _ = try NextTokenDistribution(checking: logits) }
        }
        #expect(throws: (any Error).self) { _ = try NextTokenDistribution(checking: [-.infinity, -.infinity]) }
    }
}
