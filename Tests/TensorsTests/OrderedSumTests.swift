import Foundation
import Tensors
import Testing

/// What was computed in Swift before it became a kernel: the same formula, in the same order, to the last bit. A seed's runs depend on it.
@Suite("Sums in order")
struct OrderedSumTests {
    /// [23, 301], so that no length is a multiple of the lanes', with a row of zeros.
    private let x: Tensor
    private let dy: Tensor
    private let width = 301, rows = 23

    init() {
        var random = Random(seed: 31)
        var values = Tensor.random([23, 301], deviation: 3, using: &random).floats()
        for place in 4 * 301..<5 * 301 { values[place] = 0 }
        x = Tensor(values, shape: [23, 301])
        dy = .random([23, 301], using: &random)
    }

    private func row(_ tensor: Tensor, _ index: Int) -> [Float] { tensor.rows(index..<index + 1).floats() }

    private func dot(_ a: [Float], _ b: [Float]) -> Double {
        zip(a, b).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
    }

    @Test("Scaled rows and their gradient")
    func scaledRows() throws {
        let norms = (0..<rows).map { Double($0) / 7 }
        let tape = Tape(), input = Variable(x, needsGradient: true)
        let result = tape.scaledRows(input, toNorms: norms)
        tape.backward(from: result, gradient: dy)
        let gradient = try #require(input.gradient)
        for index in 0..<rows {
            let h = row(x, index), before = row(dy, index), size = dot(h, h).squareRoot()
            let factor = size > 0 ? norms[index] / size : 0
            let y = h.map { Float(Double($0) * factor) }, squaredNorm = norms[index] * norms[index]
            let along = squaredNorm > 0 ? dot(before, y) / squaredNorm : 0
            #expect(row(result.value, index) == y)
            #expect(row(gradient, index) == zip(before, y).map { Float((Double($0) - along * Double($1)) * factor) })
        }
    }

    @Test("The mean of rows")
    func meanRow() {
        var sums = [Double](repeating: 0, count: width)
        for index in 0..<rows { for (column, value) in row(x, index).enumerated() { sums[column] += Double(value) } }
        #expect(x.meanRow.shape == [1, width])
        #expect(x.meanRow.floats() == sums.map { Float($0 / Double(rows)) })
        #expect(Tensor(zeros: [0, 3]).meanRow.floats() == [0, 0, 0])
    }

    @Test("Rows as probes see them")
    func standardized() {
        let mean = row(dy, 0), inverse = row(dy, 1)
        let result = x.standardizingRows(mean: mean, inverseDeviation: inverse, to: 304)
        #expect(result.shape == [rows, 304])
        for index in 0..<rows {
            let h = row(x, index), square = dot(h, h)
            let factor = square > 0 ? Float((Double(width) / square).squareRoot()) : 1
            let expected = h.indices.map { (h[$0] * factor - mean[$0]) * inverse[$0] } + [1, 0, 0]
            #expect(row(result, index) == expected)
        }
    }

    @Test("A norm-matched addition and its gradient through the norm")
    func addingAtNorm() throws {
        let chosen: [Int32] = [9, 4, 0], tape = Tape()
        let stream = Variable(x.copy(), needsGradient: true)
        let units = Variable(
            Tape(recording: false).scaledRows(Variable(dy.rows(0..<3)), toNorm: 1).value, needsGradient: true)
        let result = tape.addingAtNorm(chosen, of: stream, directions: units)
        tape.backward(from: result, gradient: dy)
        let gradient = try #require(stream.gradient), unitGradient = try #require(units.gradient)
        for (index, place) in chosen.enumerated() {
            let h = row(x, Int(place)), u = row(units.value, index), before = row(dy, Int(place))
            let size = dot(h, h).squareRoot(), along = dot(before, u)
            // ‖h‖ is summed in lanes, so that numbers agree to rounding only.
            func near(_ a: [Float], _ b: [Double]) -> Bool { zip(a, b).allSatisfy { abs(Double($0) - $1) < 1e-4 } }
            #expect(near(row(result.value, Int(place)), zip(h, u).map { Double($0) + size * Double($1) }))
            #expect(near(row(unitGradient, index), before.map { Double($0) * size }))
            let slope = size > 0 ? along / size : 0
            #expect(near(row(gradient, Int(place)), zip(before, h).map { Double($0) + slope * Double($1) }))
        }
        // The other rows are passed on.
        #expect(row(result.value, 5) == row(x, 5) && row(gradient, 5) == row(dy, 5))
    }

