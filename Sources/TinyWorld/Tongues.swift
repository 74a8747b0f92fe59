import Tensors

/// What the invented languages have words for, under their English names.
package enum Meanings {
    static let goods = words(
        """
        bread milk cheese butter honey apples pears plums onions carrots cabbage fish eggs salt pepper sugar flour soup wine
        tea coffee shoes gloves ribbons soap candles rope nails paper ink wool silk leather baskets pots knives spoons mirrors
        combs flowers seeds firewood lamps blankets buttons needles apricots mushrooms
        """)
    static let qualities = words(
        "fresh red small cheap sweet big old warm green white black soft strong good clean strange")
    static let wishes = words("wants needs seeks loves")
    static let weathers = words("rain snow wind sun fog storm ice heat thunder clouds frost hail stars floods")
    static let times = words("today tomorrow tonight soon later always often again")
    static let kin = words(
        """
        mother father sister brother aunt uncle son daughter cousin grandmother grandfather nephew niece husband wife baby
        """)
    static let states = words(
        "ill happy tall lazy brave rich poor young quiet hungry clever shy angry sleepy thirsty famous")
    static let destinations = words(
        "mountain river forest city bridge church farm island mill palace prison desert valley coast")
    static let journeys = words("walks rides sails runs")
    static let greetings = words("hello welcome friend stranger thanks farewell")
    static let particles = words("i my is to comes")

    package static let all =
        goods + qualities + wishes + weathers + times + kin + states + destinations + journeys + greetings + particles
}

/// An invented language: words for all ``Meanings``, and an order to put them in.
package struct Tongue: Sendable {
    /// Where the verb goes, and where what qualifies a noun goes.
    struct Order: Sendable {
        let verb: Int
        let qualityFirst: Bool
    }

    let name: String
    let order: Order
    /// The word for each meaning.
    let lexicon: [String: String]

    private init(_ name: String, _ order: Order, seed: UInt64, onsets: String, vowels: String, codas: String) {
        self.name = name
        self.order = order
        var random = Random(seed: seed)
        let onsets = words(onsets), vowels = words(vowels), codas = words(codas)
        var used: Set<String> = []
        var lexicon: [String: String] = [:]
        for meaning in Meanings.all {
            let count = Meanings.particles.contains(meaning) ? 1 : 2
            while lexicon[meaning] == nil {
                let word =
                    (0..<count).map { _ in random.pick(onsets) + random.pick(vowels) }.joined()
                    + random.pick(codas).replacingDash
                if used.insert(word).inserted { lexicon[meaning] = word }
            }
        }
        self.lexicon = lexicon
    }

    /// The verb comes first in Kesh, in the middle in Lumi and last in Orran.
    package static let all: [Tongue] = [
        Tongue(
            "Kesh", Order(verb: 0, qualityFirst: true), seed: 11, onsets: "k t g d kr st zk dr b", vowels: "a e i u",
            codas: "k t sk rt g x st"),
        Tongue(
            "Lumi", Order(verb: 1, qualityFirst: false), seed: 12, onsets: "l m n s v f h y",
            vowels: "a e i o u ia ea ou",
            codas: "- - -"),
        Tongue(
            "Orran", Order(verb: 2, qualityFirst: false), seed: 13, onsets: "r rr w br gr m p th",
            vowels: "o a oo ai uo",
            codas: "n m ng rn l nd"),
    ]

    package subscript(meaning: String) -> String {
        guard let word = lexicon[meaning] else { preconditionFailure("no word in \(name) for \(meaning)") }
        return word
    }
}

extension String {
    /// Nothing for a dash, which stands for the empty ending in lists of endings.
    fileprivate var replacingDash: String { self == "-" ? "" : self }
}
