import Autoencoder
import Foundation
import JSON
import LanguageModel
import Tensors
import TestSupport
import Testing
import Tokenization

/// Pairs as other programs leave them, against PyTorch and PEFT (make_published.py).
@Suite("Published pairs")
struct PublishedPairTests {
    private let golden: GoldenPair
    private let folder = goldens.appending(path: "published")
    private let expected: JSONValue

    init() throws {
        golden = try GoldenPair("qwen2")
        expected = try JSONValue.parse(Data(contentsOf: folder.appending(path: "expected.json")))
    }

    private func numbers(_ json: JSONValue?) -> [Float] {
        json?.array?.flatMap { $0.double.map { [Float($0)] } ?? numbers($0) } ?? []
    }

    private var vectors: Tensor { get throws { try golden.tensor("activations").rows(0..<4) } }

    /// log P of the goldens' response for each of the vectors.
    private func logProbabilities(_ verbalizer: Verbalizer) throws -> [Float] {
        let ids = expected["response"]?.array?.compactMap { $0.int.map(Int32.init) } ?? []
        let batch = try verbalizer.batch(vectors, (0..<4).map { .init(activation: $0, ids: ids) })
        return verbalizer.responseLogProbabilities(batch, tape: Tape(recording: false)).value.floats()
    }

    private func distance(_ one: [Float], _ other: [Float]) -> Float {
        one.count == other.count && !one.isEmpty ? zip(one, other).map { abs($0 - $1) }.max() ?? .infinity : .infinity
    }

    /// A copy of one half with its sidecar edited.
    private func edited(_ half: URL, _ scratch: Scratch, _ edits: [(String, String)]) throws -> URL {
        let copy = try scratch.copy(half)
        for (old, new) in edits { try edit(copy.appending(path: Sidecar.fileName), old, new) }
        return copy
    }

    // MARK: Sidecars

    private static let layerOnTop = ("\n  layer_index: 2", "")
    private static let noCritic = ("\ncritic:\n  extraction_layer_index: 2", "")

    @Test(
        "A verbalizer's sidecar opens in every form that release scripts leave",
        arguments: [
            // What is added at the top, and what is said of it.
            ("extraction_layer_index: 2\n", "layer 2, from extraction_layer_index"),
            ("extraction_layer_index: 2\nstage: rl\ncreated_by: z\nparent_checkpoints: []\n", "extraction_layer_index"),
            ("layer_index: 2\n", "layer 2, from layer_index"),
            ("critic: {extraction_layer_index: 2}\n", "layer 2, from critic.extraction_layer_index"),
            ("critic: {num_hidden_layers: 2}\n", "layer 2, from critic.num_hidden_layers"),
            ("ar: {num_hidden_layers: 2, extraction_layer_index: 2}\n", "layer 2, from ar.extraction_layer_index"),
        ])
    func layerPlaces(top: String, says: String) throws {
        let scratch = try Scratch()
        let av = try edited(
            golden.av, scratch, [Self.layerOnTop, Self.noCritic, ("kind: nla_model\n", "kind: nla_model\n" + top)])
        let sidecar = try Sidecar(folder: av)
        #expect(sidecar.layer == 2 && sidecar.inferences.joined().contains(says), "\(sidecar.inferences)")
        var plain = sidecar
        plain.inferences = []
        #expect(try plain == Sidecar(folder: golden.av))
        #expect(try Verbalizer(folder: av).sidecar.injectionScale == .norm(6))
    }

