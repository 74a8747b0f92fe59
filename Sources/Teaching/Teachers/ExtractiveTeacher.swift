import Activations
import Claims
import Tensors

/// Writes explanations of stored activations without any other model than the target: where the text is from, as far as that is known, its
/// last words, and what the target itself would write next, with how sure it is.
///
///     The text's kind is "dictionary". The text's headword is "Anchor". The text ends with "holds a ship".
///     Next comes "in place", probably.
///
/// Other than ``StoreTeacher`` it says what no word has stated, such as the kind of source. With probes, which must have been fitted to other
/// documents, it says a fact only where one reads it from that very vector; what no probe is asked about is then not said.
public struct ExtractiveTeacher {
    /// The teacher's choices.
    public struct Options: Sendable, Equatable {
        /// Which facts are said, the most important first: relations, whatever the subject. Those that follow from what is said are not.
        public var relations = [
            "kind", "book", "headword", "section", "chapter", "module", "subject", "part of speech", "hypernym",
            "speaker",
            "system kind", "role", "secret", "goal", "turn", "request",
        ]
        /// Facts of one explanation at most.
        public var maximumFacts = 2
        /// Last words that are quoted at most.
        public var endingWords = 4
        /// The share of facts left out at random, so that explanations vary in what they say.
        public var omission = 0.25
        /// With probes: the least probability that one must give to a fact.
        public var threshold: Float = 0.5
        /// Seed of these choices, which also depend on document and position.
        public var seed: UInt64 = 0

        /// The usual choices.
        public init() {}
    }

    /// What became of the rows.
    public struct Report: Sendable, Equatable {
        /// Rows with an explanation, and those without because there was nothing to say.
        public var explained = 0, empty = 0
        /// Facts that hold and are of the relations asked for, those that probes let through, and those that were said.
        public var facts = 0, held = 0, said = 0
        /// Rows whose continuation is not known.
        public var withoutContinuation = 0

        /// Nothing yet.
        public init() {}
    }

    private let store: ActivationStore
    private let grammar: any ClaimGrammar
    private let continuations: Continuations?
    private let probes: TeacherProbes?
    private let options: Options

    /// A teacher. Without continuations it says nothing of what comes next.
    public init(
        _ store: ActivationStore, _ grammar: any ClaimGrammar, continuations: Continuations?,
        probes: TeacherProbes? = nil,
        _ options: Options = Options()
    ) {
        self.store = store
        self.grammar = grammar
        self.continuations = continuations
        self.probes = probes
        self.options = options
    }

    /// Explains rows; calls `deliver` with each row that gets an explanation, in order.
    public func explain(_ rows: [Int], deliver: (_ row: Int, _ explanation: String) throws -> Void) rethrows -> Report {
        var report = Report()
        try store.forEach(of: rows, readBy: probes) { row, reading in
            let sentences = facts(row, reading, &report) + [ending(row), next(row, &report)].compactMap { $0 }
            guard !sentences.isEmpty else {
                report.empty += 1
                return
            }
            report.explained += 1
            try deliver(row, sentences.joined(separator: " "))
        }
        return report
    }

    /// The sentences about where the text is from, in the order of the relations.
    private func facts(_ row: Int, _ reading: TeacherProbes.Reading?, _ report: inout Report) -> [String] {
        let document = store.document(of: row), place = store.row(row)
        var random = Random(seed: options.seed, Random.key(document.id), UInt64(place.position))
        let truths = document.truths(at: place.byteEnd).map(\.fact)
        var sentences: [String] = []
        for relation in options.relations {
            let values = truths.filter { $0.relation == relation }
            // Of a question with two answers none is the answer.
            guard let fact = values.first, Set(values).count == 1, let sentence = grammar.sentence(fact) else {
                continue
            }
            report.facts += 1
            // Drawn whatever the probes say, so that two teachers leave out the same.
            let isOmitted = random.uniform() < options.omission
            guard reading.map({ ($0.probability(fact) ?? 0) > options.threshold }) ?? true else { continue }
            report.held += 1
            guard !isOmitted, sentences.count < options.maximumFacts else { continue }
            sentences.append(sentence)
        }
        report.said += sentences.count
        return sentences
    }

    /// The sentence that quotes the last words: as many as are asked for and can be quoted.
    private func ending(_ row: Int) -> String? {
        let text = Array(store.document(of: row).text.utf8.prefix(store.row(row).byteEnd))
        let words = LastWords(of: text[...], count: options.endingWords)
        for count in stride(from: words.words.count, to: 0, by: -1) {
            guard let ending = words.ending(count) else { continue }
            let line = ending.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            if let sentence = grammar.sentence(Fact(endingQuestion.subject, endingQuestion.relation, line)) {
                return sentence
            }
        }
        return nil
    }

    /// The sentence about what the target would write next.
    private func next(_ row: Int, _ report: inout Report) -> String? {
        guard let continuations else { return nil }
        guard let continuation = continuations[store, row] else {
            report.withoutContinuation += 1
            return nil
        }
        return ExtractiveTeacher.sentence(continuation)
    }

    /// `Next comes "in place", probably.`, or that the text ends; a line break is ¶. Nil where nothing but white space comes.
    package static func sentence(_ continuation: Continuation) -> String? {
        let words = shown(continuation.text)
        guard !words.isEmpty else {
            return continuation.endsText ? "Next the text ends, \(surely(continuation.sureness))." : nil
        }
        return "Next comes \"\(words)\", \(surely(continuation.sureness))."
    }

    /// A text on one line, without the marks that quote it.
    private static func shown(_ text: String) -> String {
        text.replacing("\"", with: "'").split(separator: "\n", omittingEmptySubsequences: true).map {
            $0.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        }.filter { !$0.isEmpty }.joined(separator: " ¶ ")
    }

    /// How sure a geometric mean of probabilities is, in words.
    private static func surely(_ probability: Double) -> String {
        switch probability {
        case 0.8...: "almost surely"
        case 0.5...: "probably"
        case 0.25...: "perhaps"
        default: "or something else"
        }
    }
}
