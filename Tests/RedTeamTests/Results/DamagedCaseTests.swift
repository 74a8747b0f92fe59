import Foundation
import JSON
import RedTeam
import Runs
import Statistics
import Tensors
import TestSupport
import Testing
import TinyWorld

@Suite("Damaged cases of experiments", .serialized)
struct DamagedCaseTests {
    init() { TinyWorldTexts.register() }

    private static func share(_ hits: Int) -> JSONValue { ["hits": .integer(hits), "count": 100] }
    private static let measure: JSONValue = [
        "readings": [
            "attacked": [
                "recall": share(90), "recall_latent": share(80), "written": share(70), "written_falsely": share(2),
                "variance_explained": 0.7, "scores": [1.5, 2.5, -1], "scores_elsewhere": [0.5, 0.25, -3],
            ], "new_probe": ["recall": share(95)],
        ],
        "behaviour": share(99), "moments": share(97), "language_loss": 0.5, "drift_length": 0.1, "drift_cosine": 0.9,
        "alarms": ["probe_doubt": share(40), "residual": share(3)],
        "alarms_elsewhere": ["probe_doubt": share(1), "residual": share(1)], "group_alarms": ["residual": 0.25],
    ]

    /// Lets an experiment go on from damaged cases, and shows what came of them.
    private func fuzz<Record: ExperimentRecord, Options: RunOptions>(
        _ type: Record.Type, _ options: Options, seed: UInt64, _ records: [JSONValue], _ show: ([Record]) -> [String]
    ) throws {
        try withScratch { scratch in
            var survival = Survival(), shown = 0
            let inputs: JSONValue = ["pair": "abc"]
            for number in 0..<Damage.cases(150) {
                var damage = Damage(seed: seed, number)
                let folder = scratch.appending(path: "experiment")
                try? FileManager.default.removeItem(at: folder)
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
                let file = options.runFile()
                try Data((number % 6 == 0 ? damage.settings(file) : file).utf8).write(
                    to: folder.appending(path: "run.yaml"))
                try (number % 6 == 1 ? damage.document(inputs) : Data(inputs.serialized().utf8)).write(
                    to: folder.appending(path: "inputs.json"))
                // Half of the time one of several lines only, so that the others are looked at.
                let one = Int.random(in: 0..<records.count, using: &damage.random)
                let lines =
                    number % 2 == 0
                    ? damage.lines(records)
                    : Data(
                        records.enumerated().map { index, record in
                            (index == one ? damage.damaged(record) : record).serialized() + "\n"
                        }.joined().utf8)
                try lines.write(to: folder.appending(path: "cases.jsonl"))
                survival.of(number) {
                    let opened = try ExperimentFolder<Record>(folder, options, RunInputs())
                    let texts = show(Array(opened.finished.values))
                    shown += texts.allSatisfy { !$0.isEmpty } ? 1 : 0
                }
            }
            #expect(survival.faults.isEmpty, "\(survival.faults.prefix(3))")
            #expect(survival.read > 4 && survival.refused > 15 && shown == survival.read, "\(survival)")
            if ProcessInfo.processInfo.environment["INTERLINEAR_FUZZ_FILES"] != nil {
                print("\(Record.self): \(survival)")
            }
        }
    }

    @Test("Targets that hide")
    func hide() throws {
        let records = ["original", "innocent", "verbalizer"].map { arm -> JSONValue in
            [
                "name": .string("1/\(arm)"), "seed": 1, "arm": .string(arm), "measures": ["plain": Self.measure],
                "examples": [["text_so_far": "text", "words": "words", "next": "next"]],
                "looks": [["step": 10, "likelihood": Self.share(50)], ["step": 20, "likelihood": Self.share(5)]],
                "minutes": 1.5,
            ]
        }
        var options = HideOptions()
        options.seeds = 1
        try fuzz(HideRecord.self, options, seed: 41, records) {
            let result = HideResult($0, blocks: [1], options)
            return [result.page, result.table, result.json.serialized()]
        }
    }

