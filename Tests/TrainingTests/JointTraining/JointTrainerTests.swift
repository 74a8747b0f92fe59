import Activations
import Autoencoder
import Claims
import Evaluation
import Foundation
import JSON
import JointTraining
import LanguageModel
import Runs
import Teaching
import Tensors
import TestSupport
import Testing

/// The tiny Qwen2 pair of the goldens with activations of its target.
private struct TinyPair {
    let folder: URL
    var options: JointOptions

    init(in folder: URL) throws {
        self.folder = folder
        let golden = goldens.appending(path: "pairs/qwen2")
        let store = folder.appending(path: "store")
        let builder = try ActivationStoreBuilder(
            model: golden.appending(path: "target"), layer: 2,
            positions: PositionPolicy(perDocument: 4, firstPosition: 1),
            seed: 1, .init(precision: .float32))
        let texts = ["The dog found a key in the mill.", "She sang to the river, 12 times.", "A key wants the dog."]
        let documents = (0..<24).map { index in
            StoredDocument(
                LabelledDocument(id: "d\(index)", kind: "note", text: texts[index % 3] + " \(index)"),
                split: index % 4 == 0 ? "held-out" : "rl")
        }
        _ = try builder.build(documents, into: store) { _ in }
        options = JointOptions()
        options.pair = golden.path
        options.store = store.path
        options.heldOut = "held-out"
        options.grammar = .plain
        options.steps = 6
        options.rowsPerStep = 4
        options.generations = 4
        options.maximumLength = 30
        options.learningRate = 2e-3
        options.reconstructorRate = 2e-3
        options.warmUpSteps = 2
        options.evaluateEvery = 3
        options.evaluationRows = 8
        options.sampleRows = 3
        options.precision = .float32
        options.seed = 7
    }

    func pair() throws -> Pair { try Pair(folder: URL(fileURLWithPath: options.pair), precision: .float32) }

    func trainer(_ pair: Pair, reward: JointTrainer.Reward? = nil) throws -> JointTrainer {
        let store = try ActivationStore(folder: URL(fileURLWithPath: options.store))
        return try JointTrainer(
            pair.verbalizer, pair.reconstructor, reference: .model(self.pair().verbalizer), store,
            store.rawVariance(ofSplit: "held-out"), options, reward: reward)
    }

    /// Runs in the folder `name`, stopping after `stop` steps if that is given.
    func run(_ name: String, stop: Int? = nil) throws -> RunOutcome<Metrics> {
        let interruption = Interruption()
        return try JointRun(options, in: folder.appending(path: name)).run(interruption: interruption) {
            if $0.step == stop { interruption.request() }
        }
    }

    func data(_ name: String) throws -> Data { try Data(contentsOf: folder.appending(path: name)) }

    func lines(_ name: String) throws -> [JSONObject] {
        try String(decoding: data(name), as: UTF8.self).split(separator: "\n").map { line in
            var object = try #require(JSONValue.parse(String(line)).object)
            for key in object.keys where key.hasSuffix("seconds") || key.hasSuffix("per_second") { object[key] = nil }
            return object
        }
    }
}

@Suite("Joint training")
struct JointTrainerTests {
    @Test(
        "A run that was stopped and resumed ends bit for bit where the uninterrupted one does, with weights or adapters",
        arguments: [0, 4])
    func resume(rank: Int) throws {
        try withScratch { folder in
            var tiny = try TinyPair(in: folder)
            tiny.options.verbalizerRank = rank
            tiny.options.reconstructorRank = rank
            tiny.options.iterations = 2
            tiny.options.claimDropout = 0.3
            guard case .finished(let whole) = try tiny.run("whole") else { Issue.record("not finished"); return }
            guard case .interrupted(4, _) = try tiny.run("parts", stop: 4) else { Issue.record("not stopped"); return }
            guard case .finished(let parts) = try tiny.run("parts") else { Issue.record("not finished"); return }
            // What is said of the checkpoint that was kept, also where it was written before the stop.
            #expect(whole["fve"] != nil && whole["fve"] == parts["fve"] && whole["reward"] == parts["reward"])
            for file in ["av/model.safetensors", "ar/model.safetensors", "ar/value_head.safetensors"] {
                #expect(try tiny.data("whole/model/\(file)") == tiny.data("parts/model/\(file)"), "\(file)")
            }
            let metrics = try tiny.lines("whole/metrics.jsonl")
            #expect(try metrics == tiny.lines("parts/metrics.jsonl"))
            #expect(try tiny.data("whole/samples.jsonl") == tiny.data("parts/samples.jsonl"))
            #expect(metrics.map { $0["step"]?.int } == Array(0...6))
            #expect(metrics.map { $0["fve"] != nil } == [true, false, false, true, false, false, true])
            #expect(try tiny.lines("whole/samples.jsonl").map { $0["step"]?.int } == [0, 0, 0, 3, 3, 3, 6, 6, 6])
            _ = try Pair(folder: folder.appending(path: "whole/model"))
        }
    }

