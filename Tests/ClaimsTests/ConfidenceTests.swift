import Claims
import Testing

struct ConfidenceTests {
    @Test("A confidence is a probability, and its percent a number between 0 and 100")
    func bounds() {
        for value in [-1e300, -0.1, 1.0000001, 1e300, .nan, .infinity, -.infinity] { #expect(Confidence(value) == nil) }
        #expect(Confidence(0)?.percent == 0 && Confidence(1)?.percent == 100 && Confidence(0.495)?.percent == 50)
        #expect(Confidence(-0.0)?.value.sign == .plus)
    }
}
