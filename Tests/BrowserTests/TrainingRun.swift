import Foundation
import JSON

/// A run folder that grows as one does while it trains.
struct TrainingRun {
    private let folder: URL
    /// Held as long as the run trains.
    private let lock: FileHandle

    init(_ folder: URL) throws {
        self.folder = folder
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data("stage: rl\nsteps: 40\n".utf8).write(to: folder.appending(path: "run.yaml"))
        for name in ["metrics.jsonl", "samples.jsonl", "lock"] { try Data().write(to: folder.appending(path: name)) }
        lock = try FileHandle(forWritingTo: folder.appending(path: "lock"))
        guard flock(lock.fileDescriptor, LOCK_EX | LOCK_NB) == 0 else { throw Browser.Failure(description: "no lock") }
    }

    /// Appends lines of metrics, and a sample for the last step.
    func write(steps: ClosedRange<Int>) throws {
        for step in steps {
            let metrics: JSONValue = [
                "step": .integer(step), "reward": .number(-1 / Double(step)), "mse": .number(1 / Double(step)),
                "kl": .number(Double(step) / 1000),
            ]
            try append(metrics, to: "metrics.jsonl")
        }
        let sample: JSONValue = [
            "step": .integer(steps.upperBound), "id": "held-out/story/1#3", "kind": "story",
            "text": "In the end Hester", "explanation": "The hero is greedy.", "complete": true, "mse": 0.2,
            "claims": [["text": "The hero is greedy.", "true": true, "standing": "latent"]],
        ]
        try append(sample, to: "samples.jsonl")
    }

    private func append(_ line: JSONValue, to name: String) throws {
        let file = try FileHandle(forWritingTo: folder.appending(path: name))
        defer { try? file.close() }
        try file.seekToEnd()
        try file.write(contentsOf: Data((line.serialized() + "\n").utf8))
    }
}
