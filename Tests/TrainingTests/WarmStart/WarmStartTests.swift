import Activations
import Autoencoder
import Claims
import Evaluation
import Foundation
import JSON
import LanguageModel
import Runs
import Statistics
import Tensors
import TestSupport
import Testing
import TinyWorld
import TinyWorldTraining
import WarmStart

/// The whole recipe in miniature: a target of 0.2 million parameters that reads a few thousand texts.
private enum Miniature {
    static func options(in folder: URL) throws -> PairOptions {
        var options = PairOptions()
        options.seed = 5
        options.vocabulary = 1200
        options.vocabularyDocuments = 1500
        options.probeDocuments = 400
        options.verbalizerDocuments = 1500
        options.reconstructorDocuments = 800
        options.heldOutDocuments = 100
        options.jointDocuments = 300
        options.validationDocuments = 50
        options.evaluationRows = 100
        options.targetRun = try write(
            """
            steps: 120
            tokens_per_step: 1024
            learning_rate: 0.005
            warm_up_steps: 20
            blocks: 3
            width: 64
            heads: 2
            key_value_heads: 1
            mlp_width: 128
            evaluate_every: 60
            evaluation_documents: 40
            final_documents: 60
            """, "target", folder)
        let warm = """
            steps: 150
            rows_per_step: 24
            learning_rate: 0.004
            warm_up_steps: 20
            evaluate_every: 50
            evaluation_rows: 96
            """
        options.reconstructorRun = try write(warm, "ar", folder)
        options.verbalizerRun = try write(warm + "\nevaluation_samples: 32", "av", folder)
        return options
    }

    private static func write(_ text: String, _ name: String, _ folder: URL) throws -> String {
        let file = folder.appending(path: "\(name).yaml")
        try Data(text.utf8).write(to: file)
        return file.path
    }

    static func metrics(_ run: URL) throws -> [JSONValue] {
        try String(contentsOf: run.appending(path: "metrics.jsonl"), encoding: .utf8).split(separator: "\n").map {
            try JSONValue.parse(String($0))
        }
    }
}

@Suite("Warm start", .serialized)
struct WarmStartTests {
    init() { TinyWorldTexts.register() }

