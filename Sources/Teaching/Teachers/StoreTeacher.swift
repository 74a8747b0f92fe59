import Activations
import Claims
import Tensors

/// Writes explanations of stored activations from what their texts have stated, and of that, if it has probes, only what the
/// vector itself holds.
///
/// A teacher that sees the text alone teaches the verbalizer to say what the vector does not hold, which is to make things up
/// (docs/method.md §8). This one says a fact only where a linear probe, reading that very vector, gives the true value at least
/// `threshold`. It never says a latent fact: the words for it are learnt where it is stated, and their use where it is not is
/// evidence of reading. Silence must not be learnt there either, so it abstains where the vector holds the latent answer to one of the
/// `shown` questions.
///
/// Works on any store whose documents carry facts, with any claim grammar. The probes must have been fitted to other documents.
public struct StoreTeacher {
    /// The teacher's choices.
    public struct Options: Sendable, Equatable {
        /// The least probability a probe must give to the true value.
        public var threshold: Float = 0.5
        /// Sentences of one explanation at most, the last one about the very end of the text included.
        public var maximumSentences = 3
        /// The share of facts left out at random, so that explanations vary in what they say.
        public var omission = 0.1
        /// The share of facts said in another of the grammar's sentences than the usual one.
        public var paraphrases = 0.0
        /// Seed of these choices, which also depend on document and position.
        public var seed: UInt64 = 0

        /// The usual choices.
        public init() {}
    }

    /// What became of the rows.
    public struct Report: Sendable, Equatable {
        /// Rows with an explanation.
        public var explained = 0
        /// Rows left out because the vector holds a latent fact.
        public var withheld = 0
        /// Rows left out because there was nothing to say.
        public var empty = 0
        /// Facts that the text states at explained rows, and those of them that were said; the ending is not counted.
        public var stated = 0, said = 0
    }

    private let store: ActivationStore
    private let grammar: any ClaimGrammar
    private let probes: TeacherProbes?
    private let shown: Set<Question>
    private let options: Options

    /// A teacher.
    ///
    /// - Parameters:
    ///   - probes: fitted to other documents; nil for a teacher that sees the text alone.
    ///   - shown: questions whose facts are chosen before others where there are more than fit; those that some texts answer in
    ///     words and others only show.
    public init(
        _ store: ActivationStore, _ grammar: any ClaimGrammar, probes: TeacherProbes?,
        shown: Set<Question> = [], _ options: Options = Options()
    ) {
        self.store = store
        self.grammar = grammar
        self.probes = probes
        self.shown = shown
        self.options = options
    }

    /// Explains rows; calls `deliver` with each row that gets an explanation, in order.
    public func explain(_ rows: [Int], deliver: (_ row: Int, _ explanation: String) throws -> Void) rethrows -> Report {
        var report = Report()
        try store.forEach(of: rows, readBy: probes) { row, reading in
            guard let explanation = explanation(of: row, reading, &report) else { return }
            try deliver(row, explanation)
        }
        return report
    }

    private func explanation(of row: Int, _ reading: TeacherProbes.Reading?, _ report: inout Report) -> String? {
        let document = store.document(of: row), place = store.row(row)
        func isHeld(_ fact: Fact) -> Bool { reading.map { ($0.probability(fact) ?? 0) > options.threshold } ?? true }
        let truths = document.truths(at: place.byteEnd)
        if reading != nil, truths.contains(where: { $0.standing == .latent && isShown($0.fact) && isHeld($0.fact) }) {
            report.withheld += 1
            return nil
        }
        var random = Random(seed: options.seed, Random.key(document.id), UInt64(place.position))
        let stated = truths.filter { $0.standing == .stated }.map(\.fact)
        var facts = stated.filter { isHeld($0) && grammar.sentence($0) != nil }.shuffled(using: &random)
        facts = facts.filter(isShown) + facts.filter { !isShown($0) }
        let ending = ending(of: document, at: place.byteEnd, isHeld).flatMap(grammar.sentence)
        let room = options.maximumSentences - (ending == nil ? 0 : 1)
        facts = Array(facts.filter { _ in random.uniform() >= options.omission }.prefix(max(0, room)))
        facts.shuffle(using: &random)
        let sentences = facts.compactMap { sentence($0, &random) } + (ending.map { [$0] } ?? [])
        guard !sentences.isEmpty else {
            report.empty += 1
            return nil
        }
        report.explained += 1
        report.stated += stated.count
        report.said += facts.count
        return sentences.joined(separator: " ")
    }

    private func isShown(_ fact: Fact) -> Bool { shown.contains(fact.question) }

    private func sentence(_ fact: Fact, _ random: inout Random) -> String? {
        guard options.paraphrases > 0, random.uniform() < options.paraphrases else { return grammar.sentence(fact) }
        return grammar.paraphrases(fact).randomElement(using: &random)
    }

    /// The text's last words, as many as the vector holds.
    private func ending(of document: LabelledDocument, at length: Int, _ isHeld: (Fact) -> Bool) -> Fact? {
        let words = LastWords(of: Array(document.text.utf8.prefix(length))[...], count: StoreTeacher.endingWords)
        var found: Fact?
        for count in 1...StoreTeacher.endingWords {
            guard let text = words.ending(count) else { break }
            // A sentence has no line breaks.
            let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            let fact = Fact(endingQuestion.subject, endingQuestion.relation, line)
            guard isHeld(fact) else { break }
            found = fact
        }
        return found
    }

    /// How many last words are quoted at most.
    static let endingWords = 3
}

extension ActivationStore {
    /// Questions whose answers some of the documents say in words, and some hold before anything says them.
    public func shownQuestions() -> Set<Question> {
        var stated: Set<Question> = [], latent: Set<Question> = []
        for document in documents {
            for truth in document.document.truths {
                if truth.statedFrom != nil { stated.insert(truth.fact.question) }
                if truth.statedFrom.map({ $0 > truth.from }) ?? true { latent.insert(truth.fact.question) }
            }
        }
        return stated.intersection(latent)
    }
}
