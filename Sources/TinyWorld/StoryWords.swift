/// The lexicon of the stories.
enum StoryWords {
    static let places = words(
        """
        harbour mill orchard library bakery station lighthouse bridge market chapel meadow quarry windmill theatre garden
        vineyard ferry castle workshop stable school inn tower greenhouse museum courtyard beach forge dairy boathouse cellar
        square barn cottage observatory laundry granary monastery pier fairground
        """)

    static let objects = words(
        """
        cup lamp violin mirror compass kite basket clock ring necklace drum lantern book map coat umbrella teapot candle
        telescope flute blanket whistle saddle locket bell brooch globe trumpet knife ladder bucket vase puppet medal shawl
        sword anchor carpet parcel helmet bracelet notebook camera spoon jug tambourine rattle sled wheel barrel statue portrait
        scarf fan purse crown lute harp chessboard thimble hammer kettle pipe marble feather seashell music-box walking-stick
        fishing-rod snow-globe key-ring hourglass magnet spinning-top accordion
        """)

    static let looks = words(
        """
        silver painted wooden ancient tiny golden cracked polished striped heavy copper woven carved dusty shining blue
        crooked borrowed velvet enormous ivory rusty secondhand green
        """)

    static let times = words(
        "morning evening Monday Tuesday Wednesday Thursday Friday Saturday Sunday afternoon night day dawn noon")

    static let airs = words("cold bright windy rainy quiet foggy warm snowy golden stormy still frosty")

    static let containers = words("box drawer chest cupboard trunk jar basket sack wardrobe crate locker suitcase")

    static let foods = words(
        "cake pie loaf pudding pancake plum cheese sausage dumpling muffin waffle biscuit tart roll")

    static let shares = words(
        "coins apples cherries walnuts berries chestnuts buttons stamps shells pennies sweets marbles")

    static let hidingPlaces = words(
        "oak hedge doorstep shed woodpile fountain staircase elm beehive henhouse haystack rosebush")

    static let openings = lines(
        """
        One $a $t $h met $f at the $p.
        It was &a $t when $h came to the $p with $f.
        $H and $f lived near the $p.
        Nobody was at the $p that $t but $h and $f.
        On &a $t $h went to the $p to look for $f.
        There is a $p where $h often sat with $f.
        $H was waiting at the $p when $f came along.
        Long ago $h worked at the $p with $f.
        That $t $h and $f had the $p to themselves.
        """)

    /// `i` holds the object, and words say so.
    static let holdingSaid = lines(
        """
        $I had &l $o.!x
        By luck $i had &l $o.!x
        For years $i had had &l $o.!x
        """)

    /// `i` holds the object, and something shows it.
    static let holdingShown = lines(
        """
        $I carried &l $o under one arm.#x
        $I took &l $o out of a bag.#x
        $I came with &l $o in both hands.#x
        Somebody had sold $i &l $o.#x
        """)

    /// The object goes from `i` to `j`.
    static let movesShown = lines(
        """
        $I held it out and $j took it.#x
        $I let $j carry it.#x
        $J begged until $i handed it over.#x
        $I lost a bet, and $j walked off with it.#x
        $I threw it across, and $j caught it.#x
        """)

    static let movesSaid = lines(
        """
        $I grew weary of it, and now $j had it.!x
        They made a swap, and after that $j had it.!x
        They drew straws, and then $j had it.!x
        """)

    static let holderMoments = lines(
        """
        Whoever asked for the $o was sent to<x $j>.
        The one to look after the $o was<x $j>.
        When rain came, the $o was safe with<x $j>.
        To see the $o, people had to visit<x $j>.
        """)

    static let settling = lines(
        """
        By evening the $o lay on the table between them.
        At supper the $o stood on the shelf again.
        Then both left the $o on the bench.
        """)

    static let endingLeads = lines(
        """
        In the end $h
        At last $h
        When the bell rang, $h
        Before night fell, $h
        So it came that $h
        When the day was over, $h
        """)

    static let closingLeads = lines(
        """
        That night $f felt
        Walking home, $f felt
        And to this day $f feels
        """)
}
