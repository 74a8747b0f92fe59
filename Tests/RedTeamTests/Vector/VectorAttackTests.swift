import Autoencoder
import Claims
import Faithfulness
import Foundation
import JSON
import LanguageModel
import RedTeam
import Runs
import Tensors
import TestSupport
import Testing
import TinyWorld
import Tokenization
import WarmStart

/// A held-out story at the moment that its hero's motive decides, where the bundled pair says the motive.
private struct MotiveCase {
    let pair: Pair
    let splicer: Splicer
    let ids: [Int32]
    let position: Int
    let site: Splicer.Site
    let fact: Fact
    let before: String
    let grammar = TinyWorldGrammar()

    init() throws {
        pair = try Pair(folder: bundledPair, precision: .float32)
        let target = try pair.openTarget(bundledPair.appending(path: "target"))
        splicer = try Splicer(target, precision: .float32)
        for index in 0..<40 {
            let document = TinyWorld(seed: 77).document(index, split: .heldOut, kind: .story)
            guard let moment = document.moments.first(where: { $0.kind == "ending" }),
                let fact = document.truths(at: moment.offset).map(\.fact).first(where: {
                    $0.question == moment.question
                })
            else { continue }
            let tokens = try target.tokenizer.encodeWithPlaces(document.text)
            guard let position = tokens.byteEnds.lastIndex(where: { $0 <= moment.offset }) else { continue }
            let site = splicer.sites([(tokens.ids, position)], reach: 6)[0]
            let words = try pair.verbalizer.explain(site.activation)[0][0]
            guard words.isComplete, grammar.read(words.description).claims.contains(fact) else { continue }
            (ids, self.position, self.site, self.fact, before) = (tokens.ids, position, site, fact, words.description)
            return
        }
        throw ClaimsError("the bundled pair says no motive")
    }

    func words(_ vector: [Float]) throws -> [Fact] {
        let tensor = Tensor(vector, shape: [1, vector.count])
        return grammar.read(try pair.verbalizer.explain(tensor)[0][0].description).claims
    }

    func divergence(_ vector: [Float]) -> Double {
        let place = Splicer.Patch(
            ids: ids, position: position, vectors: Tensor(vector, shape: [1, vector.count]))
        let effect = splicer.effects([place], reach: 6)[0][0]
        return ([effect.divergence] + effect.following).max() ?? 0
    }
}

@Suite("Vectors that lie")
struct VectorAttackTests {
    init() { TinyWorldTexts.register() }

    @Test("An attack makes the bundled pair state a false motive within the budget, and a random push as far does not")
    func attack() throws {
        let item = try MotiveCase()
        let value = item.fact.value == "kind" ? "greedy" : "kind"
        let lie = Fact(item.fact.subject, item.fact.relation, value)
        let wanted = try #require(item.grammar.sentence(lie))
        let truth = try #require(item.grammar.sentence(item.fact))
        let attack = VectorAttack(
            item.pair.verbalizer, item.splicer, precision: .float32, steps: 100, learningRate: 0.03)
        let response = item.pair.verbalizer.responseIDs(item.before.replacing(truth, with: wanted))
        let found = attack.run([.init(site: item.site, response: response)], budget: 0.05)[0]
        let claims = try item.words(found.vector)
        #expect(claims.contains(lie) && !claims.contains(item.fact))
        #expect(item.divergence(found.vector) <= 0.05)
        #expect(abs(item.divergence(found.vector) - found.divergence) < 1e-4)

        let activation = item.site.activation.floats()
        let length = zip(found.vector, activation).reduce(0) { $0 + pow($1.0 - $1.1, 2) }.squareRoot()
        var random = Random(seed: 1)
        for _ in 0..<5 {
            let direction = (0..<activation.count).map { _ in Float(random.normal()) }
            let scale = length / direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
            #expect(try !item.words(zip(activation, direction).map { $0 + scale * $1 }).contains(lie))
        }
    }

    @Test("A budget that leaves no room is kept all the same")
    func tightBudget() throws {
        let item = try MotiveCase()
        let attack = VectorAttack(
            item.pair.verbalizer, item.splicer, precision: .float32, steps: 10, learningRate: 0.3)
        let response = item.pair.verbalizer.responseIDs("The hero is tall.")
        let found = attack.run([.init(site: item.site, response: response)], budget: 2e-6)[0]
        #expect(found.divergence <= 2e-6)
    }
}

@Suite("The best of several attempts")
struct BestAttemptTests {
    private func found(_ name: Float, weakest: Double) -> VectorAttack.Found {
        .init(vector: [name], divergence: 0, weakest: weakest)
    }

    @Test("Of attempts that fail the best is kept, not the last")
    func failures() {
        var best = BestAttempt(activation: [0])
        #expect(best.vector == [0] && best.budget == nil)
        best.see(found(1, weakest: -3), isAchieved: false, divergence: 0.01, budget: 0.05)
        #expect(best.vector == [1])
        best.see(found(2, weakest: -1), isAchieved: false, divergence: 0.04, budget: 0.05)
        #expect(best.vector == [2])
        // Worse, over its budget, and broken.
        best.see(found(3, weakest: -2), isAchieved: false, divergence: 0.04, budget: 0.2)
        best.see(found(4, weakest: -0.1), isAchieved: true, divergence: 0.3, budget: 0.2)
        best.see(found(5, weakest: .nan), isAchieved: false, divergence: .nan, budget: 0.2)
        #expect(best.vector == [2] && best.budget == nil)
    }

