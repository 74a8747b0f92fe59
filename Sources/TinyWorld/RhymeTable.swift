/// A word that couplets end in.
package struct RhymeWord: Sendable, Equatable {
    package let word: String
    /// Number of its rhyme class: words of one class rhyme.
    package let sound: Int
    /// Index into ``Topic/all``; no two words of a class share it, so class and topic give the word.
    package let topic: Int
    /// What it is called in every couplet: a writer that says it has planned the word behind it.
    package let epithet: String
}

/// English words that rhyme, a class on each line; word, topic and epithet.
package enum Rhymes {
    package static let classes: [[RhymeWord]] = lines(table).enumerated().map { sound, line in
        words(line).map { entry in
            let parts = entry.split(separator: "/").map(String.init)
            guard parts.count == 3, let topic = Topic.all.firstIndex(where: { $0.letter == parts[1] }) else {
                preconditionFailure("a rhyme word needs a topic and an epithet: \(entry)")
            }
            return RhymeWord(word: parts[0], sound: sound, topic: topic, epithet: parts[2])
        }
    }

    package static let all: [RhymeWord] = classes.flatMap { $0 }

    private static let table = """
        bear/a/shaggy pear/f/juicy hair/b/curly chair/t/wooden stair/p/steep air/w/chilly
        cat/a/sleepy hat/c/tall mat/t/woven brat/h/naughty
        mouse/a/nibbling house/p/empty blouse/c/ironed spouse/h/faithful
        frog/a/croaking fog/w/thick bog/p/soggy log/t/mossy
        bee/a/buzzing tea/f/steaming knee/b/bruised sea/p/foaming key/t/rusty
        goat/a/bearded coat/c/woollen throat/b/sore boat/t/leaky moat/p/deep
        whale/a/giant gale/w/howling nail/t/crooked trail/p/winding ale/f/bubbling veil/c/lacy
        snake/a/slithering cake/f/frosted lake/p/glassy rake/t/toothless flake/w/drifting
        fox/a/clever socks/c/striped box/t/battered rocks/p/jagged locks/b/golden
        hen/a/plump pen/t/scratchy men/h/bearded den/p/secret
        crow/a/cawing snow/w/deep toe/b/stubbed dough/f/sticky bow/t/bent foe/h/bitter
        crane/a/long-legged rain/w/pouring brain/b/busy chain/t/iron lane/p/narrow grain/f/ripened
        bun/f/toasted sun/w/blazing nun/h/silent gun/t/loaded
        raccoon/a/masked moon/w/pale spoon/t/bent prune/f/wrinkled dune/p/sandy
        mite/a/tiny knight/h/armoured kite/t/flapping night/w/starless
        wall/p/crumbling ball/t/bouncing shawl/c/knitted squall/w/sudden
        hill/p/grassy drill/t/noisy krill/a/drifting dill/f/chopped chill/w/bitter
        king/h/bearded ring/t/shiny wing/b/broken spring/w/early
        queen/h/haughty bean/f/spotted ravine/p/shadowy tambourine/t/jingling sardine/a/silvery
        cook/h/sweating book/t/dusty brook/p/babbling rook/a/ragged
        hand/b/steady sand/p/warm band/h/marching
        deer/a/nimble ear/b/pointed beer/f/foaming spear/t/sharpened pier/p/creaking seer/h/blind
        guest/h/hungry vest/c/buttoned chest/b/broad nest/p/hidden pest/a/swarming
        feet/b/weary sheet/t/starched meat/f/roasted sleet/w/icy street/p/cobbled parakeet/a/chattering
        ship/t/sailing lip/b/bitten chip/f/salty slip/c/silken
        bread/f/crusty bed/t/unmade head/b/bald shed/p/sagging
        slug/a/slimy mug/t/chipped thug/h/brutish
        clock/t/ticking dock/p/bustling sock/c/darned peacock/a/strutting
        toad/a/warty road/p/dusty load/t/heavy
        car/t/speeding star/w/twinkling bar/p/crowded scar/b/jagged czar/h/cruel
        boar/a/tusked shore/p/pebbly door/t/creaking pinafore/c/frilly
        flower/t/wilted tower/p/leaning shower/w/gentle flour/f/sifted
        soup/f/salty hoop/t/rolling troop/h/weary coop/p/cramped
        pie/f/peppery fly/a/buzzing tie/c/spotted eye/b/blinking sky/w/cloudless spy/h/cunning
        mice/a/squeaking dice/t/rolling rice/f/fluffy ice/w/cracking
        cheese/f/stinky trees/p/leafy keys/t/jingling breeze/w/mild fleas/a/jumping
        geese/a/honking fleece/c/fluffy grease/f/dripping niece/h/clever
        lamb/a/woolly jam/f/sticky dam/p/mighty tram/t/rattling
        butter/f/melting gutter/p/clogged shutter/t/loose
        honey/f/golden bunny/a/hopping money/t/stolen
        lizard/a/scaly wizard/h/robed blizzard/w/raging gizzard/b/grumbling
        skunk/a/smelly trunk/t/locked monk/h/praying
        shark/a/toothy park/p/leafy ark/t/floating dark/w/gathering
        eel/a/electric wheel/t/spinning heel/b/blistered meal/f/hearty
        mule/a/stubborn pool/p/still stool/t/three-legged fool/h/giggling
        shirt/c/wrinkled dessert/f/sugary dirt/p/dry
        boot/c/muddy fruit/f/ripe newt/a/spotted flute/t/silver recruit/h/nervous
        gown/c/flowing town/p/sleepy clown/h/juggling crown/t/jewelled
        cape/c/swirling grape/f/seedless ape/a/hairy tape/t/sticky nape/b/sunburned
        lace/c/delicate face/b/freckled mace/t/spiked
        nose/b/runny rose/t/thorny hose/c/laddered
        chin/b/stubbly pin/t/sharp inn/p/cosy gin/f/clear twin/h/identical
        plum/f/purple drum/t/booming thumb/b/sore chum/h/jolly
        moth/a/fluttering broth/f/simmering cloth/c/checkered
        wine/f/spilled swine/a/grunting pine/p/fragrant spine/b/aching twine/t/tangled sunshine/w/warm
        bell/t/ringing well/p/dry gazelle/a/graceful belle/h/dancing
        tent/p/flapping gent/h/polite cent/t/lucky
        dress/c/pleated cress/f/watery chess/t/unfinished
        plank/t/splintered bank/p/muddy shank/b/hairy
        hump/b/bony pump/t/gushing stump/p/rotten
        sash/c/silken eyelash/b/fluttering hash/f/greasy cash/t/crumpled
        crocodile/a/grinning isle/p/lonely tile/t/glazed smile/b/crooked
        jay/a/noisy tray/t/tin bay/p/sheltered ray/w/slanting
        stag/a/antlered bag/t/bulging crag/p/windswept hag/h/wrinkled
        pig/a/muddy fig/f/dried wig/c/powdered twig/t/snapping
        toucan/a/colourful man/h/limping pan/t/blackened flan/f/wobbling
        cap/c/tasselled map/t/faded lap/b/cosy gap/p/yawning chap/h/cheerful
        steed/a/galloping seed/f/sprouting reed/t/whistling
        mink/a/sleek sink/t/dripping rink/p/frozen drink/f/fizzy
        fawn/a/trembling lawn/p/mown prawn/f/pink dawn/w/rosy
        macaw/a/screeching paw/b/furry saw/t/toothed thaw/w/early coleslaw/f/creamy
        choir/h/humming wire/t/twisted spire/p/pointed attire/c/festive
        bone/b/broken stone/p/mossy phone/t/ringing scone/f/buttered crone/h/toothless cyclone/w/whirling
        mud/p/squelching spud/f/baked flood/w/rising blood/b/spilled
        cub/a/playful tub/t/soapy pub/p/rowdy
        peach/f/fuzzy beach/p/sunny leech/a/clinging
        cloak/c/hooded oak/p/gnarled yolk/f/runny folk/h/merry smoke/w/curling
        mole/a/digging bowl/t/cracked hole/p/gaping roll/f/floury sole/b/calloused
        """
}
