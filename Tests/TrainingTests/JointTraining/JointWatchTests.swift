import Autoencoder
import Foundation
import JointTraining
import Runs
import Tensors
import Testing

@Suite("A watch over a joint run")
struct JointWatchTests {
    private let options = {
        var options = JointOptions()
        options.beta = 0.02
        options.maximumLength = 80
        return options
    }()

    /// A step of a run that does well.
    private func healthy() -> Metrics {
        [
            "completion_tokens": 20, "entropy": 1, "repetition": 0.01, "marker_script_share": 0, "extraction_rate": 1,
            "truncated_share": 0,
        ]
    }

    /// Warnings over `steps` steps, each changed by `change` from step 31 to `until`.
    private func warnings(
        steps: Int = 120, until: Int = .max, _ change: (inout Metrics) -> Void
    ) -> [JointWatch.Warning] {
        var watch = JointWatch(options)
        return (1...steps).flatMap { step in
            var metrics = healthy()
            if step > 30 && step <= until { change(&metrics) }
            return watch.look(step: step, metrics)
        }
    }

    @Test("A run that does well is not warned of")
    func quiet() {
        #expect(warnings { _ in }.isEmpty)
        #expect(warnings { $0["completion_tokens"] = 24 }.isEmpty)
    }

    @Test(
        "Each failure is named once, with what was measured and the option that answers it",
        arguments: [
            ("completion_tokens", 30.0, JointWatch.Failure.lengthCreep, "from 20 to 2", "length_penalty (now 0)"),
            ("entropy", 0.1, .entropyCollapse, "nats per token", "entropy_bonus (now 0)"),
            ("repetition", 0.3, .repetition, "repeat another", "beta (now 0.02)"),
            ("marker_script_share", 0.2, .markerScript, "the marker's script", "beta (now 0.02)"),
            ("extraction_rate", 0.8, .extraction, "are complete", "beta (now 0.02)"),
        ])
    func failures(name: String, value: Double, failure: JointWatch.Failure, measured: String, knob: String) {
        let found = warnings { $0[name] = value }
        #expect(found.map(\.failure) == [failure])
        #expect(found.allSatisfy { $0.step > 30 && $0.step <= 60 })
        let line = found.first?.line ?? ""
        #expect(line.contains(failure.rawValue) && line.contains(measured) && line.contains(knob), "\(line)")
    }

    @Test("Explanations that are cut off ask for more room, or for less to say")
    func cut() {
        let found = warnings {
            $0["extraction_rate"] = 0.8
            $0["truncated_share"] = 0.2
        }
        #expect(found.first?.message.contains("max_completion_length (now 80)") == true)
    }

    @Test("Words that come again in one explanation are repetition, whether a sentence ends between them or not")
    func repetition() {
        func share(_ text: String) -> Double? {
            let sample = Rollout.Sample(
                activation: 0, explanation: Explanation(text: "<explanation>\(text)</explanation>", ids: [1]),
                isTruncated: false, shown: text)
            let rollout = Rollout(rows: [0], vectors: Tensor(zeros: [1, 1]), samples: [sample], groupSize: 1)
            return WritingStatistics(rollout, marker: "!").metrics["repetition"]
        }
        #expect(share("The hero is called Cora. The hero is greedy.") == 0)
        #expect(share("a b c d a b c d") == 0.2)
        #expect(share("A boat is red. A boat is red.") == 0.2)
        #expect(share("It.") == 0)
    }

    @Test("A failure that passes and comes back is told again")
    func again() {
        var watch = JointWatch(options)
        let steps = (1...200).flatMap { step in
            var metrics = healthy()
            if (41...80).contains(step) || step > 140 { metrics["repetition"] = 0.4 }
            return watch.look(step: step, metrics).map(\.step)
        }
        #expect(steps.count == 2 && steps[0] < 80 && steps[1] > 140)
    }

    @Test("Precision that falls while more is explained is told, precision that falls with it is not")
    func precision() {
        func told(_ evaluations: [(fve: Double, precision: Double)]) -> [JointWatch.Warning] {
            var watch = JointWatch(options)
            return evaluations.enumerated().flatMap { index, evaluation in
                watch.look(step: index * 100, ["fve": evaluation.fve, "precision": evaluation.precision])
            }
        }
        let found = told([(0.6, 0.9), (0.65, 0.895), (0.7, 0.85)])
        #expect(found.map(\.step) == [200] && found.map(\.failure) == [.falling])
        #expect(found.first?.message.contains("85.0% of the claims are true, 90.0% at first") == true)
        #expect(found.first?.message.contains("second_reader") == true)
        #expect(told([(0.6, 0.9), (0.5, 0.7)]).isEmpty)
    }
}
