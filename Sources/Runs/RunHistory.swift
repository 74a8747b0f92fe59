import Foundation
import JSON

/// What a run's folder says of it, read without taking hold of the folder: the run may be going on.
public struct RunHistory: Sendable {
    /// The numbers of a step.
    public struct Step: Sendable {
        /// Steps taken.
        public let step: Int
        /// Its numbers, with those of its evaluation if there was one.
        public let metrics: Metrics
    }

    /// An explanation of a held-out row at some step.
    package struct Sample: Sendable {
        package let step: Int
        package let json: JSONValue
        package var id: String { json["id"]?.string ?? "" }
    }

    /// The folder.
    public let folder: URL
    /// The kind of run, as `nla train` calls it.
    public let stage: String
    /// Every option, effective, as a run file.
    public let runFile: String
    /// Step after step.
    public let steps: [Step]
    package let samples: [Sample]
    /// Whether the run has come to its end.
    public let isFinished: Bool

    /// Kinds of run whose folder holds a run for each stage.
    private static let recipes: Set<String> = ["pair"]

    /// Reads a run folder. Throws a ``TrainingError`` if it is none.
    public init(_ folder: URL) throws {
        self.folder = folder
        let file = folder.appending(path: "run.yaml")
        guard let data = FileManager.default.contents(atPath: file.path),
            let text = String(data: data, encoding: .utf8)
        else { throw TrainingError("\(file.path): not there; name the folder of a run, as nla train left it") }
        runFile = text
        let heading = text.split(separator: "\n").first.map(String.init) ?? ""
        guard heading.hasPrefix("stage: ") else {
            throw TrainingError("\(file.path): says of no stage; it is not the run file that nla train leaves")
        }
        stage = String(heading.dropFirst("stage: ".count))
        guard !RunHistory.recipes.contains(stage) else {
            throw TrainingError("\(folder.path): a recipe has a run for each stage: name its folder target, ar or av")
        }
        steps = RunHistory.lines(folder.appending(path: "metrics.jsonl")).compactMap { json in
            json["step"]?.int.map { Step(step: $0, metrics: Metrics(json: json)) }
        }
        samples = RunHistory.lines(folder.appending(path: "samples.jsonl")).compactMap { json in
            json["step"]?.int.map { Sample(step: $0, json: json) }
        }
        isFinished = FileManager.default.fileExists(atPath: folder.appending(path: "model").path)
    }

    /// The lines of a file that are whole; the last may be being written.
    private static func lines(_ file: URL) -> [JSONValue] {
        let data = FileManager.default.contents(atPath: file.path) ?? Data()
        return data.split(separator: UInt8(ascii: "\n")).compactMap { try? JSONValue.parse(Data($0)) }
    }

    /// A number over the steps that have it.
    package func curve(_ name: String) -> [(step: Int, value: Double)] {
        steps.compactMap { step in
            step.metrics[name].flatMap { $0.isFinite ? (step.step, $0) : nil }
        }
    }

    /// Names of all numbers, in the order in which they first came.
    package var names: [String] {
        var known: Set<String> = []
        return steps.flatMap { step in step.metrics.values.map(\.name).filter { known.insert($0).inserted } }
    }

    /// The steps that were evaluated.
    package var evaluations: [Step] {
        steps.filter { step in RunHistory.evaluationNames.contains { step.metrics[$0] != nil } }
    }

    private static let evaluationNames = ["fve", "held_out_loss", "held_out_mse"]
}

extension Metrics {
    /// Numbers of a line that are read.
    private static let mostRead = 256

    /// The numbers of a line of a log, without the step.
    init(json: JSONValue) {
        self.init()
        // No run has so many; finding one of thousands takes long, thousands of times.
        for (name, value) in (json.object ?? JSONObject()).prefix(Metrics.mostRead) where name != "step" {
            self[name] = value.double
        }
    }
}
