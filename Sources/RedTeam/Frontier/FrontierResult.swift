import Foundation
import Reports
import Runs
import Statistics

/// What came of training targets to be read.
public struct FrontierResult: Sendable {
    private let records: [FrontierRecord]
    package let options: FrontierOptions

    package init(_ records: [FrontierRecord], _ options: FrontierOptions) {
        self.records = records
        self.options = options
    }

    /// The targets that there are, in the order in which they are shown.
    private var arms: [String] {
        ([FrontierExperiment.original] + options.arms).filter { arm in records.contains { $0.arm == arm } }
    }

    private func spread(_ arm: String, _ key: String) -> Spread? {
        Spread(records.filter { $0.arm == arm }.compactMap { $0.values[key] })
    }

    /// How much more of something an arm has than the original of the same seed, as a share of that.
    private func change(_ arm: String, _ key: String) -> Spread? {
        Spread(
            records.filter { $0.arm == arm }.compactMap { record in
                let original = records.first { $0.seed == record.seed && $0.arm == FrontierExperiment.original }
                guard let value = record.values[key], let before = original?.values[key], before != 0 else {
                    return nil
                }
                return value / before - 1
            })
    }

    /// What was aimed at beforehand: at most this much more loss, and at least this much less damage.
    private static let aim = (loss: 0.02, damage: 1.0 / 3)

    /// What it shows, in sentences.
    package var findings: [String] {
        let trained = arms.filter { $0 != FrontierExperiment.original }
        let measured = trained.compactMap { arm -> (arm: String, loss: Spread, damage: Spread)? in
            guard let loss = change(arm, "held_out_loss"), let damage = change(arm, "splice_damage") else { return nil }
            return (arm, loss, damage)
        }
        var sentences = measured.map { arm, loss, damage in
            "\(arm): loss \(loss.text(.percent, signed: true)) %, splice damage \(damage.text(.percent, signed: true)) %."
        }
        let allowed = measured.filter { $0.loss.mean <= FrontierResult.aim.loss }
        if let best = allowed.min(by: { $0.damage.mean < $1.damage.mean }) {
            let most = -FrontierResult.aim.damage
            let word =
                best.damage.range.upperBound <= most
                ? "reached with every seed" : best.damage.mean <= most ? "reached on average" : "not reached"
            sentences.append(
                "The aim, a third less splice damage than the original's at no more than 2% more loss, is \(word): of \(measured.count) targets the most at such a loss has \(best.arm), with \(best.damage.text(.percent, signed: true)) %."
            )
        } else if !measured.isEmpty {
            sentences.append("No target stays within 2% more loss.")
        }
        return sentences
    }

    // MARK: Numbers

    package var summary: FrontierSummary {
        FrontierSummary(
            experiment: FrontierOptions.stage, pair: options.pair, steps: options.steps,
            intervals: "mean, lowest and highest seed", findings: findings,
            targets: .init(arms.map { .init($0, nil, numbers($0)) }))
    }

    private func numbers(_ arm: String) -> NamedValues<Spread> {
        let own = FrontierMeasure.all.map { ($0.key, spread(arm, $0.key)) }
        let beside =
            arm == FrontierExperiment.original
            ? []
            : [
                ("loss_change", change(arm, "held_out_loss")), ("splice_damage_change", change(arm, "splice_damage")),
                ("minutes", Spread(records.filter { $0.arm == arm }.map(\.minutes))),
            ]
        return .init((own + beside).map { .init($0, nil, $1) })
    }
}

// MARK: - For a person

extension FrontierResult: ExperimentResult {
    package var pair: String { options.pair }

    private func rows(_ summary: FrontierSummary) -> [[String]] {
        let targets = summary.targets.present
        let numbers = FrontierMeasure.all.map { measure in
            [measure.title] + targets.map { $0.value[measure.key]?.text(measure.style) ?? "–" }
        }
        let changes = [
            ("held_out_loss", "loss against the original's, %"), ("splice_damage", "splice damage against it, %"),
        ]
        return numbers
            + changes.map { key, title in
                [title] + targets.map { change($0.key, key)?.text(.percent, signed: true) ?? "–" }
            }
    }

    package var foundation: String {
        let seeds = Set(records.map(\.seed)).count
        let minutes = String(format: "%.0f", records.reduce(0) { $0 + $1.minutes })
        return
            "\(seeds) seeds, \(options.steps) steps each; loss and damage on \(options.evaluationDocuments) held-out texts, claims on \(options.testDocuments), others for each seed, as far as there are so many. All learn the same documents, in the same order: without splices, from the same weights, that is one training, measured several times. Training took \(minutes) minutes. In brackets the lowest and the highest seed."
    }

    package func tables(_ summary: FrontierSummary) -> [ResultTable] { [(nil, arms, rows(summary))] }

    package var heading: String {
        "A target built to be read: \(arms.count - 1) targets, \(options.steps) steps, \(options.pair)"
    }

    package var introduction: String {
        """
        <p>A model is trained on while, in some documents, one activation gives its place to what its reconstructor rebuilds from its \
        verbalizer's words: what cannot be said costs predictions. Model, verbalizer and reconstructor learn together, and are measured \
        beside the pair that they began as. <em>Splice damage</em> is what it costs the next nine predictions, in nats per token, that an activation is put into words \
        and rebuilt.</p>
        """
    }

    package var explanation: String {
        """
         <code>learning_rate=0</code>: the readers alone learn, the model stays as it is. <code>splice_share=0</code>: it is trained on \
        as long with nothing replaced, and its readers stay.
        """
    }

    package func sections(_ summary: FrontierSummary) -> [String] {
        let rows = rows(summary).map { $0.map { HTML.escaped($0) } }
        return [chart, HTML.section("Every number", [""] + arms, rows), examples]
    }

    private var chart: String {
        let points = arms.compactMap { arm -> ScatterChart.Point? in
            guard let loss = spread(arm, "held_out_loss"), let damage = spread(arm, "splice_damage") else { return nil }
            return .init(arm, x: loss.mean, y: damage.mean, xRange: loss.range, yRange: damage.range)
        }
        return ScatterChart(
            "What being read costs, and what it saves", across: "language loss, nats per token",
            upward: "splice damage, nats per token", points)?.html ?? ""
    }

    private var examples: String {
        let first = records.map(\.seed).min()
        let own = records.filter { $0.seed == first }
        let texts = own.first { $0.arm == FrontierExperiment.original }?.examples.map(\.textSoFar) ?? []
        let rows = texts.flatMap { text in
            arms.compactMap { arm -> [String]? in
                own.first { $0.arm == arm }?.examples.first { $0.textSoFar == text }.map {
                    [HTML.escaped(String(text.suffix(160))), HTML.escaped(arm), HTML.escaped($0.words)]
                }
            }
        }
        return HTML.section("Worked examples", ["text so far", "target", "what its verbalizer writes"], rows)
    }
}
