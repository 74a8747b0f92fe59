import Tensors
import Testing

@Suite("Bounds of measured numbers")
struct BoundsTests {
    @Test("What is bounded stays inside, and NaN stays NaN from either side")
    func bounds() {
        #expect((-0.5).atLeast(0) == 0 && 0.5.atLeast(0) == 0.5 && 2.0.atMost(1) == 1 && 0.5.atMost(1) == 0.5)
        #expect(
            (-3.0).clamped(to: -1...1) == -1 && 3.0.clamped(to: -1...1) == 1 && Float(0.25).clamped(to: 0...1) == 0.25)
        #expect((-Double.infinity).clamped(to: -1...1) == -1 && Double.infinity.clamped(to: -1...1) == 1)
        #expect(Double.nan.atLeast(0).isNaN && Double.nan.atMost(0).isNaN && Float.nan.clamped(to: 0...1).isNaN)
        #expect(Double.larger(1, 2) == 2 && Double.larger(2, 1) == 2)
        #expect(Double.larger(1, .nan).isNaN && Double.larger(.nan, 1).isNaN)
    }

    @Test("The largest and the smallest of numbers are NaN wherever one is NaN")
    func extremes() {
        #expect([3.0, -1, 7, 2].largest() == 7 && [3.0, -1, 7, 2].smallest() == -1)
        #expect([Float]().largest() == nil && [Float]().smallest() == nil)
        for place in 0..<4 {
            var values: [Float] = [3, -1, 7, 2]
            values[place] = .nan
            #expect(values.largest()?.isNaN == true && values.smallest()?.isNaN == true, "at \(place)")
            #expect(values[...].largest()?.isNaN == true)
        }
    }
}
