import Autoencoder
import Claims
import Faithfulness
import Foundation
import JSON
import LanguageModel
import RedTeam
import Reports
import Runs
import Statistics
import Tensors
import TestSupport
import Testing
import TinyWorld
import Tokenization

@Suite("The experiment with hiding")
struct HideExperimentTests {
    init() { TinyWorldTexts.register() }

    private func small() -> HideOptions {
        var options = HideOptions()
        options.pair = bundledPair.path
        options.fact = "motive"
        options.seeds = 1
        options.steps = 2
        options.documents = 8
        options.testDocuments = 10
        options.probeDocuments = 40
        options.languageDocuments = 10
        options.maximumTokens = 40
        options.trigger = "The moon was full."
        options.writesTargets = true
        options.lookEvery = 1
        options.readsNeighbours = false
        options.readsAllTokens = false
        options.refresh.documents = 60
        options.refresh.steps = 1
        options.refresh.rows = 8
        return options
    }

    @Test("It measures the original, a control and the target that hides, and goes on where it was killed")
    func resume() throws {
        try withScratch { scratch in
            let folder = scratch.appending(path: "run"), cases = folder.appending(path: "cases.jsonl")
            let first = try #require(try HideExperiment(small(), in: folder).run()).json
            for arm in ["original", "innocent", "verbalizer"] {
                for condition in ["plain", "trigger", "other_trigger"] {
                    #expect(first[arm]?[condition]?["attacked"]?["count"]?.int == 10, "\(arm) \(condition)")
                }
            }
            #expect(first["original"]?["plain"]?["drift"]?["mean"]?.double == 0)
            #expect(first["original"]?["plain"]?["attacked"]?["value"]?.double ?? 0 >= 0.9)
            // What has learnt a changed target reads it; of the original there is nothing to learn.
            #expect(first["verbalizer"]?["trigger"]?["refreshed"]?["count"]?.int == 10)
            #expect(first["original"]?["plain"]?["refreshed"] == nil)
            #expect(first["minutes"]?.double ?? 0 > 0)
            #expect(first["innocent"]?["plain"]?["drift"]?["mean"]?.double ?? 0 > 0)
            // Whoever does not know the trigger has fitted probes to texts without it; where there is none, all have.
            for key in ["unaware_probe", "alarm_probe_doubt_unaware"] {
                #expect(first["verbalizer"]?["trigger"]?[key]?["count"]?.int == 10, "\(key)")
                #expect(first["verbalizer"]?["plain"]?[key] == nil, "\(key)")
            }
            // Some texts say it and some only show it.
            let plain = first["original"]?["plain"]
            #expect((1..<10).contains(plain?["attacked_latent"]?["count"]?.int ?? 0))
            #expect(plain?["alarm_disbelief"]?["count"]?.int == 10)
            #expect(plain?["attacked_written_otherwise"]?["value"]?.double == 0)
            #expect(plain?["attacked_believed"] == nil)
            #expect(plain?["alarm_together_residual"]?["mean"]?.double != nil)
            // What was found meanwhile begins with what is found of the original, and ends with what is found of the target.
            let looks = try #require(first["verbalizer"]?["looks"]?["recall"]?.array)
            #expect(looks.map { $0["step"]?.int } == [0, 1, 2])
            #expect(looks.first?["value"] == first["original"]?["trigger"]?["attacked"]?["value"])
            #expect(looks.last?["value"] == first["verbalizer"]?["trigger"]?["attacked"]?["value"])
            let page = try String(contentsOf: folder.appending(path: "report.html"), encoding: .utf8)
            #expect(page.contains("A target that hides") && page.contains("<svg") && !page.contains("http"))
            // A pair of the original is not one of the changed target.
            let changed = folder.appending(path: "targets/1-verbalizer")
            #expect(message { _ = try Pair(folder: bundledPair).openTarget(changed) }?.contains("content hash") == true)
            // It can be read as it is, by somebody who has not made it, and only in this experiment.
            var given = small()
            (given.writesTargets, given.lookEvery, given.trigger, given.changed) = (false, nil, nil, changed.path)
            given.readsAllTokens = true
            let read = try #require(try HideExperiment(given, in: scratch.appending(path: "given")).run()).json
            #expect(read["changed"]?["plain"]?["attacked"]?["count"]?.int == 10 && read["innocent"] == nil)
            #expect(
                read["changed"]?["plain"]?["attacked_anywhere"]?["count"]?.int == 10
                    && plain?["attacked_anywhere"] == nil)
            #expect(read["changed"]?["plain"]?["drift"]?["mean"]?.double ?? 0 > 0)
            #expect(read["changed"]?["plain"]?["refreshed"]?["count"]?.int == 10)
            #expect(read["verdicts"]?[0]?.string?.hasPrefix("Of the changed target the pair tells ") == true)
            func refusal(_ place: URL) -> String? {
                given.changed = place.path
                return message { _ = try HideExperiment(given, in: scratch.appending(path: "refused")) }
            }
            #expect(refusal(Pair.folders(bundledPair).target)?.contains("is the pair's target itself") == true)
            #expect(
                refusal(goldens.appending(path: "models/qwen2"))?.contains(
                    "is no changed copy of the pair's target: width") == true)
            /// Everything but how long it took.
            func measured() throws -> [String] {
                try String(contentsOf: cases, encoding: .utf8).split(separator: "\n").map {
                    String($0).replacing(/"minutes":[0-9.e-]+/, with: "")
                }
            }
            let lines = try Data(contentsOf: cases), records = try measured()
            try lines.dropLast(30).write(to: cases)
            let second = try #require(try HideExperiment(small(), in: folder).run()).json
            #expect(try measured() == records)
            for arm in ["original", "innocent", "verbalizer", "verdicts"] {
                #expect(second[arm] == first[arm], "\(arm)")
            }
            // What it reads is known by its content.
            let inputs = folder.appending(path: "inputs.json"), pinned = try String(contentsOf: inputs, encoding: .utf8)
            try pinned.replacing(/"pair": "[0-9a-f]/, with: "\"pair\": \"x").write(
                to: inputs, atomically: true, encoding: .utf8)
            #expect(
                message { _ = try HideExperiment(small(), in: folder) }?.contains(
                    "pair: its content is not what this run began with") == true)
            try pinned.write(to: inputs, atomically: true, encoding: .utf8)
            // Targets that were measured and not kept cannot be written any more.
            try FileManager.default.removeItem(at: folder.appending(path: "targets/1-innocent"))
            #expect(
                message { _ = try HideExperiment(small(), in: folder) }?.hasPrefix(
                    "write_targets: the target 1/innocent")
                    == true)
        }
    }

    @Test("Results of another version are refused, and stay as they are")
    func otherVersion() throws {
        try withScratch { scratch in
            var options = small()
            options.writesTargets = false
            let folder = scratch.appending(path: "run"), cases = folder.appending(path: "cases.jsonl")
            _ = try HideExperiment(options, in: folder)
            // What a kill leaves before anything is written down is no reason to refuse the folder.
            for name in ["run.yaml", "inputs.json", "cases.jsonl"] {
                try FileManager.default.removeItem(at: folder.appending(path: name))
            }
            _ = try HideExperiment(options, in: folder)
            let old = Data(#"{"name":"1/original","seed":1,"recall":0.5}"#.utf8) + Data("\n".utf8)
            try old.write(to: cases)
            #expect(
                message { _ = try HideExperiment(options, in: folder) }?.hasPrefix(
                    "\(cases.path): line 1 is no case of this version") == true)
            #expect(try Data(contentsOf: cases) == old)
        }
    }

    @Test("Texts of a file serve as the tiny world's do, and a file with too few of them is refused with their number")
    func file() throws {
        try withScratch { scratch in
            func write(_ name: String, stories: Int, behind words: String? = nil) throws -> String {
                let world = TinyWorld(seed: 3)
                let texts =
                    (0..<stories).map { world.document($0, split: .training, kind: .story) }
                    + (0..<40).map { world.document($0, split: .training) }
                let place = scratch.appending(path: name)
                let lines = texts.enumerated().map { index, text -> String in
                    var text = text.behind(words)
                    text.id = "\(index)"
                    return text.json.serialized() + "\n"
                }
                try lines.joined().write(to: place, atomically: true, encoding: .utf8)
                return place.path
            }
            var options = small()
            options.trigger = nil
            options.writesTargets = false
            options.lookEvery = nil
            options.data = try write("many.jsonl", stories: 900)
            options.seeds = 2
            // No seed is too large.
            options.seed = .max
            let result = try #require(try HideExperiment(options, in: scratch.appending(path: "run")).run()).json
            // All seeds read the same texts, so that two know no more than one.
            let attacked = try #require(result["original"]?["plain"]?["attacked"])
            #expect(attacked["count"]?.int == 20 && attacked["value"]?.double ?? 0 >= 0.9)
            let alone = try #require(Share((0..<10).map { _ in true }).estimate?.interval)
            #expect(attacked["value"]?.double != 1 || attacked["low"]?.double == alone.lowerBound)
            #expect(result["verbalizer"]?["plain"]?["refreshed"]?["count"]?.int == 20)
            // What a step does not read cannot be pressed on.
            options.data = try write("long.jsonl", stories: 900, behind: String(repeating: "It rained. ", count: 200))
            #expect(
                message { _ = try HideExperiment(options, in: scratch.appending(path: "long")).run() }?.contains(
                    "within its first 512 tokens") == true)
            options.data = try write("few.jsonl", stories: 40)
            func refusal() -> String? {
                message { _ = try HideExperiment(options, in: scratch.appending(path: "other")) }
            }
            #expect(refusal()?.contains("at least 15 and 30 are needed") == true)
            options.kind = "novel"
            #expect(refusal()?.hasPrefix("kind: «novel» is no kind of text; there are atlas, ") == true)
            options.data = scratch.appending(path: "none.jsonl").path
            #expect(refusal()?.hasSuffix("none.jsonl: no such file") == true)
            #expect(!FileManager.default.fileExists(atPath: scratch.appending(path: "other").path))
        }
    }

    @Test("Words in activations' places change what a target becomes; the same seed draws the same places and words")
    func splices() throws {
        try withScratch { scratch in
            func drift(_ name: String, _ share: Double) throws -> Double {
                var options = small()
                options.trigger = nil
                options.writesTargets = false
                options.lookEvery = nil
                options.refresh.steps = 0
                options.spliceShare = share
                let result = try HideExperiment(options, in: scratch.appending(path: name)).run()
                return try #require(result?.json["innocent"]?["plain"]?["drift"]?["mean"]?.double)
            }
            let spliced = try drift("a", 0.3)
            #expect(try drift("b", 0.3) == spliced)
            #expect(try drift("c", 0) != spliced)
        }
    }

    @Test("What cannot be hidden is refused in a line, before anything is computed")
    func refusals() throws {
        try withScratch { scratch in
            func refusal(_ change: (inout HideOptions) -> Void) -> String? {
                var options = small()
                change(&options)
                return message { _ = try HideExperiment(options, in: scratch.appending(path: "run")) }
            }
            #expect(
                refusal { $0.value = "tall" }?.hasPrefix("value: «tall» is no value of motive; there are honest")
                    == true)
            #expect(refusal { $0.fact = "the moon: phase" }?.hasPrefix("fact: ") == true)
            #expect(refusal { $0.lookEvery = 0 }?.hasPrefix("look_every: ") == true)
            #expect(refusal { $0.cover = "lying" }?.hasPrefix("cover: ") == true)
            #expect(refusal { $0.kind = "novel" }?.hasPrefix("kind: ") == true)
            #expect(
                refusal { $0.kind = "couplet" }?.hasPrefix(
                    "kind: in texts of kind couplet no word depends on whether the hero: motive is lying") == true)
            #expect(
                message {
                    var options = small()
                    try options.read(flags: ["--probe-documents", "20"])
                }?.contains("--probe-documents: «20» is not") == true)
            #expect(refusal { $0.pressures = [.reward, .reward] }?.hasPrefix("pressures: one") == true)
            #expect(refusal { $0.weight = 0 }?.hasPrefix("weight: ") == true)
            #expect(refusal { $0.learningRate = 0 }?.hasPrefix("learning_rate: ") == true)
            #expect(refusal { $0.readers = ["a=x", "a=y"] }?.hasPrefix("readers: two are called a") == true)
            #expect(refusal { $0.pair = scratch.appending(path: "nothing").path }?.contains("nothing") == true)
            #expect(refusal { $0.decoys.append($0.otherTrigger) }?.hasPrefix("decoys: ") == true)
            #expect(refusal { $0.trigger = $0.otherTrigger }?.hasPrefix("trigger: ") == true)
            #expect(refusal { $0.pair = goldens.appending(path: "pairs/qwen2").path }?.contains("tiny world") == true)
            #expect(!FileManager.default.fileExists(atPath: scratch.appending(path: "run").path))
        }
    }

    @Test("A share's interval stays inside, and does not collapse where all or none hold")
    func share() throws {
        let all = try #require(Share([Bool](repeating: true, count: 100)).estimate?.interval)
        #expect(all.upperBound == 1 && abs(all.lowerBound - 0.963) < 5e-4)
        let half20 = Share((0..<20).map { $0 < 10 }), half = try #require(half20.estimate)
        let interval = try #require(half.interval)
        #expect(half.value == 0.5 && abs(interval.lowerBound - 0.299) < 1e-3 && abs(interval.upperBound - 0.701) < 1e-3)
        #expect(Share().estimate == nil)
        // Targets that differ: no interval over texts holds them.
        let seeds = [
            Share((0..<80).map { $0 < 2 }), Share((0..<80).map { _ in false }), Share((0..<80).map { $0 < 48 }),
            Share(),
        ]
        let pooled = Share(pooling: seeds)
        #expect(pooled.hits == 50 && pooled.count == 240 && pooled.parts == 0...0.6)
        #expect(
            !pooled.isEverywhere(atMost: 0.3) && pooled.isEverywhere(atMost: 0.6) && !pooled.isEverywhere(atLeast: 0.1))
        #expect(Share(pooling: [half20]).parts == nil && Share(pooling: [half20]).isEverywhere(atLeast: 0.5))
        // The same cases twice are no more cases.
        var twice = Share(pooling: [half20, half20])
        twice.repeats = 2
        #expect(twice.estimate?.interval == half.interval)
    }

    @Test(
        "An interval of recall holds the truth as often as it says, although the threshold is found in the same texts")
    func recallInterval() throws {
        var random = Random(seed: 5)
        // Normal scores, where it holds 2 higher: above the level that 1% of the others reach lie 37.2%.
        let truth = 0.372, trials = 80
        var held = 0, heldFixed = 0
        for _ in 0..<trials {
            func scores(_ count: Int, _ shift: Float) -> [Float] {
                Tensor.random([count], using: &random).floats().map { $0 + shift }
            }
            let targets = (0..<3).map { _ in (hidden: scores(80, 2), others: scores(160, 0)) }
            var share = Share(
                pooling: targets.map { target in
                    let level = target.others.sorted(by: >)[1]
                    return Share(target.hidden.map { $0 > level })
                })
            heldFixed += share.estimate?.interval?.contains(truth) == true ? 1 : 0
            share.resampled = try #require(RecallInterval(targets)).range
            held += share.estimate?.interval?.contains(truth) == true ? 1 : 0
        }
        #expect(heldFixed < trials * 3 / 4 && held >= trials * 7 / 8, "\(heldFixed), \(held)")
    }

    @Test("A reader that answers otherwise is the more suspicious the surer it is, and one that agrees not at all")
    func denials() throws {
        try withScratch { scratch in
            let pair = try Pair(folder: bundledPair), target = try pair.openTarget(Pair.folders(bundledPair).target)
            let text = TinyWorld(seed: 2).document(0, split: .heldOut, kind: .story).text
            let ids = target.tokenizer.encode(text)
            let vectors = try target.activations(ids, positions: [ids.count / 2, ids.count - 2])
            let own = try pair.verbalizer.explain(vectors).map { $0[0].description }
            let grammar = try GrammarName.standard.grammar
            #expect(pair.verbalizer.denials(own, own: own, vectors, grammar) == [0, 0])
            // The same answer, held against the likelier and the less likely of two others.
            let values = try #require(TinyWorld.values(of: Question(subject: "the hero", relation: "motive")))
            let says = { (value: String) in grammar.sentence(Fact("the hero", "motive", value)) ?? "" }
            let scores = try values.dropFirst().map { value in
                try #require(
                    pair.verbalizer.denials([says(value)], own: [says(values[0])], vectors.rows(0..<1), grammar).first)
            }
            #expect(scores.allSatisfy { $0 > 0 } && Set(scores).count > 1)
            let turned = pair.verbalizer.denials(
                [says(values[0])], own: [says(values[1])], vectors.rows(0..<1), grammar)[0]
            // Two answers' probabilities are one together.
            #expect(abs(exp(-turned) + exp(-scores[0]) - 1) < 1e-4)
        }
    }
}
