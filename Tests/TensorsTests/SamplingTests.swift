import Tensors
import Testing

/// Drawing against the logits processors of transformers 5: what these make of the logits below, as probabilities.
@Suite("Sampling")
struct SamplingTests {
    /// Logits of ten tokens; the text before them is 2, 5, 5, 8.
    private let logits = Tensor([1.5, -0.75, 2.25, 0, -2, 3, 0.5, 2.75, -1.25, 1], shape: [1, 10])

    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        var sampling = Sampling()
        var edits: [Sampling.Edit] = []
        let expected: [Double]
        var testDescription: String { name }
    }

    static let cases: [Case] = [
        Case(
            name: "RepetitionPenaltyLogitsProcessor(1.7)",
            edits: [.init(2, repetition: 1.7), .init(5, repetition: 1.7), .init(8, repetition: 1.7)],
            expected: [
                0.1251345, 0.0131891, 0.1048907, 0.0279213, 0.0037787, 0.1630562, 0.0460344, 0.4367624, 0.0033347,
                0.0758979,
            ]),
        Case(
            name: "SequenceBiasLogitsProcessor({(0,): 1.25, (7,): -3})",
            edits: [.init(0, bias: 1.25), .init(7, bias: -3)],
            expected: [
                0.2993466, 0.0090395, 0.1815629, 0.0191366, 0.0025899, 0.3843687, 0.0315509, 0.0149036, 0.0054827,
                0.0520186,
            ]),
        Case(
            name: "MinPLogitsWarper(0.2)", sampling: Sampling(minP: 0.2),
            expected: [0.0901792, 0, 0.1909094, 0, 0, 0.4041551, 0, 0.3147563, 0, 0]),
        Case(
            name: "TemperatureLogitsWarper(0.6), MinPLogitsWarper(0.05)",
            sampling: Sampling(temperature: 0.6, minP: 0.05),
            expected: [0.0404792, 0, 0.1412864, 0, 0, 0.493138, 0, 0.3250965, 0, 0]),
        Case(
            name: "Bias, then repetition, then 0.3 for each time and 0.5 for once, of the tokens 5, 5, 8",
            edits: [
                .init(0, bias: 1.25), .init(7, bias: -3), .init(2, repetition: 1.7),
                .init(5, repetition: 1.7, penalty: 1.1), .init(8, repetition: 1.7, penalty: 0.8),
            ],
            expected: [
                0.555681, 0.0167801, 0.1334496, 0.0355235, 0.0048076, 0.0690548, 0.0585684, 0.0276657, 0.0019064,
                0.0965629,
            ]),
        Case(
            name: "All of these, then temperature 1.4, MinP(0.12), TopK(6), TopP(0.8)",
            sampling: Sampling(temperature: 1.4, topK: 6, topP: 0.8, minP: 0.12),
            edits: [
                .init(0, bias: 1.25), .init(7, bias: -3), .init(2, repetition: 1.7),
                .init(5, repetition: 1.7, penalty: 1.1), .init(8, repetition: 1.7, penalty: 0.8),
            ],
            expected: [0.5339085, 0, 0.1927351, 0, 0, 0.120389, 0, 0, 0, 0.1529673]),
        Case(
            name: "TemperatureLogitsWarper(1.4), TopKLogitsWarper(6), TopPLogitsWarper(0.8)",
            sampling: Sampling(temperature: 1.4, topK: 6, topP: 0.8),
            expected: [0.1239109, 0, 0.2117227, 0, 0, 0.3617638, 0, 0.3026026, 0, 0]),
        Case(
            name: "MinNewTokensLengthLogitsProcessor, with 5 and 7 as ends",
            edits: [.init(5, bias: -.infinity), .init(7, bias: -.infinity)],
            expected: [
                0.2215298, 0.0233491, 0.4689786, 0.04943, 0.0066896, 0, 0.0814963, 0, 0.0141619, 0.1343646,
            ]),
    ]

    @Test("Tokens are drawn as often as transformers' processors make them probable", arguments: cases)
    func processors(_ one: Case) {
        // Uniform numbers in even steps hit each token as often as its share of [0, 1) says, to one of them.
        let draws = 20000
        var counts = [Int](repeating: 0, count: 10)
        for draw in 0..<draws {
            let uniform = (Double(draw) + 0.5) / Double(draws)
            let drawn = Sampling.draw(
                from: logits, [one.sampling], edits: one.edits.isEmpty ? [] : [one.edits], uniforms: [uniform])
            counts[Int(drawn.tokens[0])] += 1
        }
        for token in 0..<10 {
            #expect(abs(Double(counts[token]) / Double(draws) - one.expected[token]) < 1.5 / Double(draws), "\(token)")
        }
    }

    @Test("Log-probabilities are the model's own, whatever is changed, and so are those of the most probable tokens")
    func logProbabilities() {
        let plain = Sampling.draw(from: logits, [.greedy], uniforms: [0])
        #expect(plain.tokens == [5] && abs(plain.logProbabilities[0] - -1.024616) < 1e-5)
        let changed = Sampling.draw(from: logits, [.greedy], edits: [[.init(4, bias: 100)]], uniforms: [0])
        #expect(changed.tokens == [4] && abs(changed.logProbabilities[0] - (plain.logProbabilities[0] - 5)) < 1e-5)
        let top = Sampling.mostProbable(3, of: logits, row: 0, known: (4, changed.logProbabilities[0]))
        #expect(top.map(\.token) == [5, 7, 2])
        #expect(abs(top[0].logProbability - plain.logProbabilities[0]) < 1e-5)
        #expect(abs(top[1].logProbability - (plain.logProbabilities[0] - 0.25)) < 1e-5)
    }

    @Test("Each row has edits of its own")
    func rows() {
        let two = Tensor(logits.floats() + logits.floats(), shape: [2, 10])
        let drawn = Sampling.draw(
            from: two, [.greedy, .greedy], edits: [[], [.init(5, bias: -50), .init(7, bias: -50)]], uniforms: [0, 0])
        #expect(drawn.tokens == [5, 2])
    }
}
