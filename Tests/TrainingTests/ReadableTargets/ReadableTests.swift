import Autoencoder
import Claims
import Foundation
import JSON
import JointTraining
import LanguageModel
import ReadableTargets
import Runs
import TargetTraining
import Tensors
import TestSupport
import Testing

/// The tiny Qwen2 pair of the goldens, and documents to learn from.
private struct TinyReadable {
    let folder: URL
    var options = ReadableOptions()

    init(in folder: URL) throws {
        self.folder = folder
        let texts = ["The dog found a key in the mill.", "She sang to the river, 12 times.", "A key wants the dog."]
        let lines = (0..<40).map { index in
            LabelledDocument(id: "d\(index)", kind: "note", text: texts[index % 3] + " \(index)").json.serialized()
        }
        let corpus = folder.appending(path: "corpus.jsonl")
        try Data(lines.joined(separator: "\n").utf8).write(to: corpus)
        options.pair = goldens.appending(path: "pairs/qwen2").path
        options.data = corpus.path
        options.steps = 6
        options.tokensPerStep = 60
        options.spliceShare = 0.7
        options.firstPosition = 1
        options.generations = 3
        options.maximumLength = 20
        options.learningRate = 1e-3
        options.verbalizerRate = 1e-3
        options.reconstructorRate = 1e-3
        options.warmUpSteps = 2
        options.evaluateEvery = 3
        options.evaluationDocuments = 8
        options.precision = .float32
        options.seed = 3
    }

    func trainer() throws -> ReadableTrainer {
        let url = URL(fileURLWithPath: options.pair), pair = try Pair(folder: url, precision: .float32)
        let target = try pair.openTarget(url.appending(path: "target"))
        let documents = try TokenizedDocuments(
            DocumentList(jsonLines: URL(fileURLWithPath: options.data)), target.tokenizer, limit: 64)
        return ReadableTrainer(
            try TransformerDecoder(target.checkpoint), pair,
            reference: .model(try Pair(folder: url, precision: .float32).verbalizer), training: documents,
            heldOut: documents, options)
    }

    /// Runs in the folder `name`, stopping after `stop` steps if that is given.
    func run(_ name: String, stop: Int? = nil) throws -> RunOutcome<Metrics> {
        let interruption = Interruption()
        return try ReadableRun(options, in: folder.appending(path: name)).run(interruption: interruption) {
            if $0.step == stop { interruption.request() }
        }
    }

    func data(_ name: String) throws -> Data { try Data(contentsOf: folder.appending(path: name)) }
}

@Suite("Training a target to be read")
struct ReadableTests {
    /// The slope of `objective` along the element of a weight with the largest gradient, beside that gradient. Nil where there is
    /// next to none.
    private func slope(
        _ parameter: Parameter, _ gradient: [Float], step: Float = 1e-3, _ objective: () throws -> Double
    ) throws -> (found: Double, expected: Double)? {
        guard let index = gradient.indices.max(by: { abs(gradient[$0]) < abs(gradient[$1]) }),
            abs(gradient[index]) > 1e-3
        else { return nil }
        let values = parameter.master.floats()
        func value(_ change: Float) throws -> Double {
            var changed = values
            changed[index] += change
            parameter.set(master: Tensor(changed, shape: parameter.value.shape), precision: .float32)
            return try objective()
        }
        let found = (try value(step) - value(-step)) / Double(2 * step)
        parameter.set(master: Tensor(values, shape: parameter.value.shape), precision: .float32)
        return (found, Double(gradient[index]))
    }

    private func gradients(_ parameters: [Parameter]) -> [[Float]] {
        parameters.map { parameter in
            defer { parameter.clearGradient() }
            return parameter.gradient?.floats() ?? [Float](repeating: 0, count: parameter.value.count)
        }
    }

