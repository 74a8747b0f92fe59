import Foundation
import JSON
import Statistics
import TargetTraining

/// What came of an arms race.
public struct RaceResult: Sendable {
    let options: RaceOptions
    private let records: [RaceRecord]
    /// Blocks beside the pair's whose activations probes read.
    private let blocks: [Int]

    package init(_ records: [RaceRecord], blocks: [Int], _ options: RaceOptions) {
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

        /// Whether all seeds have the same texts.
        let sharesTexts: Bool

        /// What was measured.
        var measures: PooledMeasures { PooledMeasures(all: records.map(\.measure), sharesTexts: sharesTexts) }

        /// A reader's recall at a false-positive rate of 1%.
        func recall(_ reader: Reader) -> Share { measures.recall(reader) }

        var title: String { stage.map { "\(round), \($0 == .hidden ? "hidden" : "refreshed")" } ?? "original" }
    }

    /// The original, and what there is of an arm's stages, in order.
    func points(_ arm: RaceArm) -> [Point] {
        let sharesTexts = !LanguageDocuments.isWorld(options.hiding.data)
        var points = [
            Point(round: 0, stage: nil, records: records.filter { $0.arm == nil }, sharesTexts: sharesTexts)
        ]
        for round in 1...options.rounds {
            for stage in RaceStage.allCases {
                points.append(
                    Point(
                        round: round, stage: stage,
                        records: records.filter { $0.arm == arm && $0.round == round && $0.stage == stage },
                        sharesTexts: sharesTexts))
            }
        }
        return points.filter { !$0.records.isEmpty }
    }

    /// Steps of hiding behind a point.
    func steps(_ point: Point) -> Int { point.round * options.hiding.steps }

    // MARK: Numbers

    /// Readers in the order of tables: pairs, then probes.
    var pairs: [Reader] {
        [.loop, .heldOut, .frozen] + NamedReader.names(options.hiding.readers).map { Reader.named($0) }
    }

    var probes: [Reader] { [.newProbe, .oldProbe] + blocks.map { Reader.block($0) } }

    /// What readers find.
    func readingLines(_ point: Point) -> [PooledMeasures.Line] {
        var lines = point.measures.lines(pairs: pairs, probes: probes)
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

    /// What notices something, in the order of tables.
    var detectors: [Detector] { RaceMeasurer.detectors(blocks: blocks) }

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
            "seeds": .array(Set(records.map(\.seed)).sorted().map { .integer(Int(truncatingIfNeeded: $0)) }),
            "intervals":
                "95%, over texts of these targets: Wilson, and of recall that of drawing the texts again where it reaches further; how targets differ, the lowest and the highest seed say",
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
        let lines = readingLines(point) + point.measures.targetLines + point.measures.lines(detectors)
        let numbers = PooledMeasures.json(lines)
        for (key, value) in zip(numbers.keys, numbers.values) { object[key] = value }
        return .object(object)
    }
}
