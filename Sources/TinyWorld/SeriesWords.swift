/// The lexicon of the series.
enum SeriesWords {
    static let things = words(
        """
        geese stairs windows wagons lanterns barrels cows chimneys bottles sailors bricks tulips candles spoons arrows swans
        benches melons nails ducks lamps oranges horses pebbles roofs stars trees boats ladders acorns beads crows fences goats
        """)

    /// What alternation alternates.
    static let beats = words(
        """
        red blue left north clap stomp day night sun moon salt pepper high low black white heel toe tick tock hot cold up down
        bread wine sea land knock whistle
        """)

    /// Who judges.
    static let judges = lines(
        """
        the teacher
        the master
        the old clerk
        the old aunt
        the captain
        the grandmother
        the bishop
        """)

    static let crowds = lines("the others\nthe children\nthe neighbours\nthe guests\nthe soldiers")

    private static let small = words(
        """
        zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
        nineteen
        """)
    private static let tens = words("twenty thirty forty fifty sixty seventy eighty ninety")

    /// Numbers as words, from zero to ninety-nine.
    static let numbers: [String] = (0..<100).map { number in
        if number < 20 { return small[number] }
        return tens[number / 10 - 2] + (number % 10 == 0 ? "" : "-" + small[number % 10])
    }
}

/// How a series goes on.
package enum SeriesRule: Hashable, Sendable {
    case up(Int), down(Int), doubling, alternating, adding

    static let steps = [1, 2, 3, 5, 10]
    static let all: [SeriesRule] =
        steps.map { .up($0) } + steps.map { .down($0) } + [.doubling, .alternating, .adding]
    static let names = all.map(\.name)
    /// Everything that can come next.
    package static let terms = Array(SeriesWords.numbers[1...]) + SeriesWords.beats

    var name: String {
        switch self {
        case .up(let step): "up by " + SeriesWords.numbers[step]
        case .down(let step): "down by " + SeriesWords.numbers[step]
        case .doubling: "by doubling"
        case .alternating: "by turns"
        case .adding: "by sums"
        }
    }
}