    @Test("Checkpoints stay where they are asked to, and open as the pair that the run was there", arguments: [0, 4])
    func checkpoints(rank: Int) throws {
        try withScratch { folder in
            var tiny = try TinyPair(in: folder)
            tiny.options.verbalizerRank = rank
            tiny.options.keepEvery = 2
            tiny.options.checkpointEvery = 1
            tiny.options.keep = .last
            guard case .finished = try tiny.run("run") else { Issue.record("not finished"); return }
            let run = folder.appending(path: "run"), checkpoints = run.appending(path: "checkpoints")
            let steps = try FileManager.default.contentsOfDirectory(atPath: checkpoints.path)
            #expect(Set(["step-000002", "step-000004", "step-000006"]).isSubset(of: steps), "\(steps)")
            #expect(!steps.contains("step-000001"))

            let last = try Pair.open(checkpoints.appending(path: "step-000006"), precision: .float32)
            let written = try Pair.open(run.appending(path: "model"), precision: .float32)
            let store = try ActivationStore(folder: URL(fileURLWithPath: tiny.options.store))
            let texts = ["The key.", "A dog in the mill."]
            let vectors = store.vectors([0, 5])
            #expect(
                try last.verbalizer.explain(vectors, .init(maximumTokens: 12)).map { $0[0].text }
                    == written.verbalizer.explain(vectors, .init(maximumTokens: 12)).map { $0[0].text })
            func distance(_ pair: Pair) throws -> Double {
                try pair.reconstructor.reconstruct(texts).relativeError(to: written.reconstructor.reconstruct(texts))
            }
            // The model is written in bfloat16; an earlier step is another pair.
            let early = try Pair.open(checkpoints.appending(path: "step-000002"), precision: .float32)
            #expect(try distance(last) < 0.025)
            #expect(try distance(early) > 2 * distance(last))
            #expect(try tiny.data("run/report.html").count > 1000)
            // Without the pair it began with a checkpoint says what it lacks.
            let moved = folder.appending(path: "moved")
            try FileManager.default.copyItem(at: run, to: moved)
            let file = moved.appending(path: "run.yaml")
            let text = try String(contentsOf: file, encoding: .utf8)
            try Data(text.replacing(tiny.options.pair, with: "/nowhere").utf8).write(to: file)
            let error = #expect(throws: TrainingError.self) {
                try Pair.open(moved.appending(path: "checkpoints/step-000006"))
            }
            #expect(error?.description.contains("run.yaml: the run began with the pair /nowhere") == true)
        }
    }

    @Test("A finished pair and the target that it links to may be moved together, and opened through a link")
    func moved() throws {
        try withScratch { folder in
            let files = FileManager.default, work = folder.appending(path: "work")
            try files.createDirectory(at: work, withIntermediateDirectories: false)
            // The way to the run leads through a link, which says nothing of where the run lies.
            let alias = folder.appending(path: "alias/deep")
            try files.createDirectory(at: alias.deletingLastPathComponent(), withIntermediateDirectories: false)
            try files.createSymbolicLink(at: alias, withDestinationURL: work)
            var tiny = try TinyPair(in: alias)
            let warm = alias.appending(path: "warm")
            try files.copyItem(at: URL(fileURLWithPath: tiny.options.pair), to: warm)
            tiny.options.pair = warm.path
            tiny.options.steps = 1
            guard case .finished = try tiny.run("run") else { Issue.record("not finished"); return }
            let elsewhere = folder.appending(path: "elsewhere")
            try files.moveItem(at: work, to: elsewhere)
            try files.removeItem(at: alias)
            let target = elsewhere.appending(path: "run/model/target")
            #expect(try files.destinationOfSymbolicLink(atPath: target.path) == "../../warm/target")
            _ = try Checkpoint(folder: target)
            _ = try Pair(folder: elsewhere.appending(path: "run/model"))
        }
    }

    @Test(
        "A link says the way from where it stands",
        arguments: [
            ("a/link", "a/file", "file"), ("a/b/link", "a", ".."), ("link", "a/b", "a/b"),
            ("c/d/link", "a/file", "../../a/file"),
            ("a/b/link", "a/b", "."),
        ])
    func relativeLink(link: String, destination: String, way: String) throws {
        try withScratch { folder in
            let files = FileManager.default
            for name in ["a/b", "c/d"] {
                try files.createDirectory(at: folder.appending(path: name), withIntermediateDirectories: true)
            }
            try Data("here".utf8).write(to: folder.appending(path: "a/file"))
            let link = folder.appending(path: link), destination = folder.appending(path: destination)
            try RelativeLink.write(at: link, to: destination)
            #expect(try files.destinationOfSymbolicLink(atPath: link.path) == way)
            #expect(link.resolvingSymlinksInPath() == destination.resolvingSymlinksInPath())
        }
    }

    @Test("With adapters the reference is the warm start, though its weights are there once")
    func reference() throws {
        try withScratch { folder in
            let tiny = try TinyPair(in: folder), warm = try tiny.pair().verbalizer, pair = try tiny.pair()
            try pair.verbalizer.decoder.attachAdapters(
                LoRAConfiguration(rank: 2, alpha: 8), seed: 3, precision: .float32)
            for parameter in pair.verbalizer.decoder.adapterParameters {
                parameter.set(
                    master: .uniform(parameter.value.shape, .float32, deviation: 0.1, seed: 9), precision: .float32)
            }
            let store = try ActivationStore(folder: URL(fileURLWithPath: tiny.options.store))
            let batch = try warm.batch(
                store.vectors([0, 1]), [.init(activation: 0, ids: [7, 8]), .init(activation: 1, ids: [9])])
            func values(_ policy: ReferencePolicy) -> [Float] {
                policy.logProbabilities(batch, temperature: 1, precision: .float32)
            }
            let adapted = pair.verbalizer.responseLogProbabilities(batch, tape: Tape(recording: false)).value.floats()
            #expect(values(.withoutAdapters(pair.verbalizer)) == values(.model(warm)))
            #expect(adapted != values(.model(warm)))
            #expect(
                pair.verbalizer.responseLogProbabilities(batch, tape: Tape(recording: false)).value.floats() == adapted)
        }
    }

    @Test(
        "The gradient over token trees is that over responses one by one, equal samples counted as often as they are, with a bonus for entropy too",
        arguments: [0, 0.2])
    func treeGradient(entropyBonus: Double) throws {
        try withScratch { folder in
            var tiny = try TinyPair(in: folder)
            tiny.options.generations = 6
            tiny.options.beta = 0.3
            tiny.options.temperature = 0.7
            tiny.options.entropyBonus = entropyBonus
            func gradients(tokensPerPass: Int) throws -> (gradients: [String: Tensor], distinct: Int, metrics: Metrics)
            {
                var options = tiny.options
                options.tokensPerPass = tokensPerPass
                let verbalizer = try tiny.pair().verbalizer
                let store = try ActivationStore(folder: URL(fileURLWithPath: options.store))
                let rollout = try Rollout.draw(
                    [0, 5, 9], store.vectors([0, 5, 9]), verbalizer, options, key: 2)
                let batch = try PolicyBatch(rollout, verbalizer, options, PlainGrammar())
                let other = try Verbalizer(
                    Checkpoint(folder: goldens.appending(path: "pairs/qwen2/target")), verbalizer.sidecar,
                    verbalizer.tokenizer, precision: .float32)
                let reference = batch.referenceLogProbabilities(.model(other), precision: .float32)
                verbalizer.makeTrainable(precision: .float32)
                // A first step of plain descent leaves the gradient in AdamW's first moment.
                let group = ParameterGroup(
                    "verbalizer", verbalizer.parameters, precision: .float32, optimizer: AdamW(),
                    schedule: LearningRateSchedule(peak: 0, totalSteps: 1))
                let advantages = rollout.samples.indices.map { Double($0 % 6) - 2.5 }
                let metrics = try batch.update(verbalizer, group, reference, advantages: advantages, step: 0)
                let moments = verbalizer.parameters.compactMap { parameter in
                    parameter.trainingState.map { (parameter.name, $0.firstMoment.copy()) }
                }
                return (Dictionary(uniqueKeysWithValues: moments), batch.distinctCount, metrics)
            }
            let tree = try gradients(tokensPerPass: 1_000_000)
            for tokensPerPass in [1, 100] {
                let flat = try gradients(tokensPerPass: tokensPerPass)
                #expect(tree.gradients.count > 10 && tree.distinct == flat.distinct)
                for (name, gradient) in tree.gradients {
                    #expect(gradient.relativeError(to: try #require(flat.gradients[name])) < 1e-4, "\(name)")
                }
                #expect(abs(try #require(tree.metrics["kl"]) - #require(flat.metrics["kl"])) < 1e-4)
                #expect(abs(try #require(tree.metrics["loss"]) - #require(flat.metrics["loss"])) < 1e-4)
            }
        }
    }

    @Test("With a frozen reconstructor and a reward for a word, the word becomes frequent")
    func word() throws {
        try withScratch { folder in
            var tiny = try TinyPair(in: folder)
            tiny.options.trainsReconstructor = false
            tiny.options.rowsPerStep = 6
            tiny.options.generations = 8
            tiny.options.steps = 40
            tiny.options.beta = 0
            tiny.options.learningRate = 3e-3
            let pair = try tiny.pair()
            let before = pair.reconstructor.head.value.floats()
            var share: [Double] = []
            let trainer = try tiny.trainer(pair) { rollout, _ in
                let says = rollout.samples.map { $0.explanation.description.contains("key") ? 1.0 : 0.0 }
                share.append(says.reduce(0, +) / Double(says.count))
                return says
            }
            for step in 0..<40 { _ = try trainer.step(step) }
            let early = share.prefix(5).reduce(0, +) / 5, late = share.suffix(5).reduce(0, +) / 5
            #expect(early < 0.5 && late > early + 0.35, "\(early) → \(late)")
            #expect(pair.reconstructor.head.value.floats() == before && trainer.groups.count == 1)
        }
    }

    @Test("With a still verbalizer the reconstructor learns from what it says")
    func reconstructor() throws {
        try withScratch { folder in
            var tiny = try TinyPair(in: folder)
            tiny.options.learningRate = 0
            tiny.options.reconstructorRate = 5e-3
            tiny.options.steps = 30
            let pair = try tiny.pair()
            let trainer = try tiny.trainer(pair)
            let steps = try (0..<30).map { try trainer.step($0) }
            let losses = try steps.map { try #require($0["ar_loss"]) }
            // What does not move stays what it was.
            #expect(try steps.allSatisfy { try abs(#require($0["kl"])) < 1e-9 })
            let early = losses.prefix(6).reduce(0, +), late = losses.suffix(6).reduce(0, +)
            #expect(late < 0.8 * early, "\(losses)")
        }
    }

    @Test("A step too long to compute with stops the run with the step and a tensor, not with the warm start's file")
    func overflow() throws {
        try withScratch { folder in
            var tiny = try TinyPair(in: folder)
            tiny.options.learningRate = 1e30
            let error = #expect(throws: TrainingError.self) { _ = try tiny.run("run") }
            let line = error?.description ?? ""
            for part in ["step ", "checkpoint", "lower the learning rate"] { #expect(line.contains(part), "\(line)") }
            #expect(!line.contains("download it again"), "\(line)")
        }
    }

    @Test(
        "Rewards: the error or its logarithm, a price for tokens, a second reader's view, agreement, doubt; failures earn theirs"
    )
    func rewards() throws {
        try withScratch { folder in
            let tiny = try TinyPair(in: folder), pair = try tiny.pair()
            let store = try ActivationStore(folder: URL(fileURLWithPath: tiny.options.store))
            let vectors = store.vectors([0, 1])
            func sample(_ activation: Int, _ text: String, tokens: Int = 4) -> Rollout.Sample {
                .init(
                    activation: activation,
                    explanation: Explanation(text: text, ids: .init(repeating: 9, count: tokens)),
                    isTruncated: false, shown: Explanation(text: text).description)
            }
            let said = "The hat's colour is \"red\"."
            let samples = [
                sample(0, "<explanation>\(said)</explanation>"), sample(0, "<explanation>\(said) No.</explanation>"),
                sample(1, "no tags", tokens: 10), sample(1, "<explanation>\(said)</explanation>"),
            ]
            let rollout = Rollout(rows: [0, 1], vectors: vectors, samples: samples, groupSize: 2)
            let errors: [Double?] = [0.5, 1.5, nil, 0.25]
            func rewards(
                _ change: (inout JointOptions) -> Void, second: Reconstructor? = nil, probes: TeacherProbes? = nil
            ) throws -> [Double] {
                var options = tiny.options
                change(&options)
                return try RolloutReward(options, PlainGrammar(), second: second, probes: probes)
                    .rewards(rollout, store, errors: errors)
            }
            #expect(try rewards { _ in } == [-0.5, -1.5, -2, -0.25])
            #expect(try rewards { $0.reward = .logarithm } == [-log(0.5), -log(1.5), -2, -log(0.25)])
            #expect(try rewards { $0.lengthPenalty = 0.125 } == [-1, -2, -3.25, -0.75])
            // Of two, both make the claim; of the others, one makes none.
            #expect(try rewards { $0.agreementBonus = 1 } == [0.5, -0.5, -2, -0.25])
            let own = try Scores.rows(
                pair.reconstructor.reconstruct(samples.map(\.shown)), vectors.gatheringRows([0, 0, 1, 1]))
            let weighed = try rewards({ $0.secondReaderWeight = 0.25 }, second: pair.reconstructor)
            #expect(abs(weighed[0] - (-0.375 - 0.25 * own[0].meanSquaredError)) < 1e-6)
            #expect(weighed[2] == -2)
            #expect(
                try rewards({ $0.doubtPenalty = 0.25 }, probes: reader(of: store, likes: "red")) == [
                    -0.5, -1.5, -2, -0.25,
                ])
            #expect(
                try rewards({ $0.doubtPenalty = 0.25 }, probes: reader(of: store, likes: "blue")) == [
                    -0.75, -1.75, -2, -0.5,
                ])
            // Nothing that is doubted makes it pay to leave out the tags.
            #expect(try rewards({ $0.doubtPenalty = 9 }, probes: reader(of: store, likes: "blue")) == [-2, -2, -2, -2])
        }
    }

    /// Probes in a folder of their own that answer the same of every vector: what the colour of the hat is.
    private func reader(of store: ActivationStore, likes colour: String) throws -> TeacherProbes {
        let folder = store.folder.deletingLastPathComponent().appending(path: colour), width = store.hiddenSize
        let features = (width + 16) / 16 * 16
        let description: JSONValue = [
            "format": "interlinear-probes", "version": 1, "d_model": .integer(width),
            "layer_index": .integer(store.manifest.settings.layerIndex),
            "target_sha256": .string(store.manifest.settings.targetHash), "word_places": 0, "fitted_splits": [],
            "probes": [["subject": "the hat", "relation": "colour", "values": ["red", "blue"]]],
        ]
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try AtomicFile.write(description.serialized(), to: folder.appending(path: "probes.json"))
        var weights = [Float](repeating: 0, count: 2 * features)
        // The constants.
        weights[(colour == "red" ? 0 : features) + width] = 5
        try SafetensorsFile.write(
            [
                ("mean", Tensor([Float](repeating: 0, count: width), shape: [width])),
                ("inverse_deviation", Tensor([Float](repeating: 0, count: width), shape: [width])),
                ("probe.0", Tensor(weights, shape: [2, features])),
            ], to: folder.appending(path: "probes.safetensors"))
        return try TeacherProbes(folder: folder, matching: store)
    }

    @Test("What cannot be trained is refused in a line, before anything is computed")
    func refusals() throws {
        try withScratch { folder in
            let tiny = try TinyPair(in: folder)
            func complaint(_ change: (inout JointOptions) -> Void) -> String {
                var options = tiny.options
                change(&options)
                do {
                    _ = try JointRun(options, in: folder.appending(path: UUID().uuidString)).run()
                    return "nothing"
                } catch { return "\(error)" }
            }
            #expect(complaint { $0.generations = 1 }.contains("a group of one has none; use 2 or more"))
            #expect(complaint { $0.maximumLength = 3 }.contains("the shortest explanation has"))
            #expect(complaint { $0.split = "elsewhere" }.contains("no rows of the split elsewhere"))
            #expect(complaint { $0.pair = "" }.contains("pair: nothing is named"))
            #expect(complaint { $0.heldOut = "rl" }.contains("another split"))
            #expect(complaint { $0.secondReaderWeight = 0.3 }.contains("no second_reader"))
            #expect(complaint { $0.doubtPenalty = 0.3 }.contains("no probes"))
            #expect(complaint { $0.probes = "/nowhere" }.contains("/nowhere"))
            #expect(
                complaint {
                    $0.verbalizerRank = 2; $0.loraTargets = []
                }.contains("lora_targets"))
            let other = folder.appending(path: "other")
            try FileManager.default.copyItem(at: URL(fileURLWithPath: tiny.options.pair), to: other)
            let sidecar = other.appending(path: "av/nla_meta.yaml")
            let text = try String(contentsOf: sidecar, encoding: .utf8)
            try Data(text.replacingOccurrences(of: "layer_index: 2", with: "layer_index: 1").utf8).write(to: sidecar)
            #expect(complaint { $0.pair = other.path }.contains("do not belong together: layer 1 and 2"))
            var options = JointOptions()
            let error = #expect(throws: TrainingError.self) {
                try options.read(runFile: "num_generation: 4", source: "run.yaml")
            }
            #expect(error?.description.contains("did you mean num_generations?") == true)
        }
    }
}
