import Claims
import Tensors

/// Two people, a place, an object, and a motive that decides how it ends.
struct StoryPlan: Plan {
    private let hero: Int
    private let friend: Int
    private let place: String
    private let object: String
    private let motive: Motive
    private var heroName: String { People.all[hero] }
    private var friendName: String { People.all[friend] }

    init(_ random: inout Random) {
        hero = random.below(People.all.count)
        friend = (hero + 1 + random.below(People.all.count - 1)) % People.all.count
        place = random.pick(StoryWords.places)
        object = random.pick(StoryWords.objects)
        motive = random.pick(Motive.all)
    }

    var combinations: [[String]] {
        [
            ["story: hero, place", heroName, place], ["story: hero, object", heroName, object],
            ["story: motive, object", motive.value, object],
        ]
    }

    /// A lower bound of the number of texts: choices that every text shows, and that are free of each other.
    static var leastTexts: Double {
        let names = Double(People.all.count)
        let motives = Double(Motive.all.map { $0.endings.count * min(Motive.said.count, $0.shows.count) }.reduce(0, +))
        return names * (names - 1) * Double(StoryWords.places.count * StoryWords.objects.count)
            * Double(StoryWords.looks.count * StoryWords.endingLeads.count) * motives
    }

    func write(on page: inout Page, _ random: inout Random) {
        page.name("h", heroName, Questions.heroName)
        page.name("f", friendName, Questions.friendName)
        page.name("p", place, Questions.place)
        page.name("o", object, Questions.object)
        page.name("l", random.pick(StoryWords.looks), Questions.look)
        page.word("s", People.isWoman(hero) ? "she" : "he")
        page.word("r", People.isWoman(hero) ? "her" : "his")
        page.word("t", random.pick(StoryWords.times))
        page.word("a", random.pick(StoryWords.airs))
        page.word("c", random.pick(StoryWords.containers))
        page.word("e", random.pick(StoryWords.foods))
        page.word("n", random.pick(StoryWords.shares))
        page.word("w", random.pick(StoryWords.hidingPlaces))
        page.sentence(random.pick(StoryWords.openings))
        page.write("#z")
        let moves = random.chance(0.6), feels = random.chance(moves ? 0.3 : 0.9)
        if feels && random.chance(0.5) {
            writeMood(on: &page, &random)
            writeObject(on: &page, &random, moves: moves)
        } else {
            writeObject(on: &page, &random, moves: moves)
            if feels { writeMood(on: &page, &random) }
        }
        writeMotive(on: &page, &random, closes: random.chance(moves && feels ? 0 : 0.6))
    }

    private func writeObject(on page: inout Page, _ random: inout Random, moves: Bool) {
        var holdsHero = random.chance(0.5)
        func bind(_ page: inout Page, _ otherFirst: Bool) {
            page.fact("x", Questions.holder, holdsHero ? heroName : friendName, moment: "holder")
            page.word(otherFirst ? "j" : "i", holdsHero ? heroName : friendName)
            page.word(otherFirst ? "i" : "j", holdsHero ? friendName : heroName)
        }
        bind(&page, false)
        page.sentence(random.pick(random.chance(0.5) ? StoryWords.holdingSaid : StoryWords.holdingShown))
        guard moves else { return }
        for _ in 0..<(random.chance(0.25) ? 2 : 1) {
            holdsHero.toggle()
            bind(&page, true)
            page.sentence(random.pick(random.chance(0.5) ? StoryWords.movesSaid : StoryWords.movesShown))
        }
        page.sentence(random.pick(StoryWords.holderMoments))
    }

    private func writeMood(on page: inout Page, _ random: inout Random) {
        let mood = random.pick(Mood.all)
        let acts = random.chance(0.5)
        page.fact("d", Questions.mood, mood.value, moment: acts ? "deed" : "voice")
        page.sentence(random.pick(random.chance(0.45) ? Mood.said : mood.shows))
        if acts {
            page.word("v", mood.deed)
            page.sentence(random.pick(Mood.deedLeads))
            page.write("<d $v>.")
        } else {
            page.word("v", mood.voice)
            page.sentence(random.pick(Mood.voiceLeads))
            page.write("<d $v> voice.")
        }
    }

    private func writeMotive(on page: inout Page, _ random: inout Random, closes: Bool) {
        page.fact("m", Questions.motive, motive.value, moment: "ending")
        page.sentence(random.pick(random.chance(0.45) ? Motive.said : motive.shows))
        page.sentence(random.pick(StoryWords.settling))
        page.end(Questions.holder)
        page.word("v", motive.verb)
        page.sentence(random.pick(StoryWords.endingLeads))
        page.write("<m $v>")
        page.sentence(random.pick(motive.endings))
        if motive.verb == "kept" {
            page.fact("x", Questions.holder, heroName)
            page.write("#x")
        }
        guard closes else { return }
        page.word("v", motive.feeling)
        page.fact("m", Questions.motive, motive.value, moment: "feeling")
        page.sentence(random.pick(StoryWords.closingLeads))
        page.write("<m $v>.")
    }
}
