/// Names, with the pronouns that go with them.
package enum People {
    static let women = words(
        """
        Mara Ilka Nell Tessa Odile Runa Hester Junia Petra Saskia Wilma Vera Anouk Bette Clara Dorit Edda Freya Greta Hilde
        Inga Kaja Lotte Mina Nora Olga Pia Rosa Selma Thea Ulla Yara Zelda Alma Brita Cora Dagny Elin Fenna Gitta
        """)
    static let men = words(
        """
        Tobin Aldo Bram Corin Dario Emil Fergus Gideon Hugo Ivo Jonas Kaspar Leif Milo Nils Otto Pavel Quentin Rolf Sten Tomas
        Ulrich Viktor Walter Yannick Anton Basil Cyril Dirk Egon Felix Gustav Henrik Igor Jasper Karel Lukas Matti Nico Oskar
        """)
    package static let all = women + men

    static func isWoman(_ index: Int) -> Bool { index < women.count }
}
