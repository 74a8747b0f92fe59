import Activations
import Autoencoder
import Claims
import Evaluation
import Foundation
import JSON
import JointTraining
import LanguageModel
import Runs
import Statistics
import Teaching
import Tensors
import TestSupport
import Testing
import Tokenization
import WarmStart

/// The recipe of Recipes/smollm2 in miniature: a random Llama of four blocks, read at the output of block 2 by adapters over it.
private struct Miniature {
    let folder: URL
    let target: URL
    let store: ActivationStore
    let continuations: URL

    static let layer = 2

    init(in folder: URL) throws {
        self.folder = folder
        target = folder.appending(path: "base")
        try Miniature.writeTarget(to: target)
        let documents = folder.appending(path: "documents.jsonl")
        try Data(Miniature.passages.joined().utf8).write(to: documents)
        let place = folder.appending(path: "store")
        try ActivationStoreBuilder(
            model: target, layer: Miniature.layer, positions: PositionPolicy(perDocument: 4, firstPosition: 3), seed: 2
        ).build(DocumentLines.splitDocuments([documents]), into: place)
        store = try ActivationStore(folder: place)
        continuations = folder.appending(path: "continuations.jsonl")
        let tokenizer = try Tokenizer(folder: target)
        let writer = ContinuationWriter(
            try TransformerDecoder(Checkpoint(folder: target)), tokenizer,
            stopTokens: try TextGenerator.stopTokens(folder: target, tokenizer: tokenizer), precision: .float32,
            tokens: 2)
        try Continuations.write(writer, store, rows: store.rows(), to: continuations)
    }

    /// A Llama with random weights under the tokenizer of the committed pair.
    static func writeTarget(to folder: URL) throws {
        let json: JSONValue = [
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 32, "intermediate_size": 48,
            "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 410,
            "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": true, "hidden_act": "silu",
            "max_position_embeddings": 512, "torch_dtype": "float32",
        ]
        let decoder = TransformerDecoder(
            random: try DecoderConfiguration(json: json, source: "config.json"), .float32, deviation: 0.25, seed: 11)
        try Checkpoint.write(
            decoder, json: json, type: .float32, companions: goldens.appending(path: "pairs/qwen2/target"), to: folder)
    }

    /// Lines of documents whose kind shows in their words, each with its split.
    static var passages: [String] {
        let splits = [
            "warm-start-av", "warm-start-ar", "rl", "warm-start-ar", "warm-start-av", "held-out", "validation",
        ]
        return (0..<210).map { index in
            let isStory = index % 2 == 0
            let text =
                isStory
                ? "The dog found key \(index) in the mill and ran."
                : "She sang to the river, \(index) times, and so on."
            let kind = isStory ? "story" : "song"
            let line: JSONValue = [
                "id": .string("d\(index)"), "kind": .string(kind), "text": .string(text),
                "split": .string(splits[index % 7]),
                "facts": [["subject": "the text", "relation": "kind", "value": .string(kind), "from": 0]],
            ]
            return line.serialized() + "\n"
        }
    }

    /// What the extractive teacher writes about every row.
    func teach() throws -> URL {
        let teacher = ExtractiveTeacher(
            store, PlainGrammar(), continuations: try Continuations(continuations, matching: store))
        var lines = ""
        let report = teacher.explain(store.rows()) {
            lines += TaughtExplanation(id: store.id(of: $0), explanation: $1).line
        }
        #expect(report.explained + report.empty == store.rowCount && 2 * report.explained > store.rowCount)
        // Every row was continued; a row is left out where the words before it and behind it cannot be quoted.
        #expect(report.withoutContinuation == 0 && report.said > 0)
        let file = folder.appending(path: "explanations.jsonl")
        try store.writeExplanations(lines, to: file)
        return file
    }

    func options<Stage: WarmStartStage>(_ explanations: URL) -> WarmStartOptions<Stage> {
        var options = WarmStartOptions<Stage>()
        options.target = target.path
        options.store = store.folder.path
        options.explanations = explanations.path
        options.heldOut = "validation"
        options.steps = 40
        options.rowsPerStep = 16
        options.learningRate = 5e-3
        options.warmUpSteps = 4
        options.evaluateEvery = 20
        options.evaluationRows = 60
        options.evaluationSamples = 8
        options.loraRank = 16
        options.loraAlpha = 16
        options.mergesAdapters = false
        options.precision = .float32
        options.verbalizerTemplate = "Say <concept>{injection_char}</concept>"
        options.reconstructorTemplate = "<text>{explanation}</text><summary>"
        options.marker = "㈎"
        return options
    }
}

