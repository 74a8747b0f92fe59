import Autoencoder
import Foundation
import JSON
import LanguageModel
import Tensors
import TestSupport
import Testing
import Tokenization

@Suite("Making and writing autoencoders")
struct WritingTests {
    private let golden: GoldenPair

    init() throws { golden = try GoldenPair("qwen2") }

    @Test("A fresh reconstructor reads the target's own activation of its prompt")
    func freshReconstructor() throws {
        let reconstructor = try Reconstructor.fresh(from: golden.target, Recipe(layer: 2), precision: .float32)
        let ids = reconstructor.ids(of: "the mill")
        let target = try Target(folder: golden.target, layer: 2)
        let activation = try target.activations(ids, positions: [-1], precision: .float32)
        #expect(try reconstructor.reconstruct(["the mill"]).relativeError(to: activation) < 1e-5)
        #expect(!reconstructor.sidecar.reconstructorSuffix.isEmpty)
    }

    @Test("A fresh verbalizer is the target, with a sidecar that passes its own checks")
    func freshVerbalizer() throws {
        let verbalizer = try Verbalizer.fresh(from: golden.target, Recipe(layer: 1))
        #expect(verbalizer.sidecar.layer == 1 && verbalizer.sidecar.marker?.text == "㈎")
        #expect(verbalizer.prompt.suffix.first == verbalizer.sidecar.marker?.id)
        var recipe = Recipe()
        recipe.marker = "東京"
        #expect(message { _ = try Verbalizer.fresh(from: golden.target, recipe) }?.contains("東京") == true)
        recipe.marker = "㈎"
        recipe.injection = InjectionPlace(.normMatchedAdd, block: 2)
        let added = try Verbalizer.fresh(from: golden.target, recipe)
        #expect(added.injection.method == .normMatchedAdd && added.injection.block == 2)
        #expect(added.sidecar.injectionBlock == 2)
        recipe.injection.block = 3
        #expect(message { _ = try Verbalizer.fresh(from: golden.target, recipe) }?.contains("blocks 0...3") == true)
        recipe.verbalizerTemplate = "no place for it"
        #expect(message { _ = try Verbalizer.fresh(from: golden.target, recipe) }?.contains("nowhere") == true)
        #expect(
            message { _ = try Reconstructor.fresh(from: golden.target, Recipe(layer: 4)) }?.contains("0...3") == true)
    }

    @Test("What is written is read back: weights, sidecar, head, depth", arguments: GoldenPair.names)
    func roundTrip(name: String) throws {
        let scratch = try Scratch()
        let golden = try GoldenPair(name)
        let verbalizer = try Verbalizer(folder: golden.av, precision: .float32)
        verbalizer.sidecar.variance = RawVariance(variance: 0.5, set: "s")
        try verbalizer.write(to: scratch.path("av"))
        let again = try Verbalizer(folder: scratch.path("av"), precision: .float32)
        #expect(again.sidecar == verbalizer.sidecar)
        let vectors = try golden.tensor("activations")
        #expect(try again.explain(vectors).map { $0[0].ids } == golden.ids)

        // A cut of a deeper model: from the verbalizer's own folder, as if it were a target.
        let reconstructor = try Reconstructor.fresh(from: golden.av, Recipe(layer: 1), precision: .float32)
        try reconstructor.write(to: scratch.path("ar"))
        let read = try Reconstructor(folder: scratch.path("ar"), precision: .float32)
        #expect(read.checkpoint.configuration.blockCount == 2 && read.sidecar == reconstructor.sidecar)
        #expect(try read.reconstruct(golden.texts).relativeError(to: reconstructor.reconstruct(golden.texts)) == 0)
        let files = try FileManager.default.contentsOfDirectory(atPath: scratch.path("ar").path).sorted()
        #expect(
            files == [
                "chat_template.jinja", "config.json", "model.safetensors", "nla_meta.yaml", "tokenizer.json",
                "tokenizer_config.json", "value_head.safetensors",
            ])
        #expect(message { try read.write(to: scratch.path("av")) }?.contains("not empty") == true)
    }

    @Test(
        "transformers loads what is written, and misses nothing",
        .enabled(
            if: Python.has("torch", "transformers", "safetensors"),
            "python3 has no transformers; INTERLINEAR_PYTHON may name an interpreter that has"))
    func transformers() throws {
        let scratch = try Scratch()
        try Verbalizer.fresh(from: golden.target, Recipe(layer: 1)).write(to: scratch.path("av"))
        try Reconstructor.fresh(from: golden.target, Recipe(layer: 1)).write(to: scratch.path("ar"))
        let script = """
            import sys, transformers
            for folder, blocks in ((sys.argv[1] + "/av", 4), (sys.argv[1] + "/ar", 2)):
                model, info = transformers.AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
                assert not info["missing_keys"] and not info["unexpected_keys"], info
                assert len(model.model.layers) == blocks
                assert transformers.AutoTokenizer.from_pretrained(folder).chat_template
            """
        let outcome = try Python.run(script, [scratch.url.path])
        #expect(outcome.status == 0, "\(outcome.errors)")
    }

    @Test("Training both halves a little lowers both losses, and survives being written")
    func training() throws {
        let scratch = try Scratch()
        let texts = ["the river", "the dog", "a key", "rain"]
        let vectors = try golden.tensor("activations").rows(0..<4)
        let recipe = Recipe(layer: 1)
        let verbalizer = try Verbalizer.fresh(from: golden.target, recipe, precision: .float32)
        let reconstructor = try Reconstructor.fresh(from: golden.target, recipe, precision: .float32)
        verbalizer.makeTrainable(precision: .float32)
        reconstructor.makeTrainable(precision: .float32)
        var (one, two) = (AdamW(), AdamW())
        var losses: [(Double, Double)] = []
        for _ in 0..<12 {
            let tape = Tape(precision: .float32)
            let ids = texts.map {
                verbalizer.tokenizer.encode("<explanation>\($0)</explanation>", addSpecialTokens: false)
            }
            let batch = try verbalizer.batch(vectors, ids.enumerated().map { .init(activation: $0, ids: $1) })
            let logProbabilities = verbalizer.responseLogProbabilities(batch, tape: tape)
            let share = Float(batch.tokenCount)
            tape.backward(
                from: logProbabilities,
                gradient: Tensor([Float](repeating: -1 / share, count: batch.tokenCount), shape: [batch.tokenCount]))
            one.update(verbalizer.parameters, learningRate: 3e-3)

            let second = Tape(precision: .float32)
            let prediction = reconstructor.forward(texts.map(reconstructor.ids), tape: second)
            let errors = second.normalizedMeanSquaredError(prediction, truth: vectors)
            second.backward(from: errors, gradient: Tensor([Float](repeating: 0.25, count: 4), shape: [4]))
            two.update(reconstructor.parameters, learningRate: 3e-3)
            losses.append(
                (
                    -logProbabilities.value.floats().reduce(0) { $0 + Double($1) } / Double(share),
                    errors.value.floats().reduce(0) { $0 + Double($1) } / 4
                ))
        }
        #expect(losses[11].0 < 0.7 * losses[0].0 && losses[11].1 < 0.7 * losses[0].1, "\(losses)")
        try reconstructor.write(to: scratch.path("ar"), type: .float32)
        let read = try Reconstructor(folder: scratch.path("ar"), precision: .float32)
        #expect(try read.reconstruct(texts).relativeError(to: reconstructor.reconstruct(texts)) < 1e-6)
    }

    @Test("Prompts that share a beginning are reconstructed as each alone, equal ones too")
    func sharing() throws {
        let reconstructor = try Reconstructor(folder: golden.ar, precision: .float32)
        let texts = ["the river", "the river", "the", "", "the river and the mill"]
        let together = try reconstructor.reconstruct(texts)
        let split = try reconstructor.reconstruct(texts, rowsPerPass: 1)
        #expect(together.relativeError(to: split) < 1e-5)
        #expect(try reconstructor.reconstruct([]).rows == 0)
    }

    @Test("Adapters alone learn when there are any")
    func adapters() throws {
        let verbalizer = try Verbalizer.fresh(from: golden.target, Recipe(layer: 1), precision: .float32)
        try verbalizer.decoder.attachAdapters(LoRAConfiguration(rank: 2, alpha: 4), seed: 1, precision: .float32)
        verbalizer.makeTrainable(precision: .float32)
        #expect(verbalizer.decoder.parameters.allSatisfy { !$0.isTrainable })
        #expect(verbalizer.decoder.adapterParameters.allSatisfy { $0.isTrainable })
    }
}
