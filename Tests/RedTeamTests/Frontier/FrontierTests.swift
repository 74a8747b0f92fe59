import Foundation
import JSON
import RedTeam
import TestSupport
import Testing
import TinyWorld

@Suite("The experiment with targets built to be read")
struct FrontierTests {
    init() { TinyWorldTexts.register() }

    private func small() -> FrontierOptions {
        var options = FrontierOptions()
        options.pair = bundledPair.path
        options.worldSeed = 1
        options.arms = ["learning_rate=0 av_learning_rate=0 ar_learning_rate=0", "splice_share=1 learning_rate=0.003"]
        options.seeds = 1
        options.steps = 2
        options.tokensPerStep = 400
        options.evaluationDocuments = 8
        options.testDocuments = 10
        options.perDocument = 1
        options.maximumTokens = 24
        return options
    }

    @Test("It measures the original and each target, takes targets that are added, and goes on where it was killed")
    func resume() throws {
        try withScratch { scratch in
            let folder = scratch.appending(path: "run"), cases = folder.appending(path: "cases.jsonl")
            var fewer = small()
            fewer.arms.removeLast()
            _ = try FrontierExperiment(fewer, in: folder).run()
            let earlier = try Data(contentsOf: cases)
            let first = try #require(try FrontierExperiment(small(), in: folder).run()).json
            #expect(try Data(contentsOf: cases).starts(with: earlier))
            let targets = try #require(first["targets"]), arms = small().arms
            for arm in ["original"] + arms {
                for measure in FrontierMeasure.all where measure.key != "recall_deciding_stated" {
                    #expect(targets[arm]?[measure.key]?["mean"]?.double != nil, "\(arm): \(measure.key)")
                }
            }
            // What does not learn is what it was, but for its weights' rounding when written: none.
            #expect(targets[arms[0]]?["splice_damage"]?["mean"] == targets["original"]?["splice_damage"]?["mean"])
            #expect(targets[arms[1]]?["held_out_loss"]?["mean"] != targets["original"]?["held_out_loss"]?["mean"])
            let page = try String(contentsOf: folder.appending(path: "report.html"), encoding: .utf8)
            #expect(page.contains("A target built to be read") && !page.contains("http"))
            // What was trained can be attacked: its readers are still known as those of a target of the tiny world.
            var hiding = HideOptions()
            hiding.pair = folder.appending(path: "runs/1-splice_share-1-learning_rate-0.003/model").path
            _ = try HideExperiment(hiding, in: scratch.appending(path: "hide"))
            let lines = try Data(contentsOf: cases)
            try lines.dropLast(30).write(to: cases)
            let second = try #require(try FrontierExperiment(small(), in: folder).run()).json
            for key in ["fve", "minutes"] {
                // What was trained before is not trained again, and took as long as it did.
                #expect(second["targets"]?[arms[1]]?[key] == first["targets"]?[arms[1]]?[key], "\(key)")
            }
            #expect(first["targets"]?[arms[1]]?["minutes"]?["mean"]?.double ?? 0 > 0)
        }
    }

    @Test("What cannot be trained is refused in a line, before anything is computed")
    func refusals() throws {
        try withScratch { scratch in
            func refusal(_ change: (inout FrontierOptions) -> Void) -> String? {
                var options = small()
                change(&options)
                return message { _ = try FrontierExperiment(options, in: scratch.appending(path: "run")) }
            }
            #expect(refusal { $0.arms = ["splice_shar=0.5"] }?.contains("did you mean --splice-share?") == true)
            #expect(refusal { $0.arms = ["often"] }?.contains("is not option=value") == true)
            #expect(refusal { $0.arms = ["splice_share=2"] }?.hasPrefix("arms: «splice_share=2»: ") == true)
            #expect(refusal { $0.arms = ["seed=4"] }?.contains("seed is the experiment's") == true)
            #expect(refusal { $0.arms = ["pull=1 held_out=x.jsonl"] }?.contains("held_out is the experiment's") == true)
            #expect(refusal { $0.arms = ["pull=1", "pull=1"] }?.contains("twice") == true)
            #expect(refusal { $0.arms = [] }?.hasPrefix("arms: none") == true)
            #expect(refusal { $0.pair = goldens.appending(path: "pairs/qwen2").path }?.contains("tiny world") == true)
            #expect(!FileManager.default.fileExists(atPath: scratch.appending(path: "run").path))
        }
    }
}
