import Tensors
import Testing

/// What seeds mean: numbers that were drawn once and must come again on every machine, with every compiler.
@Suite("Random draws")
struct RandomTests {
    @Test("A seed draws the same bits, orders, numbers and elements for ever")
    func pinned() {
        var random = Random(seed: 7, 1)
        #expect(Array(0..<12).shuffled(using: &random) == [11, 10, 9, 1, 8, 0, 6, 5, 3, 4, 2, 7])
        #expect((0..<8).map { _ in Int.random(in: -5..<95, using: &random) } == [5, 39, 89, 24, 80, 78, 72, 19])
        #expect((0..<4).map { _ in Int.random(in: 3...9, using: &random) } == [3, 9, 5, 5])
        #expect(
            (0..<3).map { _ in Int.random(in: Int.min...Int.max, using: &random) } == [
                2_218_455_227_710_260_800, 4_198_159_835_189_553_673, 632_737_060_015_781_724,
            ])
        #expect(
            (0..<3).map { _ in UInt64.random(in: 0...UInt64.max, using: &random) } == [
                18_196_277_771_956_351_030, 17_230_608_481_638_871_353, 18_375_950_057_713_860_046,
            ])
        #expect(
            (0..<3).map { _ in Int.random(in: Int.min..<Int.max, using: &random) } == [
                5_303_610_548_457_365_480, 4_268_174_075_732_748_060, 4_065_845_368_044_650_640,
            ])
        // Every second draw is rejected.
        #expect(
            (0..<6).map { _ in UInt64.random(in: 0..<(1 << 63) + 1, using: &random) } == [
                7_499_064_584_076_772_418, 2_314_935_516_342_881_096, 6_021_394_386_706_285_437,
                8_526_887_736_168_559_208, 7_804_639_205_953_709_266, 4_500_046_551_500_151_118,
            ])
        #expect((0..<4).map { _ in Int8.random(in: -100...100, using: &random) } == [65, 83, 11, 71])
        #expect((0..<4).map { _ in Int32.random(in: 0..<1000, using: &random) } == [641, 53, 123, 886])
        #expect(
            (0..<8).map { _ in Bool.random(using: &random) } == [true, true, true, true, false, false, false, true])
        #expect(
            (0..<6).map { _ in "abcdefg".randomElement(using: &random) } == ["g", "c", "d", "e", "f", "e"])
        #expect(random.next() == 9_974_676_803_725_177_554)
    }

    @Test("Ranges of one number and of all numbers of a type are drawn from, and nothing from nothing")
    func ends() {
        var random = Random(seed: 1)
        #expect(Int.random(in: 5..<6, using: &random) == 5 && Int8.random(in: -3...(-3), using: &random) == -3)
        #expect(Int64.random(in: Int64.max...Int64.max, using: &random) == .max)
        let small = Set((0..<20_000).map { _ in Int8.random(in: Int8.min...Int8.max, using: &random) })
        #expect(small.count == 256)
        let bits = (0..<64).reduce(UInt64(0)) { all, _ in all | UInt64.random(in: 0...UInt64.max, using: &random) }
        #expect(bits == .max)
        let state = random.state
        #expect([Int]().randomElement(using: &random) == nil && [Int]().shuffled(using: &random).isEmpty)
        #expect([4].shuffled(using: &random) == [4] && random.state == state)
    }

    @Test("Numbers come equally often, and so do orders")
    func fair() {
        var random = Random(seed: 2), counts = [Int](repeating: 0, count: 6), orders: [[Int]: Int] = [:]
        for _ in 0..<60_000 {
            counts[Int.random(in: 0..<6, using: &random)] += 1
            orders[[0, 1, 2].shuffled(using: &random), default: 0] += 1
        }
        #expect(counts.allSatisfy { abs($0 - 10_000) < 400 } && orders.count == 6)
        #expect(orders.values.allSatisfy { abs($0 - 10_000) < 400 })
    }
}
