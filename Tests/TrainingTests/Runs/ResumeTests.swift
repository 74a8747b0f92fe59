import Foundation
import JSON
import Runs
import TargetTraining
import Tensors
import TestSupport
import Testing

@Suite("Resuming a run")
struct ResumeTests {
    /// Every precision that this CPU computes in.
    static let precisions: [Precision] = [.float32, .bfloat16]

    @Test("A run that was stopped ends bit for bit where the uninterrupted one does", arguments: precisions)
    func bitForBit(precision: Precision) throws {
        try withScratch { scratch in
            let tiny = try TinyTarget(in: scratch) { $0.precision = precision }
            try tiny.run("whole")
            guard case .interrupted(8, SIGINT) = try tiny.run("parts", stop: 8) else {
                Issue.record("not interrupted")
                return
            }
            guard case .finished = try tiny.run("parts") else {
                Issue.record("not finished")
                return
            }
            #expect(try tiny.weights("whole") == tiny.weights("parts"))
            #expect(try tiny.metrics("whole") == tiny.metrics("parts"))
            #expect(try tiny.metrics("whole").count == 20)
            let states = try ["whole", "parts"].map {
                try Data(contentsOf: tiny.folder($0).appending(path: "checkpoints/step-000020/state.safetensors"))
            }
            #expect(states[0] == states[1])
        }
    }

    @Test("No power failure leaves a name whose contents are not on disk, and what a run has written stays")
    func powerFailure() throws {
        try withScratch { scratch in
            let tiny = try TinyTarget(in: scratch) { $0.steps = 6 }, watch = DiskWatch()
            _ = try watch.watch(scratch) { try tiny.run("deep/run") }
            #expect(watch.open.isEmpty && watch.faults.isEmpty, "\(watch.open) \(watch.faults)")
            for name in [
                "run.yaml", "metrics.jsonl", "state.safetensors", "state.json", "step-000006", "best", "model",
            ] {
                #expect(watch.renamed.contains(name), "\(watch.renamed)")
            }
        }
    }

    @Test("A run that was killed at an awkward moment ends in the same weights")
    func killed() throws {
        try withScratch { scratch in
            let tiny = try TinyTarget(in: scratch)
            try tiny.run("whole")
            try tiny.run("parts", stop: 10)
            let folder = tiny.folder("parts"), checkpoints = folder.appending(path: "checkpoints")
            // Killed while it wrote a checkpoint, …
            for name in [".step-000012.99-1.partial", "step-000012"] {
                let torn = checkpoints.appending(path: name)
                try FileManager.default.createDirectory(at: torn, withIntermediateDirectories: false)
                try Data("half".utf8).write(to: torn.appending(path: "state.safetensors"))
            }
            // … with steps in the metrics that no checkpoint has, the last one torn.
            let file = folder.appending(path: "metrics.jsonl")
            let metrics = try String(contentsOf: file, encoding: .utf8)
            try Data((metrics + "{\"step\": 11, \"loss\": 9.0}\n{\"step\": 12, \"lo").utf8).write(to: file)
            try tiny.run("parts")
            #expect(try tiny.weights("whole") == tiny.weights("parts"))
            #expect(try tiny.metrics("whole") == tiny.metrics("parts"))
            #expect(try tiny.checkpoints("parts").allSatisfy { !$0.contains("partial") })
        }
    }

    @Test("A folder with options and nothing else starts at the beginning, also with other options")
    func nothingYet() throws {
        try withScratch { scratch in
            let tiny = try TinyTarget(in: scratch) { $0.steps = 3 }
            let folder = tiny.folder("run")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
            let mistaken = try TinyTarget(in: scratch) { $0.learningRate = 7 }
            try Data(mistaken.options.runFile().utf8).write(to: folder.appending(path: "run.yaml"))
            try Data("{\"step\": 1, \"loss\": 9.0}\n".utf8).write(to: folder.appending(path: "metrics.jsonl"))
            try tiny.run("run")
            #expect(try tiny.metrics("run").compactMap { $0["step"]?.int } == [1, 2, 3])
            let runFile = try String(contentsOf: folder.appending(path: "run.yaml"), encoding: .utf8)
            #expect(runFile == tiny.options.runFile())
        }
    }

    @Test("A finished run is not run again")
    func finished() throws {
        try withScratch { scratch in
            let tiny = try TinyTarget(in: scratch) { $0.steps = 2 }
            try tiny.run("run")
            guard case .finishedBefore = try tiny.run("run") else {
                Issue.record("ran again")
                return
            }
        }
    }

