import Foundation
import JSON
import RedTeam
import Runs
import TestSupport
import Testing
import TinyWorld

@Suite("The arms race")
struct RaceTests {
    init() { TinyWorldTexts.register() }

    private func small() -> RaceOptions {
        var options = RaceOptions()
        options.hiding.pair = bundledPair.path
        options.hiding.fact = "motive"
        options.hiding.seeds = 1
        options.hiding.steps = 2
        options.hiding.documents = 8
        options.hiding.testDocuments = 10
        options.hiding.probeDocuments = 48
        options.hiding.languageDocuments = 10
        options.hiding.maximumTokens = 24
        options.rounds = 2
        options.hiding.refresh.documents = 100
        options.hiding.refresh.steps = 2
        options.hiding.refresh.rows = 16
        options.hiding.readsNeighbours = false
        return options
    }

    @Test("A round hides the fact from the pair in the loop; a refresh lets the pair see more of the changed target")
    func round() throws {
        try withScratch { scratch in
            var options = small()
            options.rounds = 1
            options.hiding.steps = 25
            options.hiding.documents = 24
            options.hiding.pressedPerStep = 6
            options.hiding.othersPerStep = 1
            options.hiding.learningRate = 5e-4
            options.hiding.refresh.steps = 10
            options.hiding.refresh.rows = 24
            options.hiding.readsNeighbours = true
            let folder = scratch.appending(path: "run")
            let result = try #require(try RaceExperiment(options, in: folder).run()).json
            let pressed = try #require(result["arms"]?["pressed"]?.array)
            #expect(pressed.map { $0["stage"]?.string } == ["original", "hidden", "refreshed"])
            #expect(pressed.map { $0["hiding_steps"]?.int } == [0, 25, 25])
            func value(_ point: Int, _ key: String, _ number: String = "value") throws -> Double {
                try #require(pressed[point][key]?[number]?.double, "\(point) \(key)")
            }
            #expect(try value(0, "loop") >= 0.9 && value(0, "loop") == value(0, "held_out"))
            #expect(try value(1, "loop") < value(0, "loop"))
            #expect(try value(1, "loop_fve", "mean") < value(0, "loop_fve", "mean"))
            // Nobody has refreshed the first pair; the one in the loop rebuilds better what the target has become.
            #expect(try value(2, "frozen_fve", "mean") == value(1, "frozen_fve", "mean"))
            #expect(try value(2, "teacher_fve_after", "mean") > value(2, "teacher_fve_before", "mean"))
            #expect(pressed[1]["teacher_fve_after"] == nil)
            #expect(try value(0, "drift", "mean") == 0 && value(1, "drift", "mean") > 0)
            for key in ["old_probe", "new_probe", "probe_block_5", "probe_block_7", "behaviour", "alarm_denied_before"]
            {
                #expect(pressed[1][key]?["count"]?.int ?? 0 >= 10, "\(key)")
            }
            for key in ["alarm_probe_doubt", "alarm_probe_doubt_block_7", "alarm_elsewhere_probe_doubt_block_5"] {
                #expect(pressed[1][key]?["count"]?.int ?? 0 >= 10, "\(key)")
            }
            let innocent = try #require(result["arms"]?["innocent"]?.array)
            #expect(innocent.count == 3 && innocent[1]["alarm_anew_residual"] == nil)
            // A level that is set on the target without pressure, and not on the original, is another.
            for key in ["alarm_anew_residual", "alarm_anew_elsewhere_probe_doubt", "alarm_anew_denied_by_held_out"] {
                #expect(pressed[2][key]?["count"]?.int ?? 0 >= 10, "\(key)")
            }
            #expect(pressed[0]["alarm_anew_residual"] == nil)
            #expect(result["findings"]?.array?.count ?? 0 >= 6)
            let page = try String(contentsOf: folder.appending(path: "report.html"), encoding: .utf8)
            #expect(page.contains("An arms race") && page.contains("whisker") && !page.contains("http"))
            // Nor does what a process left that was killed behind the last measure.
            let state = folder.appending(path: "state/1-pressed")
            #expect(!FileManager.default.fileExists(atPath: state.path))
            try FileManager.default.createDirectory(
                at: state.appending(path: "1"), withIntermediateDirectories: true)
            #expect(try RaceExperiment(options, in: folder).run()?.json == result)
            #expect(!FileManager.default.fileExists(atPath: state.path))
        }
    }

