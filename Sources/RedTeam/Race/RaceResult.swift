import Foundation
import Statistics
import TargetTraining

/// What came of an arms race.
public struct RaceResult: Sendable {
    package let options: RaceOptions
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
    func readers(_ point: Point) -> Measures {
        let learnt = point.records.compactMap(\.refresh),
            title = "from the teacher's text the reconstructor in the loop"
        return Measures(
            point.measures.readers(pairs: pairs, probes: probes) + [
                Measure(
                    "teacher_fve_before", "\(title) explained before it was refreshed", .average(learnt.map(\.before))),
                Measure("teacher_fve_after", "\(title) explains now", .average(learnt.map(\.after))),
                Measure("taught", "activations that were learnt", .average(learnt.map { Double($0.taught) })),
            ])
    }

    /// What notices something, in the order of tables.
    var detectors: [Detector] { RaceMeasurer.detectors(blocks: blocks) }

    /// Worked examples of the first seed: the texts, with what each pair writes of them at each point.
    func examples(_ point: Point) -> [RaceRecord.Example] {
        point.records.min { $0.seed < $1.seed }?.examples ?? []
    }

    var seedCount: Int { Set(records.map(\.seed)).count }

    package var summary: RaceSummary {
        let hiding = options.hiding
        return RaceSummary(
            experiment: RaceOptions.stage, pair: hiding.pair, fact: hiding.factName, value: hiding.value,
            cover: hiding.cover, pressure: options.pressure.rawValue, seeds: records.map(\.seed).listed,
            intervals: PooledMeasures.intervals, findings: findings,
            arms: .init(RaceArm.allCases.map { arm in .init(arm.rawValue, nil, points(arm).map(stage)) }))
    }

    private func stage(_ point: Point) -> RaceSummary.Stage {
        .init(
            .init(round: point.round, stage: point.stage?.rawValue ?? "original", hidingSteps: steps(point)),
            Measures(readers(point).entries + point.measures.target + point.measures.noticed(by: detectors)))
    }
}
