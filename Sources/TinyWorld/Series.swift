import Claims
import Tensors

/// Somebody counts aloud; the last term may be wrong, and what follows shows it.
struct SeriesPlan: Plan {
    private let name: String
    private let things: String
    private let rule: SeriesRule
    private let terms: [String]
    /// For sums, the words before each term.
    private let pairs: [(Int, Int)]
    private let last: String
    private let isRight: Bool

    init(_ random: inout Random) {
        name = random.pick(People.all)
        things = random.pick(SeriesWords.things)
        rule = random.pick(SeriesRule.all)
        isRight = random.chance(0.5)
        let count = 5 + random.below(3)
        var numbers: [Int] = []
        var pairs: [(Int, Int)] = []
        switch rule {
        case .up(let step):
            let start = 1 + random.below(12)
            numbers = (0..<count).map { start + $0 * step }
        case .down(let step):
            let start = 1 + (count - 1) * step + random.below(12)
            numbers = (0..<count).map { start - $0 * step }
        case .doubling:
            let start = 1 + random.below(6)
            numbers = (0..<5).map { start << $0 }
        case .adding:
            pairs = (0..<4).map { _ in (1 + random.below(9), 1 + random.below(9)) }
            numbers = pairs.map { $0.0 + $0.1 }
        case .alternating:
            let first = random.pick(SeriesWords.beats)
            let beats = [first, random.pick(SeriesWords.beats, not: first)]
            terms = (0..<count).map { beats[$0 % 2] }
            self.pairs = []
            last = isRight ? terms[count - 1] : beats[count % 2]
            return
        }
        terms = numbers.map { SeriesWords.numbers[$0] }
        self.pairs = pairs
        let correct = numbers[numbers.count - 1]
        // Wrong enough to be heard by somebody who only counts along roughly.
        let shift = 3 + random.below(4)
        let falls = correct + shift >= SeriesWords.numbers.count || (correct > shift && random.chance(0.5))
        last = SeriesWords.numbers[isRight ? correct : correct + (falls ? -shift : shift)]
    }

    var combinations: [[String]] {
        if rule == .adding {
            return pairs.map { ["series: sum", SeriesWords.numbers[$0.0], SeriesWords.numbers[$0.1]] }
        }
        return [["series: rule, start", rule.name, terms[0], rule == .alternating ? terms[1] : ""]]
    }

    /// A lower bound of the number of texts: who counts what before whom, by which rule from where, and the frames.
    static var leastTexts: Double {
        let series = Double(SeriesRule.steps.count * 2 * 12 * 3 * 3)
        return Double(People.all.count * SeriesWords.things.count * openings.count * scenes.count) * series
            * Double(SeriesWords.judges.count * judged.count)
    }

    static let openings = lines(
        """
        $N is counting $c.
        $N looks at the $c and begins to count.
        To fall asleep, $n thinks of $c and counts.
        Behind the $c stands $n and says numbers.
        $N drew a card with $c on it.
        """)

    static let scenes = lines(
        """
        The stove is warm, and rain runs down the glass.
        A bee has come in through the window.
        The schoolroom is as quiet as a church.
        Somewhere below a dog is barking.
        It is the last hour before supper.
        The chalk is blue, and the slate is cracked.
        Nobody dares to cough.
        The benches creak, and the candle is low.
        There is a cake for those who pay attention.
        Dust dances in the afternoon sun.
        The fair has brought half the town together.
        Everyone has heard that it can be done.
        """)

    private static let ruleSaid = lines(
        """
        The series goes $r.!r
        The way to go is $r.!r
        This time it goes $r.!r
        """)

    private static let nextSaid = lines(
        """
        After that must come $x.!x $N says:<x $x>
        Next in line is $x.!x So $n goes on:<x $x>
        """)

    private static let sumSaid = lines(
        """
        The next sum is $x.!x
        Soon it will be $x.!x
        Wait for this number: $x.!x
        """)

    private static let lastLeads = lines("and at last\nand finally\nand to end with")

