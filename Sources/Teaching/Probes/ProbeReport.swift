import Activations
import Claims
import Foundation
import JSON
import Tensors

/// How well probes read, question by question: apart for stated and latent facts, and for moments and random positions.
public struct ProbeReport: Sendable {
    /// One line of the table.
    public struct Entry: Sendable, Equatable {
        /// What is read.
        public let question: Question
        /// How the answer stands in the text; last words count as stated.
        public let standing: Standing
        /// Whether these are rows at moments, or random ones.
        public let isAtMoment: Bool
        /// Rows with an answer.
        public let rows: Int
        /// Share of the rows whose likeliest answer is the true one; an answer that the probe does not know counts as missed.
        public let accuracy: Double
        /// Share that always giving these rows' most frequent answer would reach.
        public let chance: Double
        /// Mean probability of the true answer.
        public let meanProbability: Double
        /// Expected calibration error: mean distance of the likeliest answer's probability from the share that is right, in ten
        /// bins (Naeini et al. 2015).
        public let calibrationError: Double
    }

    /// The lines, by question.
    public let entries: [Entry]

    /// Reads some rows of a store, best of documents that the probes were not fitted to.
    public init(_ probes: ProbeSet, _ store: ActivationStore, rows: [Int]) {
        self.init(.apart(probes), store, rows: rows)
    }

    /// Reads some rows of a store; cross-fitted probes each those whose documents they were not fitted to.
    public init(_ probes: TeacherProbes, _ store: ActivationStore, rows: [Int]) {
        var tallies: [Key: Tally] = [:]
        for (number, set) in probes.sets.enumerated() {
            let own = rows.filter { probes.set(for: store.document(of: $0).id) == number }
            for begin in stride(from: 0, to: own.count, by: 4096) {
                ProbeReport.count(set, store, Array(own[begin..<min(own.count, begin + 4096)]), &tallies)
            }
        }
        entries = tallies.map { $1.entry($0.question, $0.standing, $0.isAtMoment) }.sorted {
            ($0.question, $0.standing.rawValue, $0.isAtMoment ? 1 : 0) < (
                $1.question, $1.standing.rawValue, $1.isAtMoment ? 1 : 0
            )
        }
    }

    private struct Key: Hashable {
        let question: Question
        let standing: Standing
        let isAtMoment: Bool
    }

    private static func count(
        _ probes: ProbeSet, _ store: ActivationStore, _ rows: [Int], _ tallies: inout [Key: Tally]
    ) {
        let answers = Answers(store, rows: rows, words: probes.wordPlaces)
        let reading = probes.read(store.vectors(rows))
        for (row, all) in answers.rows.enumerated() {
            let isAtMoment = store.row(rows[row]).moment != nil
            for answer in all {
                let question = answers.questions[Int(answer.question)]
                guard let best = reading.best(question, row: row) else { continue }
                let truth = answers.values[Int(answer.question)][Int(answer.value)]
                let fact = Fact(question.subject, question.relation, truth)
                tallies[Key(question: question, standing: answer.standing, isAtMoment: isAtMoment), default: Tally()]
                    .add(truth, best, probability: Double(reading.probability(of: fact, row: row) ?? 0))
            }
        }
    }

    private struct Tally {
        var rows = 0
        var right = 0
        var probability = 0.0
        var answers: [String: Int] = [:]
        var bins = [(rows: Int, right: Int, probability: Double)](repeating: (0, 0, 0), count: 10)

        mutating func add(
            _ truth: String, _ best: (value: String, probability: Float), probability truthProbability: Double
        ) {
            let isRight = best.value == truth
            rows += 1
            right += isRight ? 1 : 0
            probability += truthProbability
            answers[truth, default: 0] += 1
            let bin = min(9, max(0, Int(saturating: Double(best.probability) * 10)))
            bins[bin].rows += 1
            bins[bin].right += isRight ? 1 : 0
            bins[bin].probability += Double(best.probability)
        }

        func entry(_ question: Question, _ standing: Standing, _ isAtMoment: Bool) -> Entry {
            let count = Double(rows)
            return Entry(
                question: question, standing: standing, isAtMoment: isAtMoment, rows: rows,
                accuracy: Double(right) / count, chance: Double(answers.values.max() ?? 0) / count,
                meanProbability: probability / count,
                calibrationError: bins.reduce(0) { $0 + abs($1.probability - Double($1.right)) } / count)
        }
    }

    /// The table as JSON: an array of objects.
    public var json: JSONValue {
        .array(
            entries.map {
                [
                    "subject": .string($0.question.subject), "relation": .string($0.question.relation),
                    "standing": .string($0.standing.rawValue), "place": $0.isAtMoment ? "moment" : "random",
                    "rows": .integer($0.rows), "accuracy": .number($0.accuracy), "chance": .number($0.chance),
                    "mean_probability": .number($0.meanProbability),
                    "calibration_error": .number($0.calibrationError),
                ]
            })
    }

    /// The table as text, one line for each entry under a heading.
    public var table: String {
        let names = entries.map(\.question.description)
        let width = max(8, names.map(\.count).max() ?? 0)
        func pad(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(0, width - text.count))
        }
        func left(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - text.count)) + text
        }
        func percent(_ share: Double) -> String { left(String(format: "%.1f%%", 100 * share), 9) }
        var lines = [
            pad("question", width) + "  standing  place   " + left("rows", 8) + left("accuracy", 10) + left("chance", 9)
                + left("P(truth)", 9) + left("ECE", 9)
        ]
        for (entry, name) in zip(entries, names) {
            lines.append(
                pad(name, width) + "  " + pad(entry.standing.rawValue, 8) + "  "
                    + pad(entry.isAtMoment ? "moment" : "random", 8) + left("\(entry.rows)", 8) + " "
                    + percent(entry.accuracy) + percent(entry.chance) + percent(entry.meanProbability)
                    + percent(entry.calibrationError))
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
