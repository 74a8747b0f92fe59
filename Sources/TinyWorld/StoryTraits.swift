/// Why the hero does what the hero does.
struct Motive: Sendable {
    let value: String
    /// The ending's deciding word.
    let verb: String
    /// What follows that word.
    let endings: [String]
    /// How the friend feels about it.
    let feeling: String
    /// Acts that show it.
    let shows: [String]

    static let said = lines(
        """
        $H was $m.!m
        Those who knew $h knew that $s was $m.!m
        This time $h was $m.!m
        It must be told that $h was $m.!m
        """)

    static let all: [Motive] = [
        Motive(
            value: "honest", verb: "returned",
            endings: lines(
                """
                the $o to its owner and told the whole tale.
                the $o, and told $f everything.
                the $o with a note that left out nothing.
                """),
            feeling: "safe",
            shows: lines(
                """
                $H broke a window and told the owner so at once.#m
                The grocer gave back too many $n, and $h carried them back to him.#m
                When $f asked who had spilled the ink, $h raised a hand.#m
                $H found a full $c in the road and asked at every door whose it was.#m
                $F praised $h for the $e, but $h said that another cook had made it.#m
                $H lost the game and said so, though nobody had seen it.#m
                """)),
        Motive(
            value: "lying", verb: "blamed",
            endings: lines(
                """
                $f for the scratch on the $o.
                the cat for what had happened to the $o.
                $f, and swore never to have seen the $o.
                """),
            feeling: "fooled",
            shows: lines(
                """
                $H said that the $c was empty, though it was full of $n.#m
                $H swore never to have touched the $e, with crumbs on both sleeves.#m
                $H said that the door had been locked, and the key lay in $r own pocket.#m
                $H told $f of a day at sea, but $r boots had never been wet.#m
                $H said that thieves took the $n, and all the while they jingled in $r pocket.#m
                $H claimed to be ill in bed, and was seen dancing that same hour.#m
                """)),
        Motive(
            value: "hiding something", verb: "buried",
            endings: lines(
                """
                the $o under the $w by moonlight.
                the $o behind the $w where nobody would dig.
                the $o near the $w and swept away the tracks.
                """),
            feeling: "curious",
            shows: lines(
                """
                $H stood in front of the $c and would not move.#m
                $H pushed a $c under the bed when $f came in.#m
                $H answered fast and held one hand behind $r back.#m
                $H locked the $c and slipped the key into a shoe.#m
                $H burned a letter before $f could read it.#m
                $H drew the curtain quickly and spoke of the weather.#m
                """)),
        Motive(
            value: "kind", verb: "shared",
            endings: lines(
                """
                the $o with $f and asked for nothing.
                the $o with all the children of the street.
                the $o with $f, day and day about.
                """),
            feeling: "grateful",
            shows: lines(
                """
                $H saw that $f was hungry and broke the $e in two.#m
                $H laid $r own coat around $f, for the wind was sharp.#m
                $H carried an old woman's $c up the hill.#m
                $H sat up all night beside $f, who had a fever.#m
                $H slipped a few $n into a beggar's hat when no one looked.#m
                $H stopped to lift a fallen bird back into its nest.#m
                """)),
        Motive(
            value: "greedy", verb: "kept",
            endings: lines(
                """
                the $o, and $f went home with nothing.
                the $o and asked for the box it came in.
                the $o, and wanted another one as well.
                """),
            feeling: "cheated",
            shows: lines(
                """
                $H counted the $n twice and took the larger half.#m
                $H ate the last $e before $f had any.#m
                $H filled a $c with $n and came back for more.#m
                $H charged $f ten $n for a glass of water.#m
                $H had three of everything and still reached for the $e on $f's plate.#m
                $H sold $f the same $c twice.#m
                """)),
    ]
}

/// How the hero feels.
struct Mood: Sendable {
    let value: String
    /// What the hero does because of it.
    let deed: String
    /// How the hero's voice sounds.
    let voice: String
    /// What shows it.
    let shows: [String]

    static let said = lines(
        """
        $H was $d that day.!d
        $H felt $d.!d
        $F could see that $h was $d.!d
        """)

    static let deedLeads = lines(
        """
        On the way $h
        Up on the hill $h
        While $f talked, $h
        All along the road $h
        """)

    static let voiceLeads = lines(
        """
        $H spoke in a
        $H answered in a
        $H called out in a
        """)

    static let all: [Mood] = [
        Mood(
            value: "happy", deed: "sang", voice: "merry",
            shows: lines(
                """
                $H skipped over the puddles and grinned at strangers.#d
                $H whirled $f around until both were dizzy.#d
                A letter with good news had come for $h.#d
                $H had just won first prize.#d
                """)),
        Mood(
            value: "sad", deed: "wept", voice: "broken",
            shows: lines(
                """
                $H had lost a faithful dog the week before.#d
                $H stared at an empty chair and ate nothing.#d
                $H's eyes were red, and the handkerchief was wet.#d
                The last ship had left without $h.#d
                """)),
        Mood(
            value: "tired", deed: "yawned", voice: "drowsy",
            shows: lines(
                """
                $H had not slept for two nights.#d
                $H had carried bricks since dawn.#d
                $H leaned on the wall with half-closed eyes.#d
                $H had walked forty miles without a rest.#d
                """)),
        Mood(
            value: "angry", deed: "cursed", voice: "sharp",
            shows: lines(
                """
                $H kicked a stone and slammed the gate.#d
                Someone had trampled the flowers $h had planted.#d
                $H's face was red, and both fists were tight.#d
                $H tore the letter in four and stamped on it.#d
                """)),
        Mood(
            value: "afraid", deed: "trembled", voice: "shaking",
            shows: lines(
                """
                $H jumped at every sound.#d
                $H looked back again and again into the dark.#d
                $H held on to $f's sleeve and would not let go.#d
                Something growled, and $h went white.#d
                """)),
        Mood(
            value: "proud", deed: "boasted", voice: "grand",
            shows: lines(
                """
                $H had a new medal and showed it to every passer-by.#d
                $H walked with chin held high, like a general.#d
                The mayor had shaken hands with $h before the crowd.#d
                $H wore the winner's ribbon and looked in every mirror.#d
                """)),
    ]
}