    private static let said = lines("The end was $e.!e\nThat was $e.!e\nThe last of these was $e.!e")

    /// What somebody does about the end, and the two words for it. No frame begins another, so that where one is complete
    /// the end alone decides the word.
    struct Verdict: Sendable {
        let frame: String
        let right: String
        let wrong: String
    }

    static let judged = [
        Verdict(frame: "Now $j", right: "nodded", wrong: "frowned"),
        Verdict(frame: "$J listened and", right: "smiled", wrong: "sighed"),
        Verdict(frame: "$J put down the spectacles and", right: "beamed", wrong: "groaned"),
        Verdict(frame: "At this $j", right: "nodded", wrong: "frowned"),
    ]
    static let echoed = [
        Verdict(frame: "At once $j", right: "clapped", wrong: "laughed"),
        Verdict(frame: "$J stood up and", right: "cheered", wrong: "hissed"),
        Verdict(frame: "Behind the wall $j", right: "clapped", wrong: "laughed"),
    ]

    func write(on page: inout Page, _ random: inout Random) {
        page.name("n", name, Questions.counterName)
        page.name("c", things, Questions.counted)
        page.fact("r", Questions.rule, rule.name, moment: "term")
        page.sentence(random.pick(SeriesPlan.openings))
        page.write("#z")
        page.sentence(random.pick(SeriesPlan.scenes))
        if random.chance(0.45) { page.sentence(random.pick(SeriesPlan.ruleSaid)) }
        writeTerms(on: &page, &random)
        page.fact("e", Questions.lastTerm, isRight ? "right" : "wrong", moment: "verdict")
        page.write("#e.")
        if random.chance(0.45) { page.sentence(random.pick(SeriesPlan.said)) }
        for (verdict, judge) in [
            (random.pick(SeriesPlan.judged), random.pick(SeriesWords.judges)),
            (random.pick(SeriesPlan.echoed), random.pick(SeriesWords.crowds)),
        ] {
            page.word("j", judge)
            page.word("v", isRight ? verdict.right : verdict.wrong)
            page.sentence(verdict.frame)
            page.write("<e $v>.")
        }
    }

    /// The terms. Only the last, which words announce and no comma does, may be wrong: behind a comma the rule decides.
    private func writeTerms(on page: inout Page, _ random: inout Random) {
        if rule == .adding { return writeSums(on: &page, &random) }
        let announced = random.chance(0.6) ? 3 + random.below(terms.count - 4) : 0
        for (index, term) in terms.enumerated() {
            page.end(Questions.next)
            page.word("w", term)
            page.fact("x", Questions.next, term, moment: "term")
            if index == 0 {
                page.sentence("$W")
            } else if index < 3 {
                page.write(index == 2 ? ", $w#r" : ", $w")
            } else if index == terms.count - 1 {
                page.word("w", last)
                page.write("#x " + random.pick(SeriesPlan.lastLeads) + " $w")
            } else if index == announced {
                page.write(".")
                page.sentence(random.pick(SeriesPlan.nextSaid))
            } else {
                page.write("#x,<r<x $w>>")
            }
        }
        page.end(Questions.next)
    }

    private func writeSums(on page: inout Page, _ random: inout Random) {
        for (index, (pair, term)) in zip(pairs, terms).enumerated() {
            page.word("a", SeriesWords.numbers[pair.0])
            page.word("b", SeriesWords.numbers[pair.1])
            page.word("w", index == terms.count - 1 ? last : term)
            page.fact("x", Questions.next, term, moment: "term")
            if index < terms.count - 1, random.chance(0.4) { page.sentence(random.pick(SeriesPlan.sumSaid)) }
            switch index {
            case 0: page.sentence("$A and $b make#x<x $w>.#r")
            case terms.count - 1: page.sentence("And at last $a and $b make#x $w")
            default: page.sentence("$A and $b make#x<r<x $w>>.")
            }
            page.end(Questions.next)
        }
    }
}
