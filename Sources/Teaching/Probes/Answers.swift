import Activations
import Claims

/// What is true at each of some rows of a store: for every question that has one answer there, the answer and how it stands.
struct Answers {
    /// One question's answer at one row.
    struct Answer {
        let question: Int32
        /// Index into the question's values; −1 where two truths contradict one another.
        var value: Int32
        var standing: Standing
    }

    /// The questions that have an answer somewhere, in the order in which they came up.
    private(set) var questions: [Question] = []
    /// Each question's values, likewise.
    private(set) var values: [[String]] = []
    /// For each row, its answers.
    private(set) var rows: [[Answer]] = []

    private var questionIDs: [Question: Int] = [:]
    private var valueIDs: [[String: Int]] = []

    /// The answers at `rows`, those to the last `words` words among them.
    init(_ store: ActivationStore, rows: [Int], words: Int) {
        let wordQuestions = (0..<words).map { id(of: .lastWord($0 + 1)) }
        var known: (document: Int, truths: [Answer], text: [UInt8])?
        for index in rows {
            let row = store.row(index)
            let document = store.documents[row.document].document
            if known?.document != row.document {
                let truths = document.truths.map { truth in
                    let question = id(of: truth.fact.question)
                    return Answer(
                        question: Int32(question), value: Int32(id(of: truth.fact.value, to: question)),
                        standing: .latent)
                }
                known = (row.document, truths, Array(document.text.utf8))
            }
            guard let (_, truths, text) = known else { continue }
            var answers: [Answer] = []
            for (truth, answer) in zip(document.truths, truths) {
                guard let standing = truth.standing(at: row.byteEnd) else { continue }
                if let place = answers.firstIndex(where: { $0.question == answer.question }) {
                    if answers[place].value != answer.value { answers[place].value = -1 }
                    if standing == .stated { answers[place].standing = .stated }
                } else {
                    answers.append(Answer(question: answer.question, value: answer.value, standing: standing))
                }
            }
            answers.removeAll { $0.value < 0 }
            if words > 0 {
                for (question, word) in zip(wordQuestions, LastWords(of: text[..<row.byteEnd], count: words).words) {
                    answers.append(
                        Answer(question: Int32(question), value: Int32(id(of: word, to: question)), standing: .stated))
                }
            }
            self.rows.append(answers)
        }
    }

    private mutating func id(of question: Question) -> Int {
        if let id = questionIDs[question] { return id }
        questionIDs[question] = questions.count
        questions.append(question)
        values.append([])
        valueIDs.append([:])
        return questions.count - 1
    }

    private mutating func id(of value: String, to question: Int) -> Int {
        if let id = valueIDs[question][value] { return id }
        valueIDs[question][value] = values[question].count
        values[question].append(value)
        return values[question].count - 1
    }

    /// How often each value of each question is the answer at the rows in `places`, indices into ``rows``.
    func counts(at places: [Int]) -> [[Int]] {
        var counts = values.map { [Int](repeating: 0, count: $0.count) }
        for place in places { for answer in rows[place] { counts[Int(answer.question)][Int(answer.value)] += 1 } }
        return counts
    }
}
