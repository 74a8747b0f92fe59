import Evaluation
import Foundation
import Runs
import TestSupport
import Testing
import TinyWorldTraining

@Suite("The recipe's folder")
struct RecipeTests {
    /// A recipe of a few steps: it shows that stages fit together, not that they learn.
    private func options() -> PairOptions {
        var options = PairOptions()
        options.seed = 3
        options.vocabulary = 700
        options.vocabularyDocuments = 200
        options.probeDocuments = 60
        options.verbalizerDocuments = 60
        options.reconstructorDocuments = 40
        options.heldOutDocuments = 20
        options.evaluationRows = 20
        options.usesProbes = false
        for (stage, own) in [
            "target": ["blocks": "2", "width": "16", "heads": "2", "mlp_width": "24", "final_documents": "10"],
            "av": ["rows_per_step": "4", "evaluation_samples": "4"], "ar": ["rows_per_step": "4"],
        ] {
            let common = ["steps": "6", "evaluate_every": "100", "checkpoint_every": "2"]
            for (name, value) in common.merging(own, uniquingKeysWith: { $1 }) {
                options.overrides["\(stage).\(name)"] = value
            }
        }
        return options
    }

    /// Runs the recipe, and stops it when a stage has taken a step.
    private func run(_ options: PairOptions, in folder: URL, stopIn stage: String? = nil) throws -> PairEvaluation {
        let interruption = Interruption()
        return try #require(
            try PairRecipe(
                options, in: folder, interruption: interruption,
                progress: { name, progress in if name == stage && progress.step == 3 { interruption.request() } }
            ).run())
    }

    private func explanations(_ folder: URL) throws -> Data {
        try Data(contentsOf: folder.appending(path: "explanations.jsonl"))
    }

    @Test("A recipe stops behind a stage, and reads a target that another has trained as its own")
    func stages() throws {
        try withScratch { scratch in
            let first = scratch.appending(path: "first"), second = scratch.appending(path: "second")
            var early = options()
            early.lastStage = .teacher
            let stopped = try PairRecipe(early, in: first).run()
            #expect(stopped == nil)
            #expect(try !explanations(first).isEmpty)
            #expect(!FileManager.default.fileExists(atPath: first.appending(path: "ar").path))
            early.trainedTarget = first.appending(path: "target/model").path
            #expect(try PairRecipe(early, in: second).run() == nil)
            #expect(try explanations(second) == explanations(first))
            #expect(!FileManager.default.fileExists(atPath: second.appending(path: "target").path))
            // The first goes on to its end.
            #expect(try run(options(), in: first).rows == 20)
            early.trainedTarget = scratch.path
            #expect(throws: (any Error).self) { _ = try PairRecipe(early, in: scratch.appending(path: "third")) }
        }
    }

    @Test("A recipe whose folder is moved goes on, and a stage that was finished is not done again")
    func moved() throws {
        try withScratch { scratch in
            let first = scratch.appending(path: "first"), second = scratch.appending(path: "second")
            #expect(throws: PairRecipe.Interrupted.self) { try run(options(), in: first, stopIn: "av") }
            try FileManager.default.moveItem(at: first, to: second)
            let target = try Data(contentsOf: second.appending(path: "target/metrics.jsonl"))
            let evaluation = try run(options(), in: second)
            #expect(evaluation.rows == 20)
            #expect(try Data(contentsOf: second.appending(path: "target/metrics.jsonl")) == target)
            let steps = try String(contentsOf: second.appending(path: "av/metrics.jsonl"), encoding: .utf8)
            #expect(steps.split(separator: "\n").count == 6)
            // What a finished stage was made with is still compared.
            var other = options()
            other.overrides["target.learning_rate"] = "0.5"
            let error = #expect(throws: TrainingError.self) { try run(other, in: second) }
            #expect(error?.description.contains("learning_rate 0.5 here") == true)
        }
    }
}