    @Test("A released pair whose files name the layer at the top alone opens, and says where it was found")
    func released() throws {
        let scratch = try Scratch()
        _ = try edited(
            golden.av, scratch,
            [
                Self.layerOnTop, Self.noCritic, ("kind: nla_model\n", "kind: nla_model\nextraction_layer_index: 2\n"),
                ("  critic_suffix_ids:\n  - 288\n  - 34\n  - 273\n  - 332\n  - 34", "  critic_suffix_ids: null"),
            ])
        _ = try edited(
            golden.ar, scratch,
            [
                Self.layerOnTop,
                ("\nar:\n  num_hidden_layers: 2", "\nextraction_layer_index: 2\ncritic:\n  extraction_layer_index: 2"),
            ])
        let pair = try Pair(folder: scratch.url, precision: .float32)
        #expect(
            pair.inferences == [
                "verbalizer: layer 2, from extraction_layer_index",
                "reconstructor: layer 2, from extraction_layer_index",
            ])
        let explained = try pair.verbalizer.explain(golden.tensor("activations"), .init(maximumTokens: 32))
        #expect(explained.map { $0[0].ids } == golden.ids)
        #expect(try pair.reconstructor.reconstruct(golden.texts).relativeError(to: golden.tensor("vectors")) < 1e-5)
    }

    @Test("What a sidecar by hand leaves out is taken from its folder and its other half, and said")
    func byHand() throws {
        let scratch = try Scratch()
        let av = try edited(
            golden.av, scratch,
            [Self.layerOnTop, Self.noCritic, ("kind: nla_model\nschema_version: 2\nrole: av\n", "")])
        let ar = try edited(
            golden.ar, scratch,
            [
                Self.layerOnTop, ("\nar:\n  num_hidden_layers: 2", ""),
                ("kind: nla_model\nschema_version: 2\nrole: critic\n", ""),
            ])
        let pair = try Pair(verbalizer: av, reconstructor: ar, precision: .float32)
        #expect(
            pair.inferences == [
                "verbalizer: role av, from the folder's files", "verbalizer: layer 2, from the reconstructor",
                "reconstructor: role ar, from the folder's files",
                "reconstructor: layer 2, from the 3 blocks of config.json",
            ])
        #expect(pair.verbalizer.sidecar.layer == 2 && pair.reconstructor.sidecar.role == .reconstructor)
        // Alone nothing says the layer, but an option may.
        let said = try #require(message { _ = try Verbalizer(folder: av) })
        #expect(said.contains("layer_index: missing") && said.contains("--layer"), "\(said)")
        #expect(try Verbalizer(folder: av, SidecarSupplement(layer: 2)).sidecar.layer == 2)
        #expect(
            message { _ = try Verbalizer(folder: golden.av, SidecarSupplement(layer: 1)) }?
                .contains("2 contradicts --layer 1") == true)
    }

    @Test("A template that is a list of messages is rendered as these messages, and written as them")
    func messages() throws {
        let scratch = try Scratch()
        let template =
            "av: Say what this vector means. <concept>{injection_char}</concept> Answer inside\n    explanation tags."
        let list = """
            av:
              - {role: system, content: "Be brief. {{json}}"}
              - {role: user, content: "<concept>{injection_char}</concept>"}
            """
        let av = try edited(golden.av, scratch, [(template, list)])
        let verbalizer = try Verbalizer(folder: av)
        #expect(verbalizer.prompt.ids == expected["messages"]?.array?.compactMap { $0.int.map(Int32.init) })
        #expect(try Sidecar(yaml: verbalizer.sidecar.yaml, source: "again") == verbalizer.sidecar)
        let said = message {
            _ = try Sidecar(
                yaml: fullSidecar.yaml.replacingOccurrences(of: "  ar: ", with: "  ar: [a]\n  b: "), source: "s")
        }
        #expect(said?.contains("prompt_templates.ar") == true)
    }

    @Test("Doubled braces of a template for str.format are single ones; other templates keep their braces")
    func braces() throws {
        let scratch = try Scratch()
        let ar = try edited(golden.ar, scratch, [("Summary of the following text:", "Return {{json}}:")])
        let reader = try Reconstructor(folder: ar, precision: .float32)
        let wanted = Tensor(numbers(expected["braces"]), shape: [golden.texts.count, 32])
        #expect(try reader.reconstruct(golden.texts).relativeError(to: wanted) < 1e-5)
        // str.format refuses these two, so their authors replaced the field alone.
        for other in ["Return {json}: {{x}}", "a } b"] {
            let text = try String(contentsOf: ar.appending(path: Sidecar.fileName), encoding: .utf8)
            let changed = text.replacingOccurrences(of: "Return {{json}}:", with: other)
            let sidecar = try Sidecar(yaml: changed, source: "s")
            let again = try Reconstructor(
                Checkpoint(folder: ar), sidecar, Tokenizer(folder: ar), head: .identity(32), precision: .float32)
            #expect(again.ids(of: "x") == again.tokenizer.encode("\(other) <text>x</text> <summary>"))
        }
    }

    // MARK: Injection

    @Test(
        "Lengths are numbers, texts of numbers, raw, none, null or the root of the width",
        arguments: [
            ("injection_scale: raw", "raw"), ("injection_scale: none", "raw"), ("injection_scale: null", "raw"),
            ("injection_scale: sqrt_d_model", "sqrt_d_model"), ("injection_scale: '5.656854249492381'", "sqrt_d_model"),
        ])
    func lengths(line: String, golden name: String) throws {
        let scratch = try Scratch()
        let av = try edited(golden.av, scratch, [("injection_scale: 6.0", line)])
        let computed = try logProbabilities(Verbalizer(folder: av, precision: .float32))
        #expect(distance(computed, numbers(expected[name])) < 2e-4)
        let other = name == "raw" ? "sqrt_d_model" : "raw"
        #expect(distance(computed, numbers(expected[other])) > 0.01)
    }

    @Test("Without a length a replacing verbalizer is refused, naming the option, which settles it")
    func absentLength() throws {
        let scratch = try Scratch()
        let av = try edited(golden.av, scratch, [("\n  injection_scale: 6.0", "")])
        let said = try #require(message { _ = try Verbalizer(folder: av) })
        #expect(said.contains("injection_scale: missing") && said.contains("--injection-scale"), "\(said)")
        let supplement = SidecarSupplement(injectionScale: Sidecar.Scale("raw"))
        let raw = try Verbalizer(folder: av, precision: .float32, supplement)
        #expect(distance(try logProbabilities(raw), numbers(expected["raw"])) < 2e-4)
        // An addition takes the length that it finds; without mse_scale it is √d.
        let added = SidecarSupplement(injection: InjectionPlace("norm-matched"))
        #expect(try Verbalizer(folder: av, added).injection == Injection(.normMatchedAdd, norm: nil))
        let text = fullSidecar.yaml.replacingOccurrences(of: "  mse_scale: sqrt_d_model\n", with: "")
        #expect(try Sidecar(yaml: text, source: "s").lossScale == .rootOfWidth)
    }

    @Test(
        "A norm-matched vector is added to the output of the block asked for, of block 1 by default", arguments: 0..<3)
    func blocks(block: Int) throws {
        let wanted = try #require(expected["norm_matched"]?.array?[block])
        let asked = SidecarSupplement(injection: InjectionPlace(block == 1 ? "norm-matched" : "norm-matched@\(block)"))
        let verbalizer = try Verbalizer(folder: golden.av, precision: .float32, asked)
        #expect(distance(try logProbabilities(verbalizer), numbers(wanted)) < 2e-4)
        // Our own sidecars name the block.
        #expect(verbalizer.sidecar.yaml.contains("injection_block: \(block)"))
        #expect(try Sidecar(yaml: verbalizer.sidecar.yaml, source: "s") == verbalizer.sidecar)
        // Samples see the vector where training puts it.
        let sample = try verbalizer.explain(vectors, .init(maximumTokens: 4))[2][0]
        let batch = try verbalizer.batch(vectors, [.init(activation: 2, ids: sample.ids)])
        let trained = verbalizer.responseLogProbabilities(batch, tape: Tape(recording: false)).value.floats()
        #expect(distance(trained, sample.logProbabilities) < 2e-4)
    }

    @Test("A block behind which there is none is refused, and options that say nothing known are no places")
    func wrongBlocks() throws {
        let last = SidecarSupplement(injection: InjectionPlace("norm-matched@3"))
        #expect(message { _ = try Verbalizer(folder: golden.av, last) }?.contains("blocks 0...3") == true)
        for text in ["norm-matched@", "norm-matched@-1", "norm-matched@x", "replace@1", "add", "", "@1"] {
            #expect(InjectionPlace(text) == nil, "\(text)")
        }
        for text in ["", "0", "-1", "nan", "inf", "large", "1e40"] { #expect(Sidecar.Scale(text) == nil, "\(text)") }
        #expect(InjectionPlace("norm_matched_add@2") == InjectionPlace(.normMatchedAdd, block: 2))
        for place in ["replace", "norm_matched_add", "norm_matched_add@0", "norm_matched_add@7"] {
            #expect(InjectionPlace(place)?.description == place)
        }
        #expect(Sidecar.Scale("1.5e2") == .norm(150) && Sidecar.Scale("RAW") == .untouched)
    }

    // MARK: Heads

    @Test("The bias of a value head is added, learns, and is written")
    func bias() throws {
        let scratch = try Scratch()
        let ar = try scratch.copy(golden.ar), head = ar.appending(path: "value_head.safetensors")
        try FileManager.default.removeItem(at: head)
        try FileManager.default.copyItem(at: folder.appending(path: "head.safetensors"), to: head)
        let reader = try Reconstructor(folder: ar, precision: .float32)
        let wanted = Tensor(numbers(expected["biased"]), shape: [golden.texts.count, 32])
        #expect(try reader.reconstruct(golden.texts).relativeError(to: wanted) < 1e-5)
        #expect(try reader.reconstruct(golden.texts).relativeError(to: golden.tensor("vectors")) > 0.01)
        reader.makeTrainable(precision: .float32)
        #expect(reader.parameters.contains { $0.name == "value_head.bias" && $0.isTrainable })
        try reader.write(to: scratch.path("again"), type: .float32)
        let again = try Reconstructor(folder: scratch.path("again"), precision: .float32)
        #expect(try again.reconstruct(golden.texts).relativeError(to: wanted) < 1e-5)
    }

    @Test(
        "A head of any floating-point type is read: its numbers rounded, computed with as PyTorch does in float32",
        arguments: ["F64", "F32", "BF16", "F16"])
    func headTypes(type: String) throws {
        let scratch = try Scratch()
        let ar = try scratch.copy(golden.ar), head = ar.appending(path: "value_head.safetensors")
        let weight = try SafetensorsFile(golden.ar.appending(path: "value_head.safetensors")).requiredTensor("weight")
        if let type = ElementType(rawValue: type) {
            try SafetensorsFile.write([("weight", weight.converted(to: type))], to: head)
        } else {
            let header = Data(
                #"{"weight":{"dtype":"F64","shape":[32,32],"data_offsets":[0,8192]}}"#.utf8)
            var bytes = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) } + header
            for value in weight.floats() {
                withUnsafeBytes(of: Double(value).bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
            }
            try bytes.write(to: head)
        }
        let reader = try Reconstructor(folder: ar, precision: .float32)
        let error = try reader.reconstruct(golden.texts).relativeError(to: golden.tensor("vectors"))
        #expect(error < (type.hasPrefix("F6") || type == "F32" ? 1e-5 : type == "F16" ? 2e-3 : 1e-2), "\(error)")
    }

    @Test("A head in another format is said to be one, and is none of a verbalizer's")
    func foreignHead() throws {
        let scratch = try Scratch()
        let ar = try edited(golden.ar, scratch, [("kind: nla_model\nschema_version: 2\nrole: critic\n", "")])
        let head = ar.appending(path: "value_head.safetensors")
        try FileManager.default.moveItem(at: head, to: ar.appending(path: "value_head.pt"))
        let said = try #require(message { _ = try Reconstructor(folder: ar) })
        #expect(said.contains("value_head.pt") && said.contains("save_file"), "\(said)")
        #expect(message { _ = try Verbalizer(folder: ar) }?.contains("reconstructor (role ar)") == true)
    }

    @Test("A head under a module's name is read; one with more in it, or of another shape, is refused by name")
    func heads() throws {
        let scratch = try Scratch()
        let ar = try scratch.copy(golden.ar), head = ar.appending(path: "value_head.safetensors")
        let weight = try SafetensorsFile(golden.ar.appending(path: "value_head.safetensors")).requiredTensor("weight")
            .copy()
        func said(_ tensors: [(String, Tensor)]) throws -> String? {
            try SafetensorsFile.write(tensors.map { (name: $0.0, tensor: $0.1) }, to: head)
            return message { _ = try Reconstructor(folder: ar) }
        }
        #expect(try said([("value_head.weight", weight)]) == nil)
        #expect(try said([("weight", weight), ("scale", Tensor(zeros: [1]))])?.contains("holds scale") == true)
        #expect(try said([("weight", weight), ("bias", Tensor(zeros: [3]))])?.contains("bias is") == true)
        #expect(try said([("0.weight", weight), ("2.weight", weight)])?.contains("two heads") == true)
        #expect(try said([("bias", Tensor(zeros: [32]))])?.contains("no tensor weight") == true)
    }

    // MARK: Adapters

    /// A pair of PEFT folders over the golden target, without the target.
    private func adapters(_ scratch: Scratch) throws -> (av: URL, ar: URL) {
        for (name, half) in [("av", golden.av), ("ar", golden.ar)] {
            let copy = try scratch.copy(folder.appending(path: name))
            for file in ["nla_meta.yaml", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"]
                + (name == "ar" ? ["value_head.safetensors"] : [])
            {
                try FileManager.default.copyItem(at: half.appending(path: file), to: copy.appending(path: file))
            }
        }
        return (scratch.path("av"), scratch.path("ar"))
    }

    private func check(_ pair: Pair) throws {
        let computed = try logProbabilities(pair.verbalizer)
        #expect(distance(computed, numbers(expected["peft"]?["logprobs"])) < 2e-4)
        let ids = expected["peft"]?["ids"]?.array?.map { $0.array?.compactMap { $0.int.map(Int32.init) } ?? [] }
        #expect(try pair.verbalizer.explain(vectors, .init(maximumTokens: 12)).map { $0[0].ids } == ids)
        let wanted = Tensor(numbers(expected["peft"]?["vectors"]), shape: [golden.texts.count, 32])
        #expect(try pair.reconstructor.reconstruct(golden.texts).relativeError(to: wanted) < 1e-5)
    }

    @Test("PEFT folders are a verbalizer and a reconstructor over the base that an option names")
    func peft() throws {
        let scratch = try Scratch()
        let (av, ar) = try adapters(scratch)
        let base = SidecarSupplement(base: golden.target)
        try check(Pair(verbalizer: av, reconstructor: ar, precision: .float32, base))
        // The verbalizer's own tokenizer may be missing: the base's is taken.
        try FileManager.default.removeItem(at: av.appending(path: "tokenizer.json"))
        try FileManager.default.removeItem(at: ar.appending(path: "tokenizer.json"))
        try check(Pair(folder: scratch.url, precision: .float32, base))
    }

    @Test("The base of a PEFT folder is the one that it names, or the target beside it, and that is said")
    func base() throws {
        let scratch = try Scratch()
        let (av, _) = try adapters(scratch)
        let said = try #require(message { _ = try Verbalizer(folder: av) })
        #expect(said.contains("PEFT adapter") && said.contains("target") && said.contains("--base"), "\(said)")
        _ = try scratch.copy(golden.target)
        let pair = try Pair(folder: scratch.url, precision: .float32)
        #expect(pair.inferences.filter { $0.hasSuffix("from base_model_name_or_path") }.count == 2)
        try check(pair)
        for half in ["av", "ar"] {
            try edit(
                scratch.path(half).appending(path: "adapter_config.json"), "\"target\"", "\"/nowhere/at/all\"")
        }
        let beside = try Pair(folder: scratch.url, precision: .float32)
        #expect(beside.inferences.filter { $0.hasSuffix("from the folder beside it") }.count == 2)
    }

    @Test("What is written of a PEFT pair is whole, and computes the same")
    func merged() throws {
        let scratch = try Scratch(), written = try Scratch()
        let (av, ar) = try adapters(scratch)
        let pair = try Pair(
            verbalizer: av, reconstructor: ar, precision: .float32, SidecarSupplement(base: golden.target))
        try pair.verbalizer.write(to: written.path("av"), type: .float32)
        try pair.reconstructor.write(to: written.path("ar"), type: .float32)
        try check(Pair(folder: written.url, precision: .float32))
    }

    @Test("The content hash of a PEFT half is not its base's, and changes with its adapter")
    func hash() throws {
        let scratch = try Scratch()
        let (av, ar) = try adapters(scratch)
        // What its users hash is the half as it was opened, wherever its base lies.
        let base = SidecarSupplement(base: golden.target)
        let pair = try Pair(verbalizer: av, reconstructor: ar, precision: .float32, base)
        let opened = try (TargetHash.compute(pair.verbalizer), TargetHash.compute(pair.reconstructor))
        _ = try scratch.copy(golden.target)
        #expect(try opened == (TargetHash.compute(autoencoder: av), TargetHash.compute(autoencoder: ar)))
        #expect(try !Set([opened.0, opened.1]).contains(TargetHash.compute(autoencoder: golden.target)))
        let before = try TargetHash.compute(autoencoder: av)
        try edit(av.appending(path: "adapter_config.json"), "\"lora_alpha\": 6", "\"lora_alpha\": 7")
        #expect(try TargetHash.compute(autoencoder: av) != before)
    }

    @Test("A PEFT folder is a target where an adapter is allowed, and reads what its model thinks")
    func target() throws {
        let scratch = try Scratch()
        let (av, _) = try adapters(scratch)
        _ = try scratch.copy(golden.target)
        let pair = try Pair(folder: golden.folder, precision: .float32)
        let adapted = try pair.openTarget(av, allowsAdapter: true)
        #expect(adapted.adapter == av)
        let decoder = try TransformerDecoder(Checkpoint(folder: golden.target))
        try decoder.attachAdapters(from: av)
        let ids = adapted.tokenizer.encode("The dog found a key.")
        let read = try adapted.activations(ids, positions: [-1], precision: .float32)
        let plain = try pair.openTarget(golden.target).activations(ids, positions: [-1], precision: .float32)
        let extractor = ActivationExtractor(try Checkpoint(folder: golden.target), decoder, precision: .float32)
        let wanted = try #require(try extractor.extract([ids], .init(layers: [2], positions: [-1])).hidden[2])
        #expect(read.relativeError(to: wanted) < 1e-6 && read.relativeError(to: plain) > 0.01)
        #expect(message { _ = try pair.openTarget(av) }?.contains("merge") == true)
    }

    @Test("An adapter over a target is the adapter's own folder with that base, and has a hash of its own")
    func adaptedTarget() throws {
        let scratch = try Scratch()
        let (av, ar) = try adapters(scratch)
        let pair = try Pair(folder: golden.folder, precision: .float32)
        let over = try pair.openTarget(golden.target, adapter: av, allowsAdapter: true)
        let alone = try pair.openTarget(av, base: golden.target, allowsAdapter: true)
        let ids = over.tokenizer.encode("The dog found a key.")
        func read(_ target: Target) throws -> Tensor {
            try target.activations(ids, positions: [-1], precision: .float32)
        }
        #expect(try read(over).floats() == read(alone).floats())
        #expect(try read(over).relativeError(to: read(pair.openTarget(golden.target))) > 0.01)
        #expect(message { _ = try pair.openTarget(av, base: golden.target, adapter: ar, allowsAdapter: true) } != nil)
        // Adapter, settings and base: each makes another model.
        let base = try TargetHash.compute(Checkpoint(folder: golden.target)), hash = try TargetHash.compute(over.source)
        #expect(try hash == TargetHash.compute(alone.source) && hash != base)
        #expect(try hash != TargetHash.compute(ModelSource(folder: golden.target, adapter: ar)))
        #expect(try TargetHash.compute(ModelSource(folder: golden.target)) == base)
        try edit(av.appending(path: "adapter_config.json"), "\"target\"", "\"elsewhere\"")
        #expect(try TargetHash.compute(ModelSource(folder: golden.target, adapter: av)) == hash)
        try edit(av.appending(path: "adapter_config.json"), "\"lora_alpha\": 6", "\"lora_alpha\": 7")
        #expect(try TargetHash.compute(ModelSource(folder: golden.target, adapter: av)) != hash)
    }

    @Test("A fresh pair of an adapted target begins with the adapter in its weights, and learns whole")
    func fresh() throws {
        let scratch = try Scratch()
        let (av, _) = try adapters(scratch)
        _ = try scratch.copy(golden.target)
        let recipe = Recipe(layer: 2)
        let reader = try Reconstructor.fresh(from: av, recipe, precision: .float32)
        let source = try ModelSource(folder: av), ids = reader.ids(of: "The dog.")
        let wanted = try ActivationExtractor(source.checkpoint, source.decoder(), precision: .float32)
            .extract([ids], .init(layers: [2], positions: [-1])).hidden[2]
        #expect(try reader.reconstruct(["The dog."]).relativeError(to: #require(wanted)) < 1e-5)
        #expect(reader.decoder.adapterParameters.isEmpty)
        try reader.write(to: scratch.path("fresh"), type: .float32)
        let again = try Reconstructor(folder: scratch.path("fresh"), precision: .float32)
        #expect(try again.reconstruct(["The dog."]).relativeError(to: #require(wanted)) < 1e-5)
        #expect(try Verbalizer.fresh(from: av, recipe, precision: .float32).decoder.adapterParameters.isEmpty)
    }

    @Test("A folder with a whole model and an adapter is refused")
    func both() throws {
        let scratch = try Scratch()
        let (av, _) = try adapters(scratch)
        for name in ["config.json", "model.safetensors"] {
            try FileManager.default.copyItem(at: golden.av.appending(path: name), to: av.appending(path: name))
        }
        #expect(message { _ = try Verbalizer(folder: av) }?.contains("a whole model and an adapter") == true)
    }
}
