import Foundation
import Runs
import TargetTraining
import Tensors
import TestSupport
import Testing

@Suite("The training loop")
struct LoopTests {
    /// One weight that is pulled towards 1, and whose loss is NaN at the steps given.
    final class Pull: Trainer {
        let groups: [ParameterGroup]
        var badLoss: Int?
        var badGradient: Int?
        var score = 0.0

        init() {
            let weight = Parameter(name: "w", Tensor([0], shape: [1, 1]))
            groups = [
                ParameterGroup(
                    "pull", [weight], precision: .float32, optimizer: AdamW(),
                    schedule: LearningRateSchedule(peak: 0.1, totalSteps: 100))
            ]
        }

        func step(_ index: Int) throws -> Metrics {
            let weight = groups[0].parameters[0], tape = Tape()
            let y = tape.linear(Variable(Tensor([1], shape: [1, 1])), LinearOperand(weight: weight))
            let difference = y.value.floats()[0] - 1
            let loss = index == badLoss ? Double.nan : Double(difference * difference)
            try groups[0].checkFinite(loss)
            tape.backward(
                from: y, gradient: Tensor([index == badGradient ? .infinity : 2 * difference], shape: [1, 1]))
            return ["loss": loss, "gradient_norm": try groups[0].update(step: index)]
        }

        func evaluate() throws -> TrainerEvaluation { TrainerEvaluation(["held_out_loss": -score], score: score) }
    }

    private func folder(_ scratch: URL) throws -> RunFolder {
        try RunFolder(scratch.appending(path: "run"), TargetOptions())
    }

    @Test(
        "Weights wait for the checkpoint that is being written of them, and a checkpoint that cannot be written stops the run"
    )
    func saving() throws {
        try withScratch { scratch in
            let pull = Pull(), run = try folder(scratch)
            let loop = TrainingLoop(
                pull, in: run, .init(steps: 9, evaluateEvery: 100, checkpointEvery: 3, keepEvery: 3))
            #expect(try loop.run() == .finished)
            // Each checkpoint holds the weights of its own step, not of one behind it.
            let again = Pull()
            for step in 1...9 {
                _ = try again.step(step - 1)
                guard step.isMultiple(of: 3) else { continue }
                let place = scratch.appending(path: "run/checkpoints/step-00000\(step)/state.safetensors")
                let stored = try SafetensorsFile(place).requiredTensor("pull/w.master").floats()
                #expect(stored == again.groups[0].parameters[0].master.floats(), "step \(step)")
            }
            #expect(run.latest?.step == 9)
            let other = Pull(), next = try RunFolder(scratch.appending(path: "other"), TargetOptions())
            let blocked = TrainingLoop(other, in: next, .init(steps: 9, evaluateEvery: 100, checkpointEvery: 3)) {
                guard $0.step == 3 else { return }
                // A file where the folder of checkpoints was.
                let place = scratch.appending(path: "other/checkpoints")
                try? FileManager.default.removeItem(at: place)
                _ = FileManager.default.createFile(atPath: place.path, contents: nil)
            }
            let error = #expect(throws: TensorFileError.self) { _ = try blocked.run() }
            #expect(error?.description.contains("checkpoints/") == true, "\(error as Any)")
        }
    }

    @Test("Where checkpoints are waited for long they are written seldom")
    func due() {
        let cadence = TrainingLoop.Cadence(steps: 100, checkpointEvery: 50, checkpointSeconds: 120)
        #expect(cadence.isDue(3, seconds: 120, wait: 0) && !cadence.isDue(3, seconds: 119, wait: 0))
        #expect(cadence.isDue(3, seconds: 200, wait: 10) && !cadence.isDue(3, seconds: 199, wait: 10))
        #expect(cadence.isDue(50, seconds: 1, wait: 10))
    }

    @Test("A loss that is not a number stops with the step and the last good checkpoint")
    func badLoss() throws {
        try withScratch { scratch in
            let pull = Pull()
            pull.badLoss = 6
            let loop = TrainingLoop(
                pull, in: try folder(scratch), .init(steps: 10, evaluateEvery: 100, checkpointEvery: 2))
            let error = #expect(throws: TrainingError.self) { _ = try loop.run() }
            for part in ["step 7", "the loss", "step-000006"] {
                #expect(error?.description.contains(part) == true, "\(error as Any)")
            }
        }
    }

    @Test("A gradient that is not a number names its tensor and leaves the weights as they were")
    func badGradient() throws {
        try withScratch { scratch in
            let pull = Pull()
            pull.badGradient = 0
            let loop = TrainingLoop(pull, in: try folder(scratch), .init(steps: 10))
            let error = #expect(throws: TrainingError.self) { _ = try loop.run() }
            #expect(error?.description.contains("the gradient of w (pull)") == true)
            #expect(error?.description.contains("no checkpoint yet") == true)
            #expect(pull.groups[0].parameters[0].master.floats() == [0])
        }
    }

    @Test("Seconds between checkpoints of zero write one at every step")
    func seconds() throws {
        try withScratch { scratch in
            let folder = try folder(scratch)
            let interruption = Interruption()
            var seen: [Int] = []
            let loop = TrainingLoop(
                Pull(), in: folder, .init(steps: 5, checkpointSeconds: 0), interruption: interruption
            ) {
                seen.append(folder.latest?.step ?? 0)
                if $0.step == 3 { interruption.request(SIGTERM) }
            }
            #expect(try loop.run() == .interrupted(step: 3, signal: SIGTERM))
            #expect(seen == [0, 1, 2])
            #expect(folder.latest?.step == 3)
        }
    }

    @Test("A checkpoint of another model is refused, and nothing changes")
    func otherModel() throws {
        try withScratch { scratch in
            let url = scratch.appending(path: "step-000001")
            try TrainingCheckpoint.write(step: 1, score: nil, Pull().groups, to: url)
            let other = ParameterGroup(
                "pull", [Parameter(name: "w", Tensor([3, 4], shape: [2, 1]))], precision: .float32, optimizer: AdamW(),
                schedule: LearningRateSchedule(peak: 0.1, totalSteps: 100))
            #expect(throws: TrainingError.self) { try TrainingCheckpoint(url).restore([other]) }
            #expect(other.parameters[0].master.floats() == [3, 4])
        }
    }

    @Test("Progress says step, loss and the time left")
    func progress() {
        let line = TrainingProgress(
            step: 12, steps: 400, metrics: ["loss": 3.2149, "tokens": 4096, "tokens_per_second": 5234],
            secondsLeft: 3725
        ).line
        #expect(line == "step 12/400  loss 3.215  5.2k tokens/s  1:02:05 left")
    }

    @Test("An order draws every item once per round, the rounds differing")
    func order() {
        var order = EpochOrder(count: 30, seed: 4)
        let rounds = (0..<2).map { round in (0..<30).map { order.item(round * 30 + $0) } }
        #expect(rounds.allSatisfy { $0.sorted() == Array(0..<30) })
        #expect(rounds[0] != rounds[1])
        #expect(order.item(7) == rounds[0][7])
    }

    @Test("A seed's order is the same for ever")
    func pinnedOrder() {
        var order = EpochOrder(count: 10, seed: 4)
        let rounds = (0..<3).map { round in (0..<10).map { order.item(round * 10 + $0) } }
        #expect(
            rounds == [
                [3, 0, 8, 6, 7, 1, 2, 9, 4, 5], [5, 2, 3, 7, 9, 4, 8, 6, 0, 1], [1, 5, 2, 8, 3, 0, 4, 9, 7, 6],
            ])
    }
}