    @Test("A race that was stopped goes on with the round at hand, and comes to the same")
    func resume() throws {
        try withScratch { scratch in
            let whole = scratch.appending(path: "whole"), part = scratch.appending(path: "part")
            /// Runs until the rounds without pressure are over; returns what was said. Calls `look` at each line.
            func run(_ folder: URL, look: (String) -> Void = { _ in }) throws -> [String] {
                let interruption = Interruption()
                var said: [String] = []
                let result = try RaceExperiment(small(), in: folder).run(interruption: interruption) { line in
                    said.append(line)
                    look(line)
                    if line.contains("pressed, round 1: choosing") { interruption.request() }
                }
                #expect(result == nil)
                return said
            }
            // What a process leaves that is killed when its second round has been measured and is not finished.
            _ = try run(whole) { line in
                guard line.contains("innocent, round 2: refreshing") else { return }
                try? FileManager.default.copyItem(at: whole, to: part)
            }
            let cases = try Data(contentsOf: whole.appending(path: "cases.jsonl"))
            #expect(cases.split(separator: 10).count == 5)
            let left = part.appending(path: "cases.jsonl"), state = part.appending(path: "state/1-innocent")
            #expect(try Data(contentsOf: left).split(separator: 10).count == 4)
            #expect(try FileManager.default.contentsOfDirectory(atPath: state.path) == ["1"])
            let said = try run(part)
            #expect(try Data(contentsOf: left) == cases)
            #expect(!said.contains { $0.contains("innocent, round 1") })
            #expect(!FileManager.default.fileExists(atPath: state.path))
        }
    }

    @Test("What cannot be raced is refused in a line, before anything is computed")
    func refusals() throws {
        try withScratch { scratch in
            func refusal(_ change: (inout RaceOptions) -> Void) -> String? {
                var options = small()
                change(&options)
                return message { _ = try RaceExperiment(options, in: scratch.appending(path: "run")) }
            }
            #expect(refusal { $0.pressure = .probe }?.hasPrefix("pressure: ") == true)
            #expect(refusal { $0.hiding.refresh.steps = 0 }?.hasPrefix("refresh_steps: ") == true)
            #expect(
                refusal { $0.heldOut = goldens.appending(path: "pairs/qwen2").path }?.contains(
                    "reads other activations")
                    == true)
            #expect(refusal { $0.hiding.pair = "" }?.hasPrefix("pair: ") == true)
            #expect(refusal { $0.hiding.cover = "lying" }?.hasPrefix("cover: ") == true)
            #expect(refusal { $0.hiding.readers = ["second"] }?.contains("is not NAME=DIR") == true)
            let other = goldens.appending(path: "pairs/qwen2").path
            #expect(refusal { $0.hiding.pair = other }?.contains("tiny world") == true)
            #expect(!FileManager.default.fileExists(atPath: scratch.appending(path: "run").path))
            var options = RaceOptions()
            #expect(message { try options.read(flags: ["--rounds", "0"]) }?.contains("--rounds: «0» is not") == true)
            #expect(message { try options.read(flags: ["--trigger", "Once."]) }?.contains("no such option") == true)
            try options.read(flags: ["--steps", "7", "--test-documents", "11", "--refresh-steps", "5"])
            #expect(
                options.hiding.steps == 7 && options.hiding.testDocuments == 11 && options.hiding.refresh.steps == 5)
        }
    }
}
