import Reports
import Statistics

extension HideResult {
    /// What the attacked reader found after some steps of an arm, texts of all seeds together; nil where nobody looked.
    func looks(_ arm: String) -> HiddenTarget.Looks? {
        let all = records.filter { $0.arm == arm }.compactMap(\.looks)
        let looks = Set(all.flatMap { $0.map(\.step) }).sorted().map { step in
            let looks = all.compactMap { looks in looks.first { $0.step == step } }
            return (step: step, share: Share(pooling: looks.map(\.likelihood)))
        }
        guard !looks.isEmpty else { return nil }
        return .init(
            recall: looks.map { .init(.init(step: $0.step), MeasuredShare($0.share)) },
            stepsUntilHidden: looks.first { ($0.share.estimate?.value ?? 1) <= HidingBar.hidden }?.step)
    }

    /// A picture of it, with a sentence for each arm; empty where nobody looked.
    func looksHTML(_ summary: HideSummary) -> String {
        let trained = summary.second.present.compactMap { arm in arm.value.looks.map { (arm: arm.key, looks: $0) } }
        let curves = trained.map { arm, looks in
            LineChart.Curve(name: arm, points: looks.recall.map { ($0.first.step, $0.second.value ?? 0) })
        }
        guard let chart = LineChart("The attacked reader's recall over steps of fine-tuning", curves) else { return "" }
        let sentences = trained.map { arm, looks in
            let found =
                looks.stepsUntilHidden.map { "at most 30% is found after \($0) steps" }
                ?? "more than 30% is found all along"
            return "<li>\(HTML.escaped(arm)): \(found).</li>"
        }
        return "<h2>How fast it is hidden</h2>\(chart.html)<ul>\(sentences.joined())</ul>"
    }
}