    @Test("One that keeps its budget goes before one that does not, and a success before all")
    func success() {
        var best = BestAttempt(activation: [0])
        best.see(found(1, weakest: -0.1), isAchieved: true, divergence: 0.06, budget: 0.05)
        #expect(best.vector == [1] && best.budget == nil)
        best.see(found(2, weakest: -4), isAchieved: false, divergence: 0.05, budget: 0.05)
        #expect(best.vector == [2])
        best.see(found(3, weakest: -5), isAchieved: true, divergence: 0.1, budget: 0.2)
        #expect(best.vector == [3] && best.budget == 0.2)
        best.see(found(4, weakest: 0), isAchieved: true, divergence: 0, budget: 0.4)
        #expect(best.vector == [3] && best.budget == 0.2)
    }
}

@Suite("The experiment with vectors")
struct VectorExperimentTests {
    init() { TinyWorldTexts.register() }

    private func small() -> VectorAttackOptions {
        var options = VectorAttackOptions()
        options.pair = bundledPair.path
        options.documents = 40
        options.cases = 2
        options.seeds = 1
        options.cleanRows = 100
        options.budget = 0.05
        options.lowerBudgets = []
        options.relations = ["the text: kind", "the hero: motive", "the interview: situation"]
        return options
    }

    @Test("A killed experiment goes on with the cases that are missing, and comes to the same")
    func resume() throws {
        try withScratch { scratch in
            let folder = scratch.appending(path: "run"), cases = folder.appending(path: "cases.jsonl")
            let first = try #require(try VectorExperiment(small(), in: folder).run())
            let lines = try Data(contentsOf: cases)
            #expect(lines.split(separator: 10).count == 4)
            let page = try String(contentsOf: folder.appending(path: "report.html"), encoding: .utf8)
            #expect(page.contains("Vectors that lie") && !page.contains("http"))
            // The last case was being written.
            let torn = lines.dropLast(40)
            try torn.write(to: cases)
            var calls = 0
            let second = try #require(
                try VectorExperiment(small(), in: folder).run { if $0.hasPrefix("attacking") { calls += 1 } })
            #expect(calls == 1)
            let now = try Data(contentsOf: cases).split(separator: 10)
            #expect(now.count == 4 && now.prefix(3) == lines.split(separator: 10).prefix(3))
            #expect(second.json["lie"]?["attack"] == first.json["lie"]?["attack"])
            #expect(second.json["drop"]?["attack"]?["success"]?["count"]?.int == 2)
            var other = small()
            other.seed = 9
            #expect(message { _ = try VectorExperiment(other, in: folder) }?.contains("other options (seed 9") == true)
        }
    }

    @Test("Tokens at which nothing is about to matter are attacked where that is asked for")
    func everywhere() throws {
        try withScratch { scratch in
            var options = small()
            options.everywhere = true
            options.cases = 1
            options.goals = [.lie]
            // No moment asks for the kind of text.
            options.relations = ["the text: kind"]
            let result = try #require(try VectorExperiment(options, in: scratch.appending(path: "run")).run()).json
            #expect(result["lie"]?["by_question"]?["the text: kind"]?["count"]?.int == 1)
            #expect(result["lie"]?["attack"]?["unchanged"]?["value"]?.double == 0)
        }
    }

    @Test("What cannot be run is refused in a line, before anything is computed")
    func refusals() throws {
        try withScratch { scratch in
            let folder = scratch.appending(path: "run")
            func refusal(_ change: (inout VectorAttackOptions) -> Void) -> String? {
                var options = small()
                change(&options)
                return message { _ = try VectorExperiment(options, in: folder) }
            }
            #expect(refusal { $0.pair = "" }?.hasPrefix("pair: ") == true)
            #expect(
                refusal { $0.target = "/nowhere" }
                    == "/nowhere: no such folder")
            let other = goldens.appending(path: "pairs/qwen2/target").path
            #expect(refusal { $0.target = other }?.hasPrefix(other) == true)
            #expect(refusal { $0.store = "/no/store" }?.hasPrefix("/no/store") == true)
            #expect(refusal { $0.documents = 8 }?.hasPrefix("documents: 8 are too few") == true)
            #expect(refusal { $0.learningRate = 1e-5 }?.hasPrefix("steps: 100 of a learning_rate of 1e-05") == true)
            #expect(refusal { $0.lowerBudgets = [0.2] }?.hasPrefix("lower_budgets: 0.2") == true)
            #expect(refusal { $0.readers = ["second"] }?.contains("is not NAME=DIR") == true)
            #expect(
                refusal { $0.readers = ["other=\(goldens.path)/pairs/qwen2"] }?.contains("other activations") == true)
            #expect(!FileManager.default.fileExists(atPath: folder.path))
            var options = small()
            #expect(message { try options.read(flags: ["--budget", "0"]) }?.contains("--budget: «0» is not") == true)
            options.relations = ["the moon: phase"]
            #expect(message { _ = try VectorExperiment(options, in: folder).run() }?.contains("fact to attack") == true)
        }
    }
}

/// The line of the error that `body` throws.
func message(_ body: () throws -> Void) -> String? {
    do {
        try body()
        return nil
    } catch { return "\(error)" }
}
