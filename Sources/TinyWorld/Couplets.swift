import Claims
import Tensors

/// What a rhyme word names; the frames of both lines depend on it.
struct Topic: Sendable {
    let letter: String
    let name: String
    /// Sentences that show the topic of the couplet behind them.
    let shows: [String]
    /// First lines, up to epithet and word.
    let first: [String]
    /// Second lines, up to epithet and word.
    let second: [String]

    private init(_ letter: String, _ name: String, shows: String, first: String, second: String) {
        self.letter = letter
        self.name = name
        self.shows = lines(shows)
        self.first = lines(first)
        self.second = lines(second)
    }

    static let said = lines(
        """
        This one is about $t.!t
        Let me rhyme about $t.!t
        Its subject is $t.!t
        """)

    static let all: [Topic] = [
        Topic(
            "a", "animals",
            shows: "The keeper opened every cage.\nPaws and wings were all around.\nThe stable was full of noise.",
            first: "$N walked for miles behind the\n$N heard at dusk the\n$N once rode home upon the",
            second: "and brought some water to the\nand whispered kindly to the\nthen fed and brushed and named the"),
        Topic(
            "f", "food",
            shows: "The maid had laid the table.\nA smell came from the oven.\nEvery mouth began to water.",
            first: "$N sat alone and tried the\n$N dreamed all day about the\n$N burned a finger on the",
            second: "and asked the waiter for the\nand licked and swallowed down the\nthen called us in to taste the"),
        Topic(
            "b", "the body",
            shows: "The doctor listened and tapped.\nA skeleton hung in the corner.\nThe nurse brought bandages.",
            first: "$N gently washed and dried the\n$N drew a picture of the\n$N laughed and pointed at the",
            second: "and rubbed some ointment on the\nand let the surgeon see the\nthen felt an itching in the"),
        Topic(
            "c", "clothes",
            shows: "The tailor threaded a needle.\nA wardrobe stood wide open.\nThe laundry hung on the line.",
            first: "$N neatly ironed and folded the\n$N won a bet and got the\n$N left behind the",
            second: "and sewed a button on the\nand put on for the dance the\nthen tried before a glass the"),
        Topic(
            "p", "places",
            shows: "The coachman unrolled his route.\nWe packed our bags to wander.\nThe guide walked on ahead.",
            first: "$N wandered slowly to the\n$N lost a penny near the\n$N told a tale about the",
            second: "and pitched a camp beside the\nand found the way back to the\nthen rode until we reached the"),
        Topic(
            "w", "weather",
            shows: "The barometer was moving.\nAll eyes were on the clouds.\nThe almanac lay open.",
            first: "$N stood outside and watched the\n$N could not sleep because of the\n$N sang a song to greet the",
            second: "and stayed indoors to miss the\nand felt upon the skin the\nthen all the village feared the"),
        Topic(
            "t", "things",
            shows: "The auctioneer banged the table.\nThe attic was full of clutter.\nA peddler emptied his pack.",
            first: "$N bought for twenty cents the\n$N stumbled and fell over the\n$N painted green and white the",
            second: "and took a towel to wipe the\nand wrapped in yellow paper the\nthen dragged along the floor the"),
        Topic(
            "h", "people",
            shows: "A crowd was at the gate.\nThe neighbours came to visit.\nGuests arrived in carriages.",
            first: "$N wrote a letter to the\n$N waited hours for the\n$N quarrelled often with the",
            second: "and danced till morning with the\nand bowed politely to the\nthen shook the fingers of the"),
    ]
}

/// Two couplets, each with a topic and a rhyme word that class and topic give.
struct CoupletPlan: Plan {
    private let verses: [Verse]

    /// The words that two lines end in.
    private struct Verse {
        let first: RhymeWord
        let second: RhymeWord
        var combination: [String] { ["couplet: rhyme pair", first.word, second.word] }
    }

    /// Rhyme pairs that training shows, and those that it never does.
    private static let pairs: (training: [Verse], heldOut: [Verse]) = {
        let all = Rhymes.classes.flatMap { group in
            group.flatMap { first in group.filter { $0 != first }.map { Verse(first: first, second: $0) } }
        }
        return (
            all.filter { !TinyWorld.isReserved($0.combination) }, all.filter { TinyWorld.isReserved($0.combination) }
        )
    }()

    init(_ random: inout Random, _ split: TinyWorld.Split) {
        let known = split == .training ? CoupletPlan.pairs.training : CoupletPlan.pairs.heldOut
        let first = random.pick(known)
        var second = first
        while second.first.sound == first.first.sound { second = random.pick(known) }
        verses = [first, second]
    }

    var combinations: [[String]] { verses.map(\.combination) }

    /// A lower bound of the number of texts: two different rhyme pairs in order, two names, and the frames of four lines.
    static var leastTexts: Double {
        let pairs = Double(self.pairs.training.count)
        let names = Double(People.all.count)
        let frames = Double(Topic.all.map { min($0.first.count, $0.second.count) }.min() ?? 1)
        return pairs * pairs / 2 * names * (names - 1) * frames * frames * frames * frames
    }

    private static let announcements = lines(
        """
        It will rhyme on $w.!r
        Its last word is $w.!r
        Wait for the word $w.!r
        """)

    func write(on page: inout Page, _ random: inout Random) {
        let first = random.pick(People.all)
        let names = [first, random.pick(People.all, not: first)]
        for (index, (verse, name)) in zip(verses, names).enumerated() {
            page.end(Questions.firstRhyme)
            page.end(Questions.rhymeWord)
            page.end(Questions.topic)
            let topic = Topic.all[verse.second.topic]
            page.word("n", name)
            page.word("w", verse.second.word)
            page.word("e", verse.second.epithet)
            page.word("u", verse.first.epithet)
            page.name("q", verse.first.word, Questions.firstRhyme)
            page.fact("t", Questions.topic, topic.name, moment: "rhyme")
            page.fact("r", Questions.rhymeWord, verse.second.word, moment: "rhyme")
            page.fact("p", Questions.topic, topic.name, moment: "epithet")
            page.fact("s", Questions.rhymeWord, verse.second.word, moment: "epithet")
            let opening = random.pick(random.chance(0.45) ? Topic.said : topic.shows)
            let preface = random.chance(0.4) ? random.pick(CoupletPlan.announcements) : nil
            if index == 0 { page.sentence(opening) } else { page.line(opening) }
            page.write("#t#z")
            if let preface { page.sentence(preface) }
            page.line(random.pick(Topic.all[verse.first.topic].first))
            page.write(" $u $q,#r")
            page.line(random.pick(topic.second))
            page.write("<p<s $e>><t<r $w>>.!r")
        }
    }
}
