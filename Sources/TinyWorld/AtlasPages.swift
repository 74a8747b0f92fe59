import Claims
import Tensors

/// Several towns, and for each something that follows from the land it lies in.
struct AtlasPlan: Plan {
    private let pairs: [Atlas.Pair]
    private let describes: Bool

    init(_ random: inout Random, _ split: TinyWorld.Split) {
        describes = random.chance(0.3)
        let known = split == .training ? Atlas.pairs.training : Atlas.pairs.heldOut
        var pairs: [Atlas.Pair] = []
        let count = describes ? 2 + random.below(2) : 3 + random.below(2)
        while pairs.count < count {
            let pair = random.pick(known)
            let land = Atlas.towns[pair.town].land
            // Lands differ within a text, so that no answer stands there already.
            if !pairs.contains(where: { Atlas.towns[$0.town].land == land }) { pairs.append(pair) }
        }
        self.pairs = pairs
    }

    var combinations: [[String]] { pairs.map(\.combination) }

    /// A lower bound of the number of texts: a traveller, three towns of different lands in order, a question for each.
    static var leastTexts: Double {
        let pairs = Double(Atlas.pairs.training.count)
        return Double(People.all.count * openings.count) * pairs * pairs * 0.7 * pairs * 0.5
    }

    private static let openings = lines(
        """
        $N has seen the whole world.
        Ask $n, who walked from coast to coast.
        These are the travels of $n.
        Here $n drew what $n saw.
        $N sends a postcard from every stop.
        $N keeps a diary on the road.
        """)

    private static let landSaid = lines(
        """
        $T lies in $d.!l
        $T is a town of $d.!l
        The border of $d is close to $t.!l
        """)

    private static let answerSaid = lines(
        """
        The next answer is $v.!a
        Soon comes the answer: $v.!a
        Remember this answer: $v.!a
        """)

    private static let riverSaid = lines(
        """
        The next river is the $r.!g
        Now comes the water of the $r.!g
        Soon the $r comes into view.!g
        """)

    private static let nextLandSaid = lines(
        """
        The way leads into $d.!l
        Next to come is $d.!l
        After a day of rain $d is near.!l
        """)

    private static let hops = lines(
        """
        $T#g lies on the<g $r>.!g#l The $r flows through<l $d>.!l
        The water in $t#g#l comes from the<g $r>.!g The $r belongs to<l $d>.!l
        From $t#g#l boats go down the<g $r>.!g The $r is the pride of<l $d>.!l
        """)

    func write(on page: inout Page, _ random: inout Random) {
        page.word("n", random.pick(People.all))
        page.sentence(random.pick(AtlasPlan.openings))
        page.write("#z")
        for pair in pairs {
            for question in [Questions.town, Questions.river, Questions.land, Questions.attribute, Questions.answer] {
                page.end(question)
            }
            let town = Atlas.towns[pair.town], river = Atlas.rivers[town.river], land = Atlas.lands[town.land]
            let attribute = Atlas.attributes[pair.attribute]
            page.name("t", town.name, Questions.town)
            page.word("d", land.name)
            page.word("v", land.values[pair.attribute])
            page.fact("l", Questions.land, land.name, moment: "hop")
            page.fact("g", Questions.river, river.name, moment: "river")
            page.word("r", river.name)
            if describes {
                if random.chance(0.35) { page.sentence(random.pick(AtlasPlan.nextLandSaid)) }
                if random.chance(0.4) { page.sentence(random.pick(AtlasPlan.riverSaid)) }
                page.sentence(random.pick(AtlasPlan.hops))
                page.sentence(attribute.told)
            } else {
                page.name("q", attribute.name, Questions.attribute)
                page.fact("a", Questions.answer, land.values[pair.attribute], moment: "answer")
                if random.chance(0.35) { page.sentence(random.pick(AtlasPlan.landSaid)) }
                if random.chance(0.35) { page.sentence(random.pick(AtlasPlan.answerSaid)) }
                page.sentence(random.pick(attribute.asked))
            }
        }
    }
}