@Suite("A pair of adapters over one base", .serialized)
struct AdapterRecipeTests {
    private func metrics(_ run: URL) throws -> [JSONValue] {
        try String(contentsOf: run.appending(path: "metrics.jsonl"), encoding: .utf8).split(separator: "\n").map {
            try JSONValue.parse(String($0))
        }
    }

    private func names(_ folder: URL) throws -> Set<String> {
        Set(try FileManager.default.contentsOfDirectory(atPath: folder.path))
    }

    @Test(
        "The recipe on a random Llama: adapters learn, stop and resume, stay adapters through joint training, whose KL begins at zero, and stand beside tables"
    )
    func recipe() throws {
        try withScratch { folder in
            let small = try Miniature(in: folder), explanations = try small.teach()
            let ar = folder.appending(path: "ar"), av = folder.appending(path: "av")
            let arOptions: WarmStartOptions<ReconstructorStage> = small.options(explanations)
            guard case .finished = try WarmStartRun(arOptions, in: ar).run() else {
                Issue.record("not finished"); return
            }
            let fve = try metrics(ar).compactMap { $0["fve"]?.double }
            #expect(fve.count == 2 && fve[1] > fve[0])
            #expect(
                try names(ar.appending(path: "model")) == [
                    "adapter_config.json", "adapter_model.safetensors", "nla_meta.yaml", "value_head.safetensors",
                ])
            // The link beside it leads to the base, so that it opens by itself.
            _ = try Reconstructor(folder: ar.appending(path: "model"))

            var avOptions: WarmStartOptions<VerbalizerStage> = small.options(explanations)
            avOptions.reconstructor = ar.appending(path: "model").path
            guard case .finished = try WarmStartRun(avOptions, in: av).run() else {
                Issue.record("not finished"); return
            }
            let losses = try metrics(av).compactMap { $0["held_out_loss"]?.double }
            #expect(losses.count == 2 && losses[1] < losses[0])
            let again = folder.appending(path: "again"), interruption = Interruption()
            guard
                case .interrupted(17, _) = try WarmStartRun(avOptions, in: again).run(
                    interruption: interruption, progress: { if $0.step == 17 { interruption.request() } })
            else { Issue.record("not stopped"); return }
            guard case .finished = try WarmStartRun(avOptions, in: again).run() else {
                Issue.record("not finished"); return
            }
            for name in ["adapter_model.safetensors", "nla_meta.yaml"] {
                #expect(
                    try Data(contentsOf: again.appending(path: "model/\(name)"))
                        == Data(contentsOf: av.appending(path: "model/\(name)")))
            }

