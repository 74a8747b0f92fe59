import Autoencoder
import Foundation
import Tensors
import Testing

@Suite("Scores")
struct ScoreTests {
    @Test("Errors and cosines by hand: equal 0, orthogonal 2, opposite 4, zero 1")
    func rows() throws {
        let truths = Tensor([1, 0, 2, 0, 0, 3, 0, 5], shape: [4, 2])
        let predictions = Tensor([7, 0, 0, 1, 0, -1, 0, 0], shape: [4, 2])
        let rows = try Scores.rows(predictions, truths)
        #expect(rows.map(\.meanSquaredError) == [0, 2, 4, 1])
        #expect(rows.map(\.cosine) == [1, 0, -1, 0])
        #expect(Scores.meanSquaredError(rows) == 1.75 && Scores.meanCosine(rows) == 0)
    }

    @Test("One prediction compares with many truths")
    func broadcast() throws {
        let rows = try Scores.rows(Tensor([1, 0], shape: [1, 2]), Tensor([1, 0, 0, 1, 1, 1], shape: [3, 2]))
        #expect(rows.map(\.cosine).map { ($0 * 1000).rounded() } == [1000, 0, 707])
    }

    @Test("The raw variance by hand, on unit vectors")
    func variance() throws {
        // Directions (1,0), (0,1): the mean is (½, ½), and both are at a squared distance of ½ from it.
        let variance = try RawVariance(Tensor([3, 0, 0, 5], shape: [2, 2]), set: "two")
        #expect(abs(variance.variance - 0.5) < 1e-12 && abs((variance.squaredMeanNorm ?? 0) - 0.5) < 1e-12)
        #expect(variance.set == "two" && variance.count == 2)
        // The mean renormalized is (√½, √½): E‖ĝ − m‖² = 2 − √2.
        #expect(abs((variance.renormalizedMeanVariance ?? 0) - (2 - 2.0.squareRoot())) < 1e-12)
    }

    @Test("FVE by hand, and its other variant under its own name")
    func fraction() throws {
        let truths = Tensor([1, 0, 0, 1], shape: [2, 2])
        let variance = try RawVariance(truths, set: "two")
        // The mean direction as a prediction for both: cosines √½, errors 2 − √2.
        let rows = try Scores.rows(Tensor([1, 1], shape: [1, 2]), truths)
        let expected = 1 - (2 - 2.0.squareRoot()) / 0.5
        #expect(abs(try #require(Scores.fractionOfVarianceExplained(rows, variance)) - expected) < 1e-12)
        #expect(abs(try #require(Scores.renormalizedMeanVarianceExplained(rows, variance))) < 1e-12)
        let perfect = try Scores.rows(truths, truths)
        #expect(Scores.fractionOfVarianceExplained(perfect, variance) == 1)
        #expect(Scores.fractionOfVarianceExplained([], variance) == nil)
    }

    @Test("A zero among the vectors stays zero in the variance")
    func zeros() throws {
        let variance = try RawVariance(Tensor([1, 0, 0, 0], shape: [2, 2]), set: "z")
        #expect(abs(variance.variance - 0.25) < 1e-12)
    }

    @Test("NaN, infinity and other shapes are refused")
    func bad() {
        let good = Tensor([1, 0, 0, 1], shape: [2, 2])
        #expect(
            message { _ = try Scores.rows(good, Tensor([1, 0, .nan, 1], shape: [2, 2])) }?.contains("row 1") == true)
        #expect(
            message { _ = try RawVariance(Tensor([1, .infinity], shape: [1, 2]), set: "") }?.contains("row 0") == true)
        #expect(message { _ = try Scores.rows(good, Tensor([1, 0, 0], shape: [1, 3])) } != nil)
        #expect(message { _ = try Scores.rows(good, Tensor(zeros: [3, 2])) } != nil)
    }
}
