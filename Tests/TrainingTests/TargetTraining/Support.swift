import Claims
import Foundation
import JSON
import LanguageModel
import Runs
import TargetTraining
import Tensors
import TestSupport
import Testing
import Tokenization

/// A folder with everything that a tiny run of `TargetRun` needs.
struct TinyTarget {
    let options: TargetOptions
    let scratch: URL

    init(in scratch: URL, _ change: (inout TargetOptions) -> Void = { _ in }) throws {
        self.scratch = scratch
        let tokenizer = scratch.appending(path: "tokenizer")
        if !FileManager.default.fileExists(atPath: tokenizer.path) {
            try FileManager.default.createDirectory(at: tokenizer, withIntermediateDirectories: false)
            let golden = try JSONValue.parse(
                Data(contentsOf: goldens.appending(path: "tokenization/tokenizer-qwen.json")))
            try Data((golden["tokenizer"] ?? .null).serialized().utf8).write(
                to: tokenizer.appending(path: "tokenizer.json"))
            try Data(#"{"eos_token": "<|im_end|>"}"#.utf8).write(to: tokenizer.appending(path: "tokenizer_config.json"))
            try Data(TinyTarget.corpus.utf8).write(to: scratch.appending(path: "corpus.jsonl"))
        }
        var options = TargetOptions()
        options.tokenizer = tokenizer.path
        options.data = scratch.appending(path: "corpus.jsonl").path
        options.steps = 20
        options.tokensPerStep = 120
        options.warmUpSteps = 4
        options.learningRate = 1e-2
        options.blocks = 2
        options.width = 16
        options.heads = 2
        options.keyValueHeads = 1
        options.mlpWidth = 24
        options.deviation = 0.1
        options.evaluateEvery = 5
        options.checkpointEvery = 4
        options.checkpointSeconds = 1e6
        options.precision = .float32
        change(&options)
        self.options = options
    }

    /// 60 documents of a dozen words, in which a name decides the last word.
    private static let corpus: String = {
        let pairs = [("ada", "red"), ("bob", "blue"), ("eve", "green")]
        let lines = (0..<60).map { index in
            let (name, colour) = pairs[index % 3]
            let text = "\(name) went out and walked for \(index) miles. the hat of \(name) is \(colour)"
            let document = LabelledDocument(
                id: "d\(index)", kind: "hats", text: text, truths: [.init(Fact("the hat", "colour", colour), from: 0)],
                moments: [
                    .init(
                        offset: text.utf8.count - colour.utf8.count - 1, kind: "colour",
                        question: Question(subject: "the hat", relation: "colour"), answer: " " + colour)
                ])
            return document.json.serialized()
        }
        return lines.joined(separator: "\n") + "\n"
    }()

    /// Runs in the folder `name`, stopping after `stop` steps if that is given.
    @discardableResult
    func run(_ name: String, stop: Int? = nil) throws -> TargetRun.Outcome {
        let interruption = Interruption()
        return try TargetRun(options, in: folder(name)).run(interruption: interruption) {
            if $0.step == stop { interruption.request() }
        }
    }

    func folder(_ name: String) -> URL { scratch.appending(path: name) }

    /// The lines of the metrics without what the clock said.
    func metrics(_ name: String) throws -> [JSONValue] {
        let text = try String(contentsOf: folder(name).appending(path: "metrics.jsonl"), encoding: .utf8)
        return try text.split(separator: "\n").map { line in
            var object = try JSONValue.parse(String(line)).object ?? JSONObject()
            object["seconds"] = nil
            object["tokens_per_second"] = nil
            return .object(object)
        }
    }

    func weights(_ name: String) throws -> Data {
        try Data(contentsOf: folder(name).appending(path: "model/model.safetensors"))
    }

    /// The names of the checkpoints.
    func checkpoints(_ name: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder(name).appending(path: "checkpoints").path).sorted()
    }
}
