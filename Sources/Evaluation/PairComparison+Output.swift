import Activations
import Autoencoder
import Claims
import Foundation
import JSON
import LanguageModel
import Statistics
import Teaching
import Tensors

extension PairComparison.Result {
    /// The evaluation with every measure's interval.
    var json: JSONObject {
        var object = JSONObject([
            ("name", .string(candidate.name)), ("folder", .string(candidate.place)),
        ])
        for (key, value) in evaluation.json.object ?? JSONObject() { object[key] = value }
        object["measures"] = .object(
            JSONObject(
                entries.map { entry in
                    var measure = JSONObject(entry.estimate.members)
                    if let difference = entry.difference {
                        measure["difference"] = .object(JSONObject(difference.members))
                    }
                    return (entry.measure.name, .object(measure))
                }))
        return object
    }
}

extension PairComparison {
    private var sampling: JSONObject {
        JSONObject([
            ("split", .string(split)), ("documents", .integer(documents)), ("resamples", .integer(resamples)),
            ("seed", .integer(Int(truncatingIfNeeded: seed))),
        ])
    }

    /// Everything, for a program: of one pair its evaluation, of several an array `pairs` of such.
    public var json: JSONValue {
        var object = results.count == 1 ? results[0].json : JSONObject([("rows", .integer(results[0].evaluation.rows))])
        for (key, value) in sampling { object[key] = value }
        if !storageNotes.isEmpty { object["storage_notes"] = .array(storageNotes.map { .string($0) }) }
        if results.count > 1 { object["pairs"] = .array(results.map { .object($0.json) }) }
        return .object(object)
    }

    /// A line for each pair and measure.
    public var csv: String {
        func quoted(_ text: String) -> String {
            text.contains { "\",\n\r".contains($0) } ? "\"\(text.replacing("\"", with: "\"\""))\"" : text
        }
        func cells(_ estimate: Estimate?) -> [String] {
            [estimate?.value, estimate?.interval?.lowerBound, estimate?.interval?.upperBound].map {
                $0.map { "\($0)" } ?? ""
            }
        }
        let lines = results.flatMap { result in
            result.entries.map { entry in
                ([quoted(result.candidate.name), entry.measure.name] + cells(entry.estimate) + cells(entry.difference))
                    .joined(separator: ",")
            }
        }
        return (["pair,measure,value,low,high,difference,difference_low,difference_high"] + lines)
            .joined(separator: "\n") + "\n"
    }

    /// Markdown tables: of one pair its evaluation and the intervals, of several one beside the other, and their differences to
    /// the first.
    public var table: String {
        let intervals =
            "95% intervals over documents: \(resamples) draws of the \(documents) that the rows are from, seed \(seed)."
            + storageNotes.map { "\n\($0)" }.joined()
        guard results.count > 1 else {
            return results[0].evaluation.table + "\n" + intervals + "\n\n"
                + rows(["measure", "value"], results) { $0.estimate.text($1.style) }
        }
        let names = results.map(\.candidate.name)
        return "\(results[0].evaluation.rows) rows of \(split), the same for all. \(intervals)\n\n"
            + rows(["measure"] + names, results) { $0.estimate.text($1.style) } + "\nMore than \(names[0]):\n\n"
            + rows(["measure"] + names.dropFirst(), Array(results.dropFirst())) {
                $0.difference?.text($1.style, signed: true)
            } + breakdown
    }

    /// Claims and facts by what they are about, one pair beside the other.
    private var breakdown: String {
        let claims = results.compactMap(\.evaluation.claims), names = results.map(\.candidate.name)
        guard claims.count == results.count, let first = claims.first else { return "" }
        let keys = Set(claims.flatMap { $0.claims.keys }).sorted()
        let precisions = keys.map { key in
            "| \(key.question) | \(key.kind) | \(key.place.rawValue) | "
                + claims.map { scores in
                    scores.claims[key].map { "\(PairEvaluation.percent($0.share)) of \($0.claims)" } ?? "–"
                }.joined(separator: " | ") + " |"
        }
        func recalls(deciding: Bool) -> [String] {
            let facts = claims.map { Dictionary(uniqueKeysWithValues: $0.facts(byDeciding: deciding)) }
            return first.facts(byDeciding: deciding).filter { !deciding || $0.key.decides }.map { key, recall in
                "| \(key.question) | \(key.kind) | \(key.place.rawValue) | \(key.standing.rawValue) | \(recall.facts) | "
                    + facts.map { PairEvaluation.percent($0[key]?.share) }.joined(separator: " | ")
                    + " | \(PairEvaluation.percent(recall.ceiling)) |"
            }
        }
        func table(_ heads: [String], _ lines: [String]) -> String {
            (["", "| \(heads.joined(separator: " | ")) |", "|" + String(repeating: "---|", count: heads.count)] + lines)
                .joined(separator: "\n") + "\n"
        }
        let heads = ["kind", "place", "standing", "of"] + names + ["probes read"]
        return table(["claims that are true", "kind", "place"] + names, precisions)
            + table(["facts said, about to matter"] + heads, recalls(deciding: true))
            + table(["facts said, about to matter or not"] + heads, recalls(deciding: false))
    }

    /// A table of the measures that any of some pairs has.
    private func rows(
        _ heads: [String], _ results: [Result], _ cell: (Entry, PairMeasure) -> String?
    ) -> String {
        let lines = PairMeasure.all.compactMap { measure -> String? in
            let cells = results.map { result in result[measure.name].flatMap { cell($0, measure) } }
            guard cells.contains(where: { $0 != nil }) else { return nil }
            return "| \(([measure.title] + cells.map { $0 ?? "–" }).joined(separator: " | ")) |"
        }
        return (["| \(heads.joined(separator: " | ")) |", "|" + String(repeating: "---|", count: heads.count)] + lines)
            .joined(separator: "\n") + "\n"
    }
}

extension PairComparison {
    /// Writes the first pair's explanations for other judges, a line for each row: its name, document, split and kind, the text up to its
    /// token, the whole text, and the explanation. Throws a one-line error.
    public func writeExplanations(_ store: ActivationStore, to file: URL) throws {
        let details = results[0].evaluation.rowDetails
        let lines = zip(details.rows, details.explanations).map { row, explanation -> String in
            let document = store.document(of: row)
            let json: JSONValue = [
                "id": .string(store.id(of: row)), "document": .string(document.id), "split": .string(split),
                "kind": .string(document.kind), "position": .integer(store.row(row).position),
                "text_so_far": .string(store.textSoFar(row)), "text": .string(document.text),
                "explanation": .string(explanation.description), "is_complete": .bool(explanation.isComplete),
            ]
            return json.serialized() + "\n"
        }
        try AtomicFile.write(lines.joined(), to: file)
    }
}
