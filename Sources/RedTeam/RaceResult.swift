import Foundation
import JSON
import Training

/// What came of an arms race.
public struct RaceResult: Sendable {
    let options: RaceOptions
    private let records: [RaceRecord]
    /// Blocks beside the pair's whose activations probes read.
    private let blocks: [Int]

    init(_ records: [RaceRecord], blocks: [Int], _ options: RaceOptions) {
        self.records = records.sorted { ($0.seed, $0.name) < ($1.seed, $1.name) }
        self.blocks = blocks
        self.options = options
    }

    /// A stage of a race, all seeds together.
    struct Point {
        let round: Int
        /// Nil of the original.
        let stage: RaceStage?
        /// A record of each seed, at least one.
        let records: [RaceRecord]

        /// What a reader tells at 1% false alarms.
        func recall(_ reader: RaceReader) -> Share {
            Share(pooling: records.compactMap { $0.readings[reader.key]?.recall })
        }

        /// Whether it writes the value where it holds.
        func written(_ reader: RaceReader) -> Share {
            Share(pooling: records.compactMap { $0.readings[reader.key]?.written })
        }

        /// Whether it does where another value holds.
        func writtenFalsely(_ reader: RaceReader) -> Share {
            Share(pooling: records.compactMap { $0.readings[reader.key]?.writtenFalsely })
        }

        /// Variance that its words explain, by seed.
        func variancesExplained(_ reader: RaceReader) -> [Double] {
            records.compactMap { $0.readings[reader.key]?.varianceExplained }
        }

        func share(_ of: (RaceRecord) -> Share?) -> Share { Share(pooling: records.compactMap(of)) }

        var title: String { stage.map { "\(round), \($0 == .hidden ? "hidden" : "refreshed")" } ?? "original" }
    }

    /// The original, and what there is of an arm's stages, in order.
    func points(_ arm: RaceArm) -> [Point] {
        var points = [Point(round: 0, stage: nil, records: records.filter { $0.arm == nil })]
        for round in 1...options.rounds {
            for stage in RaceStage.allCases {
                points.append(
                    Point(
                        round: round, stage: stage,
                        records: records.filter { $0.arm == arm && $0.round == round && $0.stage == stage }))
            }
        }
        return points.filter { !$0.records.isEmpty }
    }

    /// Steps of hiding behind a point.
    func steps(_ point: Point) -> Int { point.round * options.hiding.steps }

    // MARK: Numbers

    /// Readers in the order of tables: pairs, then probes.
    var pairs: [RaceReader] {
        let named = options.hiding.readers.compactMap { try? NamedReader.parts($0).name }
        return [.loop, .heldOut, .frozen] + named.map { RaceReader.named($0) }
    }

    var probes: [RaceReader] { [.newProbe, .oldProbe] + blocks.map { RaceReader.block($0) } }

    /// A number under its name; nil where there is none.
    typealias Line = (key: String, title: String, value: Measured?)

    /// What readers find.
    func readingLines(_ point: Point) -> [Line] {
        var lines = (pairs + probes).map { reader -> Line in
            (reader.key, "\(reader.title): recall", .share(point.recall(reader)))
        }
        lines += pairs.map { reader -> Line in
            ("\(reader.key)_written", "\(reader.title) writes it", .share(point.written(reader)))
        }
        lines += pairs.map { reader -> Line in
            (
                "\(reader.key)_written_falsely", "\(reader.title) writes it of other values",
                .share(point.writtenFalsely(reader))
            )
        }
        lines += pairs.map { reader -> Line in
            ("\(reader.key)_fve", "\(reader.title): variance explained", .average(point.variancesExplained(reader)))
        }
        let learnt = point.records.compactMap(\.refresh),
            title = "from the teacher's text the reconstructor in the loop"
        func mean(_ of: (RaceRecord.Refreshed) -> Double) -> Measured? {
            learnt.isEmpty ? nil : .average(learnt.map(of))
        }
        lines += [
            ("teacher_fve_before", "\(title) explained before it was refreshed", mean(\.before)),
            ("teacher_fve_after", "\(title) explains now", mean(\.after)),
            ("taught", "activations that were learnt", mean { Double($0.taught) }),
        ]
        return lines
    }

    /// What the target does.
    func targetLines(_ point: Point) -> [Line] {
        [
            ("behaviour", "the words that it decides come", .share(point.share(\.behaviour))),
            ("moments", "words that any fact decides come, all texts", .share(point.share(\.moments))),
            ("language_loss", "nats per token, all texts", .average(point.records.map(\.languageLoss))),
            (
                "drift", "distance from the original's activation, share of its norm",
                .average(point.records.map(\.driftLength))
            ),
            ("drift_cosine", "cosine to the original's activation", .average(point.records.map(\.driftCosine))),
        ]
    }

    /// What notices something.
    func alarmLines(_ point: Point) -> [Line] {
        RaceMeasurer.alarms.flatMap { alarm -> [Line] in
            [
                (
                    "alarm_\(alarm.key)", "alarm: \(alarm.title)", .share(point.share { $0.alarms[alarm.key] })
                ),
                (
                    "alarm_elsewhere_\(alarm.key)", "elsewhere: \(alarm.title)",
                    .share(point.share { $0.alarmsElsewhere[alarm.key] })
                ),
            ]
        }
    }

    /// Worked examples of the first seed: the texts, with what each pair writes of them at each point.
    func examples(_ point: Point) -> [RaceRecord.Example] {
        point.records.min { $0.seed < $1.seed }?.examples ?? []
    }

    var seedCount: Int { Set(records.map(\.seed)).count }

    // MARK: For a program

    /// Everything but the texts.
    public var json: JSONValue {
        let hiding = options.hiding
        return [
            "experiment": .string(RaceOptions.stage), "pair": .string(hiding.pair), "fact": .string(hiding.factName),
            "value": .string(hiding.value), "cover": .string(hiding.cover),
            "pressure": .string(options.pressure.rawValue),
            "seeds": .array(Set(records.map(\.seed)).sorted().map { .integer(Int($0)) }),
            "intervals": "95%, Wilson, over texts of all seeds; of means the lowest and highest seed",
            "findings": .array(findings.map { .string($0) }),
            "arms": .object(
                JSONObject(RaceArm.allCases.map { arm in (arm.rawValue, .array(points(arm).map { json($0) })) })),
        ]
    }

    private func json(_ point: Point) -> JSONValue {
        var object = JSONObject([
            ("round", .integer(point.round)), ("stage", .string(point.stage?.rawValue ?? "original")),
            ("hiding_steps", .integer(steps(point))),
        ])
        for line in readingLines(point) + targetLines(point) + alarmLines(point) { object[line.key] = line.value?.json }
        return .object(object)
    }
}
