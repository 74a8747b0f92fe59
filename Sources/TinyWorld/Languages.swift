import Claims
import Tensors

/// Somebody talks in an invented language, and perhaps changes to a guest's.
struct LanguagePlan: Plan {
    private let name: String
    private let guest: String
    private let tongue: Int
    private let other: Int
    private let switches: Bool
    private let goods: [(quality: String, good: String)]

    init(_ random: inout Random) {
        name = random.pick(People.all)
        guest = random.pick(People.all, not: name)
        tongue = random.below(Tongue.all.count)
        other = (tongue + 1 + random.below(Tongue.all.count - 1)) % Tongue.all.count
        switches = random.chance(0.4)
        let first = random.pick(Meanings.goods)
        goods = [first, random.pick(Meanings.goods, not: first)].map { (random.pick(Meanings.qualities), $0) }
    }

    var combinations: [[String]] {
        let tongues = [tongue, switches ? other : tongue].map { Tongue.all[$0].name }
        return [["language: speaker, language", name, tongues[0]]]
            + zip(tongues, goods).map { ["language: language, quality, thing", $0, $1.quality, $1.good] }
    }

    /// A lower bound of the number of texts: speaker, language, and two wishes with place and verb.
    static var leastTexts: Double {
        let wishes = Double(Meanings.goods.count * Meanings.qualities.count * Meanings.wishes.count)
        return Double(People.all.count * Tongue.all.count * openings.count) * wishes * wishes * 0.8
    }

    static let openings = lines(
        """
        $N stood at the stall.
        On market day $n came early.
        $N opened the door of the shop.
        The merchant saw $n in the crowd.
        $N had come by ship.
        There was $n at the counter.
        """)

    private static let said = lines("$N speaks $y.!y\nThe tongue of $n is $y.!y\n$N grew up with $y.!y")
    private static let greeted = lines("$N called: $a $b.#y\n$N bowed and said: $a $b.#y\n$A $b, said $n.#y")
    private static let switchSaid = lines(
        "But $g spoke only $y, and so $n changed to it.!y\nFor $g's sake $n went over to $y.!y")
    private static let switchShown = lines(
        "Then $g came in: $a $b.#y And $n went on in the tongue of $g.\n$A $b, said $g.#y And $n answered as $g had spoken."
    )
    private static let brought = lines(
        "The merchant brought the<w $k>.!w\nThe boy packed up the<w $k>.!w\nSo $n was given the<w $k>.!w")

    func write(on page: inout Page, _ random: inout Random) {
        page.name("n", name, Questions.speakerName)
        page.word("g", guest)
        page.sentence(random.pick(LanguagePlan.openings))
        page.write("#z")
        let isSaid = random.chance(0.45)
        speak(tongue, on: &page, &random)
        page.sentence(random.pick(isSaid ? LanguagePlan.said : LanguagePlan.greeted))
        wish(goods[0], Tongue.all[tongue], on: &page, &random)
        if switches {
            speak(other, on: &page, &random)
            page.sentence(random.pick(random.chance(0.45) ? LanguagePlan.switchSaid : LanguagePlan.switchShown))
        } else {
            remark(Tongue.all[tongue], on: &page, &random)
        }
        wish(goods[1], Tongue.all[switches ? other : tongue], on: &page, &random)
    }

    /// From the next mark on the speaker's language is this one.
    private func speak(_ index: Int, on page: inout Page, _ random: inout Random) {
        let tongue = Tongue.all[index]
        page.fact("y", Questions.language, tongue.name, moment: "language")
        let first = random.pick(Meanings.greetings)
        page.word("a", tongue[first])
        page.word("b", tongue[random.pick(Meanings.greetings, not: first)])
    }

    /// A wish: in English and then in the speaker's words, or in the speaker's words only; then it is fulfilled.
    private func wish(
        _ wish: (quality: String, good: String), _ tongue: Tongue, on page: inout Page, _ random: inout Random
    ) {
        let verb = random.pick(Meanings.wishes), isSaid = random.chance(0.5)
        page.end(Questions.wants)
        page.fact("w", Questions.wants, wish.good, moment: "wish")
        page.word("k", wish.good)
        page.word("q", wish.quality)
        page.word("v", verb)
        if isSaid {
            page.sentence("$N $v $q $k!w:")
        } else {
            page.sentence("$N said:")
        }
        say(
            subject: [tongue["i"]], verb: [tongue[verb]], object: [tongue[wish.quality], tongue[wish.good]], tongue,
            decided: isSaid, on: &page)
        page.write(isSaid ? "." : "#w.")
        page.sentence(random.pick(LanguagePlan.brought))
    }

    /// A sentence about the weather, the family or a journey: in English and then in the speaker's words.
    private func remark(_ tongue: Tongue, on page: inout Page, _ random: inout Random) {
        switch random.below(3) {
        case 0:
            let weather = random.pick(Meanings.weathers), time = random.pick(Meanings.times)
            page.word("k", weather)
            page.word("q", time)
            page.sentence("Of the $k that comes $q, $n said:")
            say(
                subject: [tongue[weather]], verb: [tongue["comes"]], object: [tongue[time]], tongue, decided: true,
                on: &page)
        case 1:
            let kin = random.pick(Meanings.kin), state = random.pick(Meanings.states)
            page.word("k", kin)
            page.word("q", state)
            page.sentence("Of a $k who is $q, $n said:")
            say(
                subject: [tongue["my"], tongue[kin]], verb: [tongue["is"]], object: [tongue[state]], tongue,
                decided: true, on: &page)
        default:
            let journey = random.pick(Meanings.journeys), goal = random.pick(Meanings.destinations)
            page.word("k", goal)
            page.word("v", journey)
            let kin = random.pick(Meanings.kin)
            page.word("q", kin)
            page.sentence("Of the $q who $v to the $k, $n said:")
            say(
                subject: [tongue["my"], tongue[kin]], verb: [tongue[journey]],
                object: [tongue["to"], tongue[goal]], tongue, decided: true, on: &page)
        }
        page.write(".")
    }

    /// Writes a sentence in the language's order; where its meaning has been told, the language decides every word.
    private func say(
        subject: [String], verb: [String], object: [String], _ tongue: Tongue, decided: Bool, on page: inout Page
    ) {
        let object = tongue.order.qualityFirst ? object : object.reversed()
        let order =
            switch tongue.order.verb {
            case 0: verb + subject + object
            case 1: subject + verb + object
            default: subject + object + verb
            }
        for word in order {
            page.word("x", word)
            page.write(decided ? "<y $x>" : " $x")
        }
    }
}