    @Test("Other options than the folder's are refused by name, unless the result does not depend on them")
    func otherOptions() throws {
        try withScratch { scratch in
            let tiny = try TinyTarget(in: scratch)
            try tiny.run("run", stop: 4)
            let other = try TinyTarget(in: scratch) { $0.learningRate = 0.02 }
            let error = #expect(throws: TrainingError.self) { try other.run("run") }
            #expect(error?.description.contains("learning_rate 0.02 here, 0.01 there") == true)
            let rarer = try TinyTarget(in: scratch) { $0.checkpointEvery = 7 }
            try rarer.run("run", stop: 6)
        }
    }

    /// The options of a tiny run whose inputs are moved to another folder.
    private func moved(_ tiny: TinyTarget) throws -> TargetOptions {
        let elsewhere = tiny.scratch.appending(path: "elsewhere")
        try FileManager.default.createDirectory(at: elsewhere, withIntermediateDirectories: false)
        for name in ["tokenizer", "corpus.jsonl"] {
            try FileManager.default.moveItem(
                at: tiny.scratch.appending(path: name), to: elsewhere.appending(path: name))
        }
        var options = tiny.options
        options.tokenizer = elsewhere.appending(path: "tokenizer").path
        options.data = elsewhere.appending(path: "corpus.jsonl").path
        return options
    }

    @Test("A run goes on from inputs that were moved, and not from others than it began with")
    func movedInputs() throws {
        try withScratch { scratch in
            let tiny = try TinyTarget(in: scratch)
            try tiny.run("whole")
            try tiny.run("parts", stop: 8)
            let options = try moved(tiny), corpus = URL(fileURLWithPath: options.data)
            let text = try Data(contentsOf: corpus)
            try (text + Data("{\"text\": \"one more\"}\n".utf8)).write(to: corpus)
            let error = #expect(throws: TrainingError.self) { try TargetRun(options, in: tiny.folder("parts")) }
            #expect(error?.description.contains("data: its content is not what this run began with") == true)
            try text.write(to: corpus)
            _ = try TargetRun(options, in: tiny.folder("parts")).run()
            #expect(try tiny.weights("whole") == tiny.weights("parts"))
        }
    }

    @Test("A folder from before inputs were hashed resumes where they lay, and has their hashes then")
    func unpinned() throws {
        try withScratch { scratch in
            let tiny = try TinyTarget(in: scratch)
            try tiny.run("run", stop: 4)
            let pins = tiny.folder("run").appending(path: "inputs.json")
            try FileManager.default.removeItem(at: pins)
            try tiny.run("run", stop: 6)
            #expect(FileManager.default.fileExists(atPath: pins.path))
            try FileManager.default.removeItem(at: pins)
            let options = try moved(tiny)
            let error = #expect(throws: TrainingError.self) { try TargetRun(options, in: tiny.folder("run")) }
            #expect(error?.description.contains("other options (tokenizer") == true)
        }
    }

    @Test("A folder that holds something else is left alone")
    func foreign() throws {
        try withScratch { scratch in
            let tiny = try TinyTarget(in: scratch)
            let folder = tiny.folder("run")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
            try Data("mine".utf8).write(to: folder.appending(path: "thesis.tex"))
            #expect(throws: TrainingError.self) { try tiny.run("run") }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["thesis.tex"])
        }
    }

    @Test("Two processes cannot train in one folder")
    func locked() throws {
        try withScratch { scratch in
            let tiny = try TinyTarget(in: scratch)
            let first = try RunFolder(tiny.folder("run"), tiny.options)
            let error = #expect(throws: TrainingError.self) { try RunFolder(tiny.folder("run"), tiny.options) }
            #expect(error?.description.contains("process \(getpid())") == true)
            #expect(first.latest == nil)
        }
    }

    @Test("The last two checkpoints and the best stay")
    func pruning() throws {
        try withScratch { scratch in
            let tiny = try TinyTarget(in: scratch)
            try tiny.run("run")
            let names = try tiny.checkpoints("run")
            #expect(names.contains("best") && names.contains("step-000020"))
            #expect(names.count <= 4)
            let state = try JSONValue.parse(
                Data(contentsOf: tiny.folder("run").appending(path: "checkpoints/best/state.json")))
            let losses = try tiny.metrics("run").compactMap { $0["held_out_loss"]?.double }
            #expect(losses.count == 4)
            #expect(state["score"]?.double == losses.min().map { -$0 })
        }
    }
}