    @Test("Divergences from distributions, and their gradient")
    func divergences() throws {
        var random = Random(seed: 7)
        let table = Parameter(name: "table", .random([width, 8], using: &random))
        let clean = Variable(.random([5, 8], using: &random))
        let moved = Variable(.random([5, 8], using: &random), needsGradient: true)
        let tape = Tape(), quiet = Tape(recording: false)
        let distributions = quiet.distributions([LogitPart(clean, table: table)])
        let result = tape.divergences([LogitPart(moved, table: table)], from: distributions)
        let slopes = Tensor([1, -2, 0, 0.5, 3], shape: [5])
        let logits = quiet.logits([LogitPart(Variable(moved.value), table: table)])
        let logProbabilities = quiet.tokenLogProbabilities(
            [LogitPart(Variable(moved.value), table: table)], targets: [0, 0, 0, 0, 0]
        ).value.floats()
        let q = quiet.distributions([LogitPart(Variable(moved.value), table: table)]).probabilities
        var difference: [Float] = []
        for index in 0..<5 {
            let p = row(distributions.probabilities, index), z = row(logits, index)
            let entropy = p.reduce(0.0) { $1 > 0 ? $0 + Double($1) * log(Double($1)) : $0 }
            let normalizer = Double(z[0]) - Double(logProbabilities[index])
            #expect(result.value.float(at: index) == Float(entropy - dot(z, p) + normalizer))
            difference += zip(row(q, index), p).map { ($0 - $1) * slopes.float(at: index) }
        }
        tape.backward(from: result, gradient: slopes)
        let weight = table.value.floats()
        let expected = (0..<5).flatMap { row in
            (0..<8).map { column in
                Float(
                    (0..<width).reduce(0.0) {
                        $0 + Double(difference[row * width + $1]) * Double(weight[$1 * 8 + column])
                    })
            }
        }
        #expect(try #require(moved.gradient).relativeError(to: Tensor(expected, shape: [5, 8])) < 1e-6)
    }

    @Test("Rows out of several tensors of several types")
    func gathered() {
        let half = x.converted(to: .bfloat16), places = (0..<40).map { (tensor: $0 % 3, row: $0 * 7 % 23) }
        let result = Tensor.gatheringRows(places, of: [x, half, dy], width: width)
        for (index, place) in places.enumerated() {
            #expect(row(result, index) == row([x, half, dy][place.tensor], place.row))
        }
        #expect(Tensor.gatheringRows([], of: [x], width: width).shape == [0, width])
    }

    @Test("A restored row whose moments are zero decays alone, as it did before")
    func restored() throws {
        var random = Random(seed: 3)
        let master = Tensor.random([6, 5], using: &random)
        var first = [Float](repeating: 0, count: 30), second = first
        first[7] = 0.5
        second[14] = 0.25
        /// A step that looks up row 3 alone, on a table that was restored, and on one whose every row counts as touched.
        func step(lookup: Bool) -> [Float] {
            let table = Parameter(name: "table", master)
            table.restore(
                .init(
                    master: master, firstMoment: Tensor(first, shape: [6, 5]),
                    secondMoment: Tensor(second, shape: [6, 5])),
                precision: .float32)
            let tape = Tape()
            let rows = tape.embedding([3], table: table)
            tape.backward(from: rows, gradient: Tensor([1, 2, 3, 4, 5], shape: [1, 5]))
            // The whole gradient, in which the row is one of many.
            if !lookup { _ = table.gradient }
            var optimizer = AdamW()
            optimizer.update([table], learningRate: 0.1)
            return table.master.floats()
        }
        #expect(step(lookup: true) == step(lookup: false))
    }
}