    @Test("Arms races")
    func race() throws {
        var records: [JSONValue] = [
            ["name": "1/original", "seed": 1, "round": 0, "measure": Self.measure, "examples": []]
        ]
        for arm in ["pressed", "innocent"] {
            for stage in ["hidden", "refreshed"] {
                records.append([
                    "name": .string("1/\(arm)/1/\(stage)"), "seed": 1, "arm": .string(arm), "round": 1,
                    "stage": .string(stage), "measure": Self.measure,
                    "refresh": ["taught": 100, "before": 0.2, "after": 0.5],
                    "examples": [["text_so_far": "text", "words": ["loop": "words"], "next": "next"]],
                    "levels": ["residual": 0.5],
                ])
            }
        }
        let options = RaceOptions()
        try fuzz(RaceRecord.self, options, seed: 42, records) {
            let result = RaceResult($0, blocks: [1], options)
            return [result.page, result.table, result.json.serialized()]
        }
    }

    @Test("Targets that are trained to be read")
    func frontier() throws {
        let options = FrontierOptions()
        let records = (["original"] + options.arms).flatMap { arm in
            (1...2).map { seed -> JSONValue in
                [
                    "name": .string("\(seed)/\(arm)"), "seed": .integer(seed), "arm": .string(arm),
                    "values": ["held_out_loss": 2.5, "splice_damage": 0.3, "fve": 0.6, "words": 20],
                    "examples": [["text_so_far": "text", "words": "words"]], "minutes": 12,
                ]
            }
        }
        try fuzz(FrontierRecord.self, options, seed: 43, records) {
            let result = FrontierResult($0, options)
            return [result.page, result.table, result.json.serialized()]
        }
    }

    @Test("Vectors that lie")
    func vectors() throws {
        let trial: JSONValue = [
            "words": "words", "is_achieved": true, "divergence": 0.01, "own_divergence": 0.005, "length": 0.2,
            "cosine": 0.98, "scores": ["residual": 0.4, "mahalanobis": 12], "mean_squared_error": 0.4,
            "reconstruction_cosine": 0.8, "probe_reads_truth": true, "readers_say_truth": ["other": true],
            "readers_say_lie": ["other": false],
        ]
        var options = VectorAttackOptions()
        options.lowerBudgets = [0.01, 0.001]
        let records = options.goals.flatMap { goal in
            (0..<3).map { index -> JSONValue in
                [
                    "name": .string("1/\(goal.rawValue)/\(index)"), "seed": 1, "goal": .string(goal.rawValue),
                    "document": "d", "subject": "the hero", "relation": "motive", "truth": "kind", "lie": "greedy",
                    "text_so_far": "text", "wanted": "words", "budget": index == 0 ? .null : 0.01, "clean": trial,
                    "attacked": trial, "random": trial, "next_before": [["text": "a", "probability": 0.5]],
                    "next_after": [["text": "b", "probability": 0.25]],
                ]
            }
        }
        try fuzz(AttackRecord.self, options, seed: 44, records) {
            let result = VectorResult($0, variance: 0.5, options)
            return [result.page, result.table, result.json.serialized()]
        }
    }

    @Test("A share of more cases than there are, or of less than none, is refused")
    func shares() {
        for text in [
            #"{"hits": 5, "count": 4}"#, #"{"hits": -1, "count": 4}"#, #"{"hits": 0, "count": -4}"#,
            #"{"hits": 9223372036854775807, "count": 9223372036854775807}"#,
        ] {
            #expect(throws: DecodingError.self) { try JSONDecoder().decode(Share.self, from: Data(text.utf8)) }
        }
        #expect(throws: Never.self) {
            try JSONDecoder().decode(Share.self, from: Data(#"{"hits": 0, "count": 0}"#.utf8))
        }
    }
}
