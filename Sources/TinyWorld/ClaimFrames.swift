import Claims

/// The sentences of each question, the usual one first; `*` stands for the value.
enum ClaimFrames {
    static let all: [(question: Question, sentences: [String])] = [
        (Questions.textKind, ["The kind of text is *.", "The text is of kind *.", "* is the kind of text."]),
        (
            endingQuestion,
            ["It ends with \"*\".", "The last words are \"*\".", "\"*\" is how it ends.", "So far it ends in \"*\"."]
        ),
        (Questions.heroName, ["The hero is called *.", "The hero's name is *.", "* is the hero."]),
        (Questions.motive, ["The hero is *.", "In truth the hero is *.", "* is what the hero is."]),
        (Questions.mood, ["The hero feels *.", "The mood is *.", "* is how the hero feels."]),
        (Questions.friendName, ["The friend is called *.", "The friend's name is *.", "* is the friend."]),
        (Questions.place, ["They are at the *.", "The place is the *.", "The * is where they are."]),
        (Questions.object, ["The object is the *.", "The thing is called the *.", "The * is the object."]),
        (Questions.look, ["The object looks *.", "The look of it is *.", "* is how the object looks."]),
        (
            Questions.holder,
            ["* has the object.", "The object is with *.", "The holder is *.", "The object belongs now to *."]
        ),
        (Questions.topic, ["The couplet is about *.", "The topic is *.", "* is the topic."]),
        (Questions.rhymeWord, ["It will rhyme on *.", "The rhyme word is *.", "The couplet will end in *."]),
        (
            Questions.firstRhyme,
            ["The first line ends in *.", "The first rhyme is *.", "* is the end of the first line."]
        ),
        (Questions.town, ["The town is called *.", "The town's name is *.", "* is the town."]),
        (Questions.river, ["The town lies on the *.", "The river is the *.", "The * is the river."]),
        (Questions.land, ["The town is in *.", "The land is *.", "* is the land of the town."]),
        (Questions.attribute, ["The question is about the *.", "It asks for the *.", "The * is asked for."]),
        (Questions.answer, ["The answer is *.", "The answer will be *.", "* is the answer."]),
        (Questions.situation, ["The interview is *.", "The situation is *.", "* is what this is."]),
        (Questions.dilemma, ["The dilemma is the *.", "The interview turns to the *.", "The * is the dilemma."]),
        (Questions.speakerName, ["The speaker is called *.", "The speaker's name is *.", "* is the speaker."]),
        (Questions.language, ["The speaker speaks *.", "The language is *.", "* is the language spoken."]),
        (Questions.wants, ["The speaker wants *.", "The wish is for *.", "* is what the speaker wants."]),
        (Questions.counterName, ["The counter is called *.", "The counter's name is *.", "* is counting."]),
        (Questions.rule, ["The series goes *.", "The rule is *.", "* is the rule."]),
        (Questions.next, ["Next comes *.", "The next term is *.", "* comes next."]),
        (Questions.lastTerm, ["The last term is *.", "The end is *.", "* is what the end is."]),
        (Questions.counted, ["The series counts *.", "The things are *.", "* are counted."]),
    ]
}