            let pair = folder.appending(path: "pair"), files = FileManager.default
            try files.createDirectory(at: pair, withIntermediateDirectories: false)
            for (name, place) in [
                ("av", av.appending(path: "model")), ("ar", ar.appending(path: "model")), ("target", small.target),
            ] {
                try files.createSymbolicLink(at: pair.appending(path: name), withDestinationURL: place)
            }
            var joint = JointOptions()
            joint.pair = pair.path
            joint.store = small.store.folder.path
            joint.grammar = .plain
            joint.steps = 4
            joint.rowsPerStep = 4
            joint.generations = 3
            joint.maximumLength = 40
            joint.learningRate = 1e-3
            joint.reconstructorRate = 1e-3
            joint.warmUpSteps = 0
            joint.evaluateEvery = 2
            joint.evaluationRows = 8
            joint.keep = .last
            joint.precision = .float32
            let run = folder.appending(path: "rl")
            // Paid for something that samples always differ in: so short a training writes few that can be read.
            let paid: JointTrainer.Reward = { rollout, _ in
                rollout.samples.map { Double($0.explanation.ids.reduce(0) { ($0 + Int($1)) % 97 }) }
            }
            guard case .finished = try JointRun(joint, in: run, reward: paid).run() else {
                Issue.record("not finished"); return
            }
            let steps = try metrics(run)
            // The reference is the warm start with its adapters, not the base.
            let divergences = steps.compactMap { $0["kl"]?.double }
            #expect(divergences.count == 4 && abs(divergences[0]) < 1e-6 && divergences[3] > 1e-9)
            let model = run.appending(path: "model")
            #expect(try names(model) == ["av", "ar", "target"])
            #expect(try !names(model.appending(path: "av")).contains("model.safetensors"))
            let trained = try Pair(folder: model, precision: .float32)
            let texts = ["The text's kind is \"story\".", "The text ends with \"times\"."]
            #expect(
                try Data(contentsOf: model.appending(path: "av/adapter_model.safetensors"))
                    != Data(contentsOf: av.appending(path: "model/adapter_model.safetensors")))
            let checkpoint = try Pair.open(run.appending(path: "checkpoints/step-000004"), precision: .float32)
            #expect(
                try checkpoint.reconstructor.reconstruct(texts).relativeError(
                    to: trained.reconstructor.reconstruct(texts))
                    < 1e-6)

            // New adapters over these would have to become part of the base.
            joint.verbalizerRank = 2
            let refusal = #expect(throws: TrainingError.self) {
                try JointRun(joint, in: folder.appending(path: "more")).run()
            }
            #expect(refusal?.description.contains("av_lora_rank:") == true)

            try evaluate(small, model, again: pair, second: ar.appending(path: "model"))
        }
    }

    /// What `nla eval` says of the pair, beside tables.
    private func evaluate(_ small: Miniature, _ pair: URL, again: URL, second: URL) throws {
        let checkpoint = try Checkpoint(folder: small.target)
        let tables = try LookupTables(
            small.store, splits: ["warm-start-av", "warm-start-ar"],
            RowTokenReader(
                small.store, Tokenizer(folder: small.target),
                next: .continuations(Continuations(small.continuations, matching: small.store))),
            embedding: TransformerDecoder(checkpoint, blockCount: 0).embedding.value)
        var options = PairEvaluation.Options()
        options.rows = 60
        options.maximumTokens = 40
        let comparison = try PairComparison(
            [.init("rl", pair), .init("warm", again)], small.store, split: "held-out", grammar: PlainGrammar(),
            probes: nil, taught: nil, options, resamples: 50, precision: .float32, tables: tables,
            secondReader: Reconstructor(folder: second, precision: .float32))
        let result = comparison.results[0]
        for name in [
            "fve_without_quotes", "fve_quotes_only", "fve_second_reader", "fve_table_mean", "fve_table_token",
            "fve_table_previous_token", "fve_table_token_next", "fve_table_linear", "fve_over_best_table",
            "fve_with_best_table", "picked_vector", "picked_passage", "second_picked_passage",
        ] {
            let entry = try #require(result[name], "\(name)")
            #expect(entry.estimate.interval != nil, "\(name)")
        }
        // These activations are little more than their tokens.
        let token = try #require(result["fve_table_token"]?.estimate.value)
        #expect(token > (try #require(result["fve_table_mean"]?.estimate.value)) + 0.2)
        let baselines = try #require(result.evaluation.baselines)
        let best = try #require(result["fve_table_\(baselines.best.rawValue)"]?.estimate.value)
        let over = try #require(result["fve_over_best_table"]?.estimate.value)
        #expect(abs(over - (try #require(result["fve"]?.estimate.value) - best)) < 1e-9)
        // The second reader is the warm start's own.
        let own = try #require(comparison.results[1]["fve"]?.estimate.value)
        #expect(abs(try #require(comparison.results[1]["fve_second_reader"]?.estimate.value) - own) < 1e-5)
        #expect(comparison.json["pairs"]?[0]?["baselines"]?["best"]?.string == baselines.best.rawValue)
        let file = small.folder.appending(path: "judged.jsonl")
        try comparison.writeExplanations(small.store, to: file)
        let line = try JSONValue.parse(
            String(try #require(String(contentsOf: file, encoding: .utf8).split(separator: "\n").first)))
        #expect(line["text"]?.string?.hasPrefix(line["text_so_far"]?.string ?? "-") == true)
    }

    @Test("Adapters alone need adapters: whole weights that learn are refused by the option's name")
    func refused() throws {
        var options = WarmStartOptions<VerbalizerStage>()
        options.target = "t"
        options.store = "s"
        options.explanations = "e"
        options.mergesAdapters = false
        let error = #expect(throws: TrainingError.self) { try options.check() }
        #expect(error?.description.contains("merge_adapters: false") == true)
    }
}
