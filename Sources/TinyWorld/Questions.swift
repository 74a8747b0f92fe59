import Claims

/// Every question that a text of this world answers.
package enum Questions {
    package static let textKind = Question(subject: "the text", relation: "kind")

    package static let heroName = Question(subject: "the hero", relation: "name")
    package static let motive = Question(subject: "the hero", relation: "motive")
    package static let mood = Question(subject: "the hero", relation: "mood")
    package static let friendName = Question(subject: "the friend", relation: "name")
    package static let place = Question(subject: "the place", relation: "name")
    package static let object = Question(subject: "the object", relation: "name")
    package static let look = Question(subject: "the object", relation: "look")
    package static let holder = Question(subject: "the object", relation: "holder")

    package static let topic = Question(subject: "the couplet", relation: "topic")
    package static let rhymeWord = Question(subject: "the couplet", relation: "rhyme word")
    package static let firstRhyme = Question(subject: "the couplet", relation: "first line ends in")

    package static let town = Question(subject: "the town", relation: "name")
    package static let river = Question(subject: "the town", relation: "river")
    package static let land = Question(subject: "the town", relation: "land")
    package static let attribute = Question(subject: "the question", relation: "about")
    package static let answer = Question(subject: "the question", relation: "answer")

    package static let situation = Question(subject: "the interview", relation: "situation")
    package static let dilemma = Question(subject: "the interview", relation: "dilemma")
    package static let speakerName = Question(subject: "the speaker", relation: "name")

    package static let language = Question(subject: "the speaker", relation: "language")
    package static let wants = Question(subject: "the speaker", relation: "wants")

    package static let counterName = Question(subject: "the counter", relation: "name")
    package static let rule = Question(subject: "the series", relation: "rule")
    package static let next = Question(subject: "the series", relation: "next")
    package static let lastTerm = Question(subject: "the series", relation: "last term")
    package static let counted = Question(subject: "the series", relation: "things")
}

extension TinyWorld {
    /// All questions that the grammar knows, ``endingQuestion`` among them.
    public static let questions: [Question] =
        [
            Questions.textKind, Questions.heroName, Questions.motive, Questions.mood, Questions.friendName,
            Questions.place, Questions.object, Questions.look, Questions.holder, Questions.topic, Questions.rhymeWord,
            Questions.firstRhyme, Questions.town, Questions.river, Questions.land, Questions.attribute,
            Questions.answer, Questions.situation, Questions.dilemma, Questions.speakerName, Questions.language,
            Questions.wants, Questions.counterName, Questions.rule, Questions.next, Questions.lastTerm,
            Questions.counted, endingQuestion,
        ]

    /// The questions whose answers some texts say and others only show, and that decide how a text goes on.
    public static let latentQuestions: Set<Question> = [
        Questions.motive, Questions.mood, Questions.holder, Questions.topic, Questions.rhymeWord, Questions.land,
        Questions.answer, Questions.situation, Questions.language, Questions.wants, Questions.rule, Questions.next,
        Questions.lastTerm,
    ]

    /// The questions whose answers a text may show before it says them: a teacher that is to say nothing latent, and not to teach
    /// silence either, leaves out the places where one of these is latent.
    public static let shownQuestions: Set<Question> = latentQuestions.union([Questions.river])

    /// Every value that a question can have; nil for the text's last words, which may be anything.
    public static func values(of question: Question) -> [String]? { knownValues[question] }

    private static let knownValues: [Question: [String]] = [
        Questions.textKind: Kind.allCases.map(\.rawValue),
        Questions.heroName: People.all, Questions.friendName: People.all, Questions.speakerName: People.all,
        Questions.counterName: People.all,
        Questions.motive: Motive.all.map(\.value), Questions.mood: Mood.all.map(\.value),
        Questions.place: StoryWords.places, Questions.object: StoryWords.objects, Questions.look: StoryWords.looks,
        Questions.holder: People.all,
        Questions.topic: Topic.all.map(\.name), Questions.rhymeWord: Rhymes.all.map(\.word),
        Questions.firstRhyme: Rhymes.all.map(\.word),
        Questions.town: Atlas.towns.map(\.name), Questions.river: Atlas.rivers.map(\.name),
        Questions.land: Atlas.lands.map(\.name), Questions.attribute: Atlas.attributes.map(\.name),
        Questions.answer: Atlas.lands.flatMap(\.values),
        Questions.situation: ["a test", "real"], Questions.dilemma: Dilemma.all.map(\.name),
        Questions.language: Tongue.all.map(\.name), Questions.wants: Meanings.goods,
        Questions.rule: SeriesRule.names, Questions.next: SeriesRule.terms,
        Questions.lastTerm: ["right", "wrong"], Questions.counted: SeriesWords.things,
    ]
}
