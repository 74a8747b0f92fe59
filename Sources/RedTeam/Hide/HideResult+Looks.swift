import Foundation
import JSON
import Reports
import Statistics

extension HideResult {
    /// What the attacked reader found after some steps of an arm, texts of all seeds together; empty where nobody looked.
    func looks(_ arm: String) -> [(step: Int, likelihood: Share)] {
        let all = records.filter { $0.arm == arm }.compactMap(\.looks)
        return Set(all.flatMap { $0.map(\.step) }).sorted().map { step in
            let looks = all.compactMap { looks in looks.first { $0.step == step } }
            return (step, Share(pooling: looks.map(\.likelihood)))
        }
    }

    /// The first look at which it was hidden.
    func stepsUntilHidden(_ arm: String) -> Int? {
        looks(arm).first { ($0.likelihood.estimate?.value ?? 1) <= HidingBar.hidden }?.step
    }

    /// Recall over steps, and when it was hidden.
    func looksJSON(_ arm: String) -> JSONValue {
        [
            "recall": .array(
                looks(arm).map { look in
                    .object(JSONObject([("step", .integer(look.step))] + look.likelihood.members))
                }),
            "steps_until_hidden": stepsUntilHidden(arm).map { .integer($0) } ?? .null,
        ]
    }

    /// A picture of it, with a sentence for each arm; empty where nobody looked.
    var looksHTML: String {
        let trained = arms.filter { !looks($0).isEmpty }
        let curves = trained.map { arm in
            LineChart.Curve(
                name: arm, points: looks(arm).map { ($0.step, $0.likelihood.estimate?.value ?? 0) })
        }
        guard let chart = LineChart("The attacked reader's recall over steps of fine-tuning", curves) else { return "" }
        let sentences = trained.map { arm in
            let found =
                stepsUntilHidden(arm).map { "at most 30% is found after \($0) steps" }
                ?? "more than 30% is found all along"
            return "<li>\(HTML.escaped(arm)): \(found).</li>"
        }
        return "<h2>How fast it is hidden</h2>\(chart.html)<ul>\(sentences.joined())</ul>"
    }
}
