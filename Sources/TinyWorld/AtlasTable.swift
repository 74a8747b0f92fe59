/// A world that is the same for every seed: towns on rivers, rivers in lands, and what is so in each land.
package enum Atlas {
    package struct Town: Sendable {
        package let name: String
        package let river: Int
        package var land: Int { Atlas.rivers[river].land }
    }

    package struct River: Sendable {
        package let name: String
        package let land: Int
    }

    package struct Land: Sendable {
        package let name: String
        /// One value for each attribute.
        package let values: [String]
    }

    package struct Attribute: Sendable {
        package let name: String
        /// One value for each land.
        package let values: [String]
        /// Question and answer: `t` town, `q` what is asked, `l` land, `a` answer.
        package let asked: [String]
        /// One hop, from the land that was just named.
        package let told: String
    }

    package static let landNames = words("Tarn Morwen Kelvar Sundra Ilvane Brask Yorrin Dulmar")

    package static let rivers: [River] = words(
        """
        Ossa Lethen Brennet Ivel Quorn Sarre Teme Ulburn Varrow Wend Yarl Zorn
        Ambel Corvo Dray Eskel Ferrow Gelt Hame Isk Jarrow Kyle Lorne Medra
        """
    ).enumerated().map { River(name: $1, land: ($0 * 5 + $0 / 8 * 3) % 8) }

    package static let towns: [Town] = words(
        """
        Velm Arkle Boskin Cradwick Dunmar Eppel Farrow Gorsk Haldane Imber Jessop Korrin
        Lunt Mossley Norvik Oster Pell Quade Rusk Stanmer Thornby Uldale Vasker Wexley
        Yelden Zennor Aldry Borrel Cressing Dovrick Elmstow Fennick Grenby Hexter Irvel Jandle
        Kettering Lorrick Marden Nettle Orford Pendle Quarley Rothwin Selmy Tilbrook Umber Varley
        Wickmar Yarrow Zellick Anvers Brindle Callow Darrick Estrel Fordney Galven Hollin Inkster
        Jorvale Kinder Lamsey Mirrin Nesbit Olney Prender Rindal Sorley Tamsin Vossey Wrenna
        """
    ).enumerated().map { Town(name: $1, river: ($0 * 7 + $0 / 24 * 5) % 24) }

    package static let lands: [Land] = landNames.enumerated().map { index, name in
        Land(name: name, values: attributes.map { $0.values[index] })
    }

    package static let attributes: [Attribute] = [
        Attribute(
            name: "language", values: words("Oshic Velan Brellish Quorrin Sathi Nimric Dorvic Halish"),
            asked: lines(
                """
                Which $q is spoken in $t?#l#a It is<l<a $v>>.!a
                In $t#l the $q!q of the street is#a<l<a $v>>.!a
                """),
            told: "The language of $d is<l $v>."),
        Attribute(
            name: "crop", values: words("barley rice olives hops lentils flax pumpkins maize"),
            asked: lines(
                """
                What $q grows around $t?#l#a Fields of<l<a $v>>.!a
                In $t#l the $q!q on every cart is#a<l<a $v>>.!a
                """),
            told: "The crop of $d is<l $v>."),
        Attribute(
            name: "metal", values: words("tin copper zinc iron gold nickel lead platinum"),
            asked: lines(
                """
                What $q is dug near $t?#l#a It is<l<a $v>>.!a
                In $t#l the $q!q in the mine is#a<l<a $v>>.!a
                """),
            told: "The metal of $d is<l $v>."),
        Attribute(
            name: "flag", values: words("crimson blue white black orange violet yellow green"),
            asked: lines(
                """
                Which $q flies over $t?#l#a The one that is<l<a $v>>.!a
                In $t#l the $q!q on the tower is#a<l<a $v>>.!a
                """),
            told: "The flag of $d is<l $v>."),
        Attribute(
            name: "beast", values: words("otter bison heron lynx camel badger falcon tortoise"),
            asked: lines(
                """
                Which $q is holy in $t?#l#a It is the<l<a $v>>.!a
                In $t#l the $q!q on the coins is the#a<l<a $v>>.!a
                """),
            told: "The beast of $d is the<l $v>."),
        Attribute(
            name: "ruler", values: words("king queen council duke bishop general judge princess"),
            asked: lines(
                """
                Which $q is obeyed in $t?#l#a The<l<a $v>>.!a
                In $t#l the $q!q who sends the soldiers is the#a<l<a $v>>.!a
                """),
            told: "The ruler of $d is the<l $v>."),
        Attribute(
            name: "drink", values: words("cider mead coffee cocoa buttermilk lemonade wine tea"),
            asked: lines(
                """
                Which $q is poured in $t?#l#a Always<l<a $v>>.!a
                In $t#l the $q!q in each cup is#a<l<a $v>>.!a
                """),
            told: "The drink of $d is<l $v>."),
        Attribute(
            name: "instrument", values: words("fiddle bagpipe zither oboe banjo cello whistle gong"),
            asked: lines(
                """
                Which $q is played in $t?#l#a The<l<a $v>>.!a
                In $t#l the $q!q at each wedding is the#a<l<a $v>>.!a
                """),
            told: "The instrument of $d is the<l $v>."),
    ]

    /// Pairs of town and attribute that training asks about, and those that it never does.
    package static let pairs: (training: [Pair], heldOut: [Pair]) = {
        let all = towns.indices.flatMap { town in attributes.indices.map { Pair(town: town, attribute: $0) } }
        return (
            all.filter { !TinyWorld.isReserved($0.combination) }, all.filter { TinyWorld.isReserved($0.combination) }
        )
    }()

    package struct Pair: Sendable {
        package let town: Int
        package let attribute: Int
        package var combination: [String] { ["atlas: town, attribute", towns[town].name, attributes[attribute].name] }
    }
}