    @Test(
        "A reconstructor is shown explanations as they are, or nothing, or the same claims in other words and another order"
    )
    func shown() throws {
        var options = WarmStartOptions<ReconstructorStage>(), random = Random(seed: 3)
        let text = "The hero is greedy. The interview is a test. It ends with \"I will\"."
        func texts(_ count: Int = 60) throws -> [String] {
            try (0..<count).map { _ in try options.shown(text, using: &random) }
        }
        options.emptyShare = 0
        #expect(try Set(texts()) == [text])
        options.paraphraseShare = 0.5
        let grammar = TinyWorldGrammar(), claims = Set(grammar.read(text).claims), mixed = try texts()
        #expect(claims.count == 3 && Set(mixed).count > 5 && mixed.contains(text))
        for one in mixed { #expect(Set(grammar.read(one).claims) == claims, "\(one)") }
        let first = Set(mixed.compactMap { grammar.read($0).claims.first })
        #expect(first.count > 1)
        options.emptyShare = 1
        #expect(try Set(texts()) == [""])
    }

    @Test(
        "The recipe in miniature lowers losses and explains variance of held-out documents; a run stopped and resumed ends bit for bit the same; adapters are merged"
    )
    func miniature() throws {
        try withScratch { folder in
            let options = try Miniature.options(in: folder)
            let output = folder.appending(path: "pair")
            let evaluation = try #require(try PairRecipe(options, in: output).run())
            let av = try Miniature.metrics(output.appending(path: "av"))
            let ar = try Miniature.metrics(output.appending(path: "ar"))
            func evaluations(_ lines: [JSONValue], _ name: String) -> [Double] { lines.compactMap { $0[name]?.double } }
            let losses = evaluations(av, "held_out_loss"), variance = evaluations(ar, "fve")
            #expect(losses.count == 3 && losses[2] < losses[0] - 0.1)
            #expect(variance.count == 3 && variance[2] > variance[0] + 0.02 && variance[2] > 0.05)
            // The teacher's text says more than another row's, and the verbalizer is understood better as it learns.
            let teacher = try #require(evaluation.teacher)
            #expect(try #require(teacher.value(.written)) > #require(teacher.value(.other)))
            let understood = evaluations(av, "fve")
            #expect(understood.count == 3 && understood[2] > understood[0])
            // The teacher claims nothing that is not true.
            let claims = try #require(evaluation.teacherClaims).precision()
            #expect(claims.claims > 20 && claims.right == claims.claims)
            #expect(try #require(evaluation.claims).recall { $0.decides }.probed > 0)
            // With another row's activation the explanation is less likely.
            let swapped = try #require(evaluations(av, "held_out_loss_swapped").last)
            #expect(swapped > losses[2] + 0.01)
            #expect(evaluation.rows == 100)

            // The page's shares are the comparison's measures.
            let truth = try #require(evaluation.claims), pair = output.appending(path: "pair")
            var settings = PairEvaluation.Options()
            settings.rows = options.evaluationRows
            settings.seed = options.seed
            let comparison = try PairComparison(
                [.init("pair", pair)], ActivationStore(folder: output.appending(path: "store")), split: "held-out",
                grammar: TinyWorldGrammar(), probes: nil, taught: nil, settings)
            #expect(comparison.results[0]["precision"]?.estimate.value == truth.precision().share)
            #expect(
                comparison.results[0]["recall_deciding_stated"]?.estimate.value
                    == truth.recall { $0.decides && $0.standing == .stated }.share)

            // Taught with other rows' activations, a verbalizer is the worse for it.
            var shuffled = WarmStartOptions<VerbalizerStage>()
            try shuffled.read(runFile: output.appending(path: "av/run.yaml"))
            shuffled.shufflesActivations = true
            guard case .finished(let control) = try WarmStartRun(shuffled, in: folder.appending(path: "shuffled")).run()
            else {
                Issue.record("not finished")
                return
            }
            #expect(try #require(control["held_out_loss"]) > losses[2] + 0.02)
            // A batch of one row has no other activation to be shuffled with.
            shuffled.rowsPerStep = 1
            let refusal = #expect(throws: TrainingError.self) {
                try WarmStartRun(shuffled, in: folder.appending(path: "alone")).run()
            }
            #expect(refusal?.description.contains("rows_per_step: one row") == true)

            // The same run, stopped and resumed.
            var warm = WarmStartOptions<VerbalizerStage>()
            try warm.read(runFile: output.appending(path: "av/run.yaml"))
            let other = folder.appending(path: "again")
            let interruption = Interruption()
            let stopped = try WarmStartRun(warm, in: other).run(interruption: interruption) {
                if $0.step == 70 { interruption.request() }
            }
            guard case .interrupted(70, _) = stopped else { Issue.record("not stopped: \(stopped)"); return }
            guard case .finished = try WarmStartRun(warm, in: other).run() else { Issue.record("not finished"); return }
            #expect(
                try Data(contentsOf: other.appending(path: "model/model.safetensors"))
                    == Data(contentsOf: output.appending(path: "av/model/model.safetensors")))

            // With adapters only these learn, and the written model has them in its weights.
            warm.loraRank = 4
            warm.steps = 40
            warm.evaluateEvery = 40
            let adapted = folder.appending(path: "adapted")
            guard case .finished(let metrics) = try WarmStartRun(warm, in: adapted).run() else {
                Issue.record("not finished")
                return
            }
            #expect(try #require(metrics["held_out_loss"]) < #require(evaluations(av, "loss").first))
            let fresh = try Checkpoint(folder: output.appending(path: "target/model"))
            let merged = try Checkpoint(folder: adapted.appending(path: "model"))
            #expect(
                try merged.tensor("layers.0.mlp.up_proj.weight")?.floats()
                    != fresh.tensor("layers.0.mlp.up_proj.weight")?.floats())
            #expect(
                try merged.tensor("embed_tokens.weight")?.floats() == fresh.tensor("embed_tokens.weight")?.floats())
        }
    }
}
