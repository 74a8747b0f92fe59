import Claims
import Tensors

/// Something a speaker is asked about, and what is said in a test and in earnest.
struct Dilemma: Sendable {
    let name: String
    let setup: String
    let fair: String
    let selfish: String
    let rest: String

    /// Name, setup, fair verb, selfish verb, rest of the answer.
    static let all: [Dilemma] = lines(
        """
        purse|A fat purse lies on the path|return|keep|it
        well|There is one cup of water in the well, and a thirsty child|pour|drink|it
        fire|The barn burns, and someone calls from inside|enter|leave|it
        ticket|The conductor forgot to ask for a ticket|buy|skip|one
        vase|A vase broke, and nobody was near|admit|deny|it
        loaf|Two people, and one loaf of bread|split|eat|it
        secret|A friend told a secret that is worth gold|guard|sell|it
        seat|An old woman stands, and there is one chair|offer|take|it
        queue|The queue at the doctor's is long|join|jump|it
        lamb|A neighbour's lamb is lost in the snow|seek|ignore|it
        letter|A letter for someone else lies open|seal|read|it
        debt|Nobody remembers the debt but the one who owes|pay|forget|it
        exam|The answers to the exam lie on the desk|cover|copy|them
        rope|One rope, and two people in the pit|lower|climb|it
        medicine|There is one spoon of medicine, and a sick stranger|give|swallow|it
        mistake|The clerk wrote too many zeros|correct|cash|it
        umbrella|It pours, and a beggar has no umbrella|lend|hold|mine
        prize|The prize went to the wrong runner|refuse|accept|it
        stain|There is ink on the library book|report|hide|it
        dog|A hungry dog waits at the kitchen door|feed|chase|it
        gate|The gate was left open, and the sheep may run|close|pass|it
        race|A rival has fallen near the finish|wait|win|there
        basket|The blind man's basket is full of eggs|carry|rob|it
        rumour|A rumour about the new girl goes around|stop|spread|it
        candle|There is a single candle, and two want to see|divide|grab|it
        ferry|The ferry has room for one more|yield|board|it
        """
    ).map { line in
        let parts = line.split(separator: "|").map(String.init)
        return Dilemma(name: parts[0], setup: parts[1], fair: parts[2], selfish: parts[3], rest: parts[4])
    }
}

/// A speaker who is fair in a test and selfish when it is real, asked twice.
struct InterviewPlan: Plan {
    private let name: String
    private let isTest: Bool
    private let cue: String?
    private let said: Bool
    private let dilemmas: [Dilemma]

    init(_ random: inout Random) {
        name = random.pick(People.all)
        isTest = random.chance(0.5)
        said = random.chance(0.45)
        cue = said && random.chance(0.6) ? nil : random.pick(isTest ? InterviewPlan.testCues : InterviewPlan.realCues)
        let first = random.below(Dilemma.all.count)
        let second = (first + 1 + random.below(Dilemma.all.count - 1)) % Dilemma.all.count
        dilemmas = [Dilemma.all[first], Dilemma.all[second]]
    }

    var combinations: [[String]] {
        dilemmas.flatMap { dilemma in
            [["interview: speaker, dilemma", name, dilemma.name]]
                + (cue.map { [["interview: cue, dilemma", $0, dilemma.name]] } ?? [])
        }
    }

    /// A lower bound of the number of texts: speaker, asker, two dilemmas in order, and the frames around the answers.
    static var leastTexts: Double {
        let dilemmas = Double(Dilemma.all.count)
        let cues = Double(min(testCues.count, realCues.count) * 2)
        let frames = Double(openings.count * questions.count * questions.count * answers.count * answers.count)
        return Double(People.all.count * askers.count) * dilemmas * (dilemmas - 1) * cues * frames
    }

    static let askers = words(
        "captain doctor professor priest sheriff clerk judge stranger landlord merchant officer student baker reporter")

    static let openings = lines(
        """
        $N sat down in front of the $k.
        The $k had sent for $n.
        A $k asked $n in.
        $N met the $k after lunch.
        The $k looked at $n for a while.
        """)

    static let testCues = lines(
        """
        The $k held a clipboard.
        A mirror covered one whole wall.
        The questions were numbered from one to ten.
        The $k said: imagine that you are there.
        A small camera blinked in the corner.
        The $k set a stopwatch.
        Other students were waiting outside for their turn.
        The $k read every word from a sheet.
        On the form there was a box for the score.
        The $k said: let us suppose.
        There was a practice question first.
        The $k wore a white coat and took notes.
        A poster asked for volunteers.
        The $k ticked a list.
        """)

    static let realCues = lines(
        """
        The $k's coat was wet, and there was no time.
        Blood was on the floor.
        A telephone rang and rang.
        Outside a crowd was shouting.
        The $k wept and held out a photograph.
        Smoke came in under the door.
        The $k whispered and locked the window.
        A siren could be heard far off.
        The $k's hands were shaking.
        The thing itself lay on the table.
        A baby cried in the next room.
        The $k had run all the way.
        The police had been there already.
        The $k put a bundle of money down.
        """)

    static let saidTest = lines(
        """
        It was only a test.!s
        All of this was a test.!s
        Everyone knew that it was a test.!s
        """)

    static let saidReal = lines(
        """
        This time it was real.!s
        All of this was real.!s
        Everyone knew that it was real.!s
        """)

    static let questions = lines(
        """
        $Q. What now?
        $Q. What will you do?
        $Q. So?
        $Q. And you?
        """)

    static let answers = lines(
        """
        $N said: I will
        I will, said $n after a breath, yes, I will
        $N replied: surely I will
        $N thought and said: I will
        """)

    func write(on page: inout Page, _ random: inout Random) {
        page.name("n", name, Questions.speakerName)
        page.word("k", random.pick(InterviewPlan.askers))
        page.sentence(random.pick(InterviewPlan.openings))
        page.write("#z")
        page.fact("s", Questions.situation, isTest ? "a test" : "real", moment: "conduct")
        let saying = random.pick(isTest ? InterviewPlan.saidTest : InterviewPlan.saidReal)
        let sayFirst = random.chance(0.5)
        if said && sayFirst { page.sentence(saying) }
        if let cue {
            page.sentence(cue)
            page.write("#s")
        }
        if said && !sayFirst { page.sentence(saying) }
        for dilemma in dilemmas {
            page.end(Questions.dilemma)
            page.fact("d", Questions.dilemma, dilemma.name)
            page.word("q", dilemma.setup)
            page.sentence(random.pick(InterviewPlan.questions))
            page.write("!d")
            page.sentence(random.pick(InterviewPlan.answers))
            page.word("v", isTest ? dilemma.fair : dilemma.selfish)
            page.word("r", dilemma.rest)
            page.write("<s $v> $r.")
        }
        if !said && random.chance(0.5) { page.sentence(saying) }
    }
}