    @Test("The gradient through words in an activation's place is the slope of the loss")
    func gradient() throws {
        try withScratch { folder in
            let trainer = try TinyReadable(in: folder).trainer()
            #expect(try trainer.descend(0).rollout?.rows.isEmpty == false)
            // Weights up to block K move the length that what is rebuilt is given, which takes no gradient.
            let parameters =
                trainer.decoder.parameters.filter { $0.name.hasPrefix("layers.3.") } + trainer.reconstructor.parameters
            var checked = 0
            for (parameter, gradient) in zip(parameters, gradients(parameters)) {
                guard let slope = try slope(parameter, gradient, { try trainer.descend(0).objective }) else { continue }
                checked += 1
                #expect(
                    abs(slope.found - slope.expected) < 0.03 * abs(slope.expected) + 1e-3, "\(parameter.name) \(slope)")
            }
            #expect(checked > 10)
        }
    }

    @Test("The pull's gradient is the slope of the distance from what words rebuild")
    func pull() throws {
        try withScratch { folder in
            var tiny = try TinyReadable(in: folder)
            // So few words, and so small a step, that they stay the same.
            tiny.options.maximumLength = 2
            let plain = try tiny.trainer()
            tiny.options.pull = 1
            let pulled = try tiny.trainer()
            _ = (try plain.descend(0), try pulled.descend(0))
            let names = Set(["layers.1.mlp.down_proj.weight", "layers.2.self_attn.v_proj.weight"])
            let own = plain.decoder.parameters.filter { names.contains($0.name) }
            let others = pulled.decoder.parameters.filter { names.contains($0.name) }
            #expect(own.count == 2)
            for ((parameter, other), (a, b)) in zip(zip(own, others), zip(gradients(own), gradients(others))) {
                let slope = try slope(parameter, zip(a, b).map { $1 - $0 }, step: 2e-4) {
                    other.set(master: parameter.master, precision: .float32)
                    return try pulled.descend(0).objective - plain.descend(0).objective
                }
                let (found, expected) = try #require(slope)
                other.set(master: parameter.master, precision: .float32)
                #expect(abs(found - expected) < 0.03 * abs(expected) + 1e-3, "\(parameter.name) \(found) \(expected)")
            }
        }
    }

    @Test(
        "A run that was stopped and resumed ends bit for bit where the uninterrupted one does; its pair names the new target"
    )
    func resume() throws {
        try withScratch { folder in
            let tiny = try TinyReadable(in: folder)
            guard case .finished(let whole) = try tiny.run("whole") else { Issue.record("not finished"); return }
            guard case .interrupted(4, _) = try tiny.run("parts", stop: 4) else { Issue.record("not stopped"); return }
            guard case .finished(let parts) = try tiny.run("parts") else { Issue.record("not finished"); return }
            #expect(whole["splice_damage"] != nil && whole["splice_damage"] == parts["splice_damage"])
            for model in ["target", "av", "ar"] {
                let file = "model/\(model)/model.safetensors"
                #expect(try tiny.data("whole/\(file)") == tiny.data("parts/\(file)"), "\(model)")
            }
            let model = folder.appending(path: "whole/model")
            let pair = try Pair(folder: model), before = try Pair(folder: URL(fileURLWithPath: tiny.options.pair))
            _ = try pair.openTarget(model.appending(path: "target"))
            #expect(pair.targetHash != before.targetHash && pair.variance == nil)
        }
    }

    @Test("What words cost the predictions is what a pass of their own says, and the true activation costs nothing")
    func predictionCost() throws {
        try withScratch { folder in
            let trainer = try TinyReadable(in: folder).trainer(), decoder = trainer.decoder
            let layer = trainer.verbalizer.sidecar.layer, width = decoder.configuration.hiddenSize
            let documents: [(inputs: [Int32], targets: [Int32])] = [
                ([5, 9, 3, 7, 2, 8, 4, 6, 1, 3, 9, 5, 7], [9, 3, 7, 2, 8, 4, 6, 1, 3, 9, 5, 7, 2]),
                ([4, 4, 6, 2], [4, 6, 2, 9]), ([7, 3], [3, 8]),
            ]
            let positions = [2, 3, 0]
            /// The mean loss from the place on, at most nine predictions, and the activation there.
            func whole(_ index: Int, _ vector: Tensor?) -> (loss: Double, vector: Tensor) {
                var tree = TokenTree()
                tree.append(documents[index].inputs)
                let tape = Tape(recording: false, precision: .float32)
                var found: Tensor?
                let hidden = decoder.hidden(tree, tape: tape) { block, hidden in
                    guard block == layer else { return hidden }
                    found = hidden.value.gatheringRows([Int32(positions[index])])
                    return vector.map { tape.splicing(Variable($0), into: [Int32(positions[index])], of: hidden) }
                        ?? hidden
                }
                let values = decoder.logProbabilities(of: documents[index].targets, hidden, tape: tape).value.floats()
                let read = values[positions[index]...].prefix(9)
                return (-read.reduce(0) { $0 + Double($1) } / Double(read.count), found ?? Tensor(zeros: [1, width]))
            }
            var random = Random(seed: 4)
            let random1 = Tensor.random([1, width], using: &random),
                random2 = Tensor.random([1, width], using: &random)
            let own = [whole(0, nil), whole(1, nil), whole(2, nil)]
            let tried: [(owner: Int, vector: Tensor)] = [
                (0, own[0].vector), (0, random1), (0, random2), (2, random1), (2, own[2].vector),
            ]
            let costs = PredictionCost(decoder, layer: layer, precision: .float32).costs(
                zip(documents, positions).map { PredictionCost.Splice($0, position: $1) },
                Tensor(tried.flatMap { $0.vector.floats() }, shape: [tried.count, width]), owners: tried.map(\.owner))
            for ((owner, vector), cost) in zip(tried, costs) {
                #expect(abs(cost - (whole(owner, vector).loss - own[owner].loss)) < 1e-5)
            }
            #expect(abs(costs[0]) < 1e-6 && abs(costs[4]) < 1e-6 && costs[1] != costs[2])
        }
    }

    @Test("A verbalizer that pays for the predictions becomes another one; what it pays is noted down")
    func predictionWeight() throws {
        try withScratch { folder in
            var readable = try TinyReadable(in: folder)
            let free = try readable.trainer()
            #expect(try free.step(0)["prediction_cost"] == nil)
            readable.options.predictionWeight = 5
            let paying = try readable.trainer(), metrics = try paying.step(0)
            #expect(try #require(metrics["prediction_cost"]).isFinite)
            let pairs = zip(free.verbalizer.decoder.parameters, paying.verbalizer.decoder.parameters)
            #expect(pairs.contains { $0.master.floats() != $1.master.floats() })
            // What the target and the reconstructor learn from does not change.
            #expect(
                zip(free.decoder.parameters, paying.decoder.parameters).allSatisfy {
                    $0.master.floats() == $1.master.floats()
                })
        }
    }

    @Test("Without splices the readers stay as they are, and the target learns as ever")
    func plain() throws {
        try withScratch { folder in
            var tiny = try TinyReadable(in: folder)
            tiny.options.spliceShare = 0
            let trainer = try tiny.trainer()
            func readers() -> [[Float]] {
                (trainer.verbalizer.parameters + trainer.reconstructor.parameters).map { $0.master.floats() }
            }
            let before = readers()
            let losses = try (0..<6).map { try trainer.step($0)["loss"] ?? .nan }
            #expect(losses.allSatisfy { $0.isFinite } && losses[5] < losses[0])
            #expect(readers() == before)
        }
    }

    @Test("What does not go together is said before anything is computed")
    func refusals() throws {
        try withScratch { folder in
            var tiny = try TinyReadable(in: folder)
            tiny.options.generations = 1
            let alone = #expect(throws: TrainingError.self) { try tiny.run("alone") }
            #expect(alone?.description.contains("num_generations") == true)
            tiny.options.trainsVerbalizer = false
            tiny.options.firstPosition = 90_000
            let late = #expect(throws: TrainingError.self) { try tiny.trainer().evaluate() }
            #expect(late?.description.hasPrefix("first_position: ") == true)
            tiny.options.firstPosition = 4
            tiny.options.pair = folder.path
            #expect(throws: (any Error).self) { try tiny.run("nowhere") }
        }
    }
}
