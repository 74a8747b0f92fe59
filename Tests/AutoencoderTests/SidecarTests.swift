import Autoencoder
import Foundation
import Tensors
import TestSupport
import Testing
import Tokenization

@Suite("Sidecars")
struct SidecarTests {
    @Test("Older and newer field names say the same")
    func names() throws {
        let pair = try GoldenPair("qwen2")
        let av = try Sidecar(folder: pair.av), ar = try Sidecar(folder: pair.ar)
        #expect(av.role == .verbalizer && ar.role == .reconstructor)
        #expect(av.width == 32 && ar.width == 32 && av.layer == 2 && ar.layer == 2)
        #expect(av.marker == ar.marker && av.marker?.text == "㈎")
        #expect(av.verbalizerTemplate == ar.verbalizerTemplate && av.reconstructorTemplate == ar.reconstructorTemplate)
        #expect(av.injectionScale == .norm(6) && ar.injectionScale == .untouched)
        #expect(av.lossScale == .rootOfWidth && av.injection == .replace)
        #expect(av.reconstructorSuffix.count == 5)
    }

    @Test("A pair says the same when its halves exchange the older and the newer field names")
    func exchangedNames() throws {
        let scratch = try Scratch()
        let golden = try GoldenPair("qwen2")
        let older = try scratch.copy(golden.av).appending(path: Sidecar.fileName)
        try edit(older, "role: av\nd_model: 32\nextraction:", "role: actor\nextraction:\n  d_model: 32")
        try edit(older, "  av: Say", "  actor: Say")
        try edit(older, "  ar: 'Summary", "  critic: 'Summary")
        try edit(older, "\ncritic:\n  extraction_layer_index: 2", "\nar:\n  num_hidden_layers: 2")
        let newer = try scratch.copy(golden.ar).appending(path: Sidecar.fileName)
        try edit(newer, "role: critic\nextraction:\n  d_model: 32", "role: ar\nd_model: 32\nextraction:")
        try edit(newer, "  actor: Say", "  av: Say")
        try edit(newer, "  critic: 'Summary", "  ar: 'Summary")
        try edit(newer, "\nar:\n  num_hidden_layers: 2", "\ncritic:\n  extraction_layer_index: 2")

        let pair = try Pair(folder: scratch.url, precision: .float32)
        let original = try Pair(folder: golden.folder, precision: .float32)
        #expect(pair.verbalizer.sidecar == original.verbalizer.sidecar)
        #expect(pair.reconstructor.sidecar == original.reconstructor.sidecar)
        let vectors = try golden.tensor("activations")
        let explained = try pair.verbalizer.explain(vectors, .init(maximumTokens: 32)).map { $0[0].text }
        #expect(explained == golden.explanations)
        #expect(try original.verbalizer.explain(vectors, .init(maximumTokens: 32)).map { $0[0].text } == explained)
        let rebuilt = try pair.reconstructor.reconstruct(golden.texts)
        #expect(try rebuilt.relativeError(to: original.reconstructor.reconstruct(golden.texts)) == 0)
    }

    @Test("What is written is read back, and written again to the byte")
    func roundTrip() throws {
        let again = try Sidecar(yaml: fullSidecar.yaml, source: "test")
        #expect(again == fullSidecar)
        #expect(again.yaml == fullSidecar.yaml)
        var reader = fullSidecar
        reader.role = .reconstructor
        reader.marker = nil
        reader.injectionScale = .untouched
        #expect(try Sidecar(yaml: reader.yaml, source: "test") == reader)
    }

    @Test("A data set's sidecar stands beside its file, and vectors are read with it or not at all")
    func dataSets() throws {
        let scratch = try Scratch()
        let file = scratch.path("v.safetensors"), beside = scratch.path("v.safetensors.nla_meta.yaml")
        let own = Sidecar.dataSet(width: 3, layer: 2, target: .init(hash: "aa"))
        let vectors = Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3])
        func write(_ sidecar: Sidecar) throws {
            try Sidecar.write(sidecar, beside: file) {
                try SafetensorsFile.write([("activations", vectors)], to: file)
            }
        }
        try write(own)
        #expect(try Sidecar.read(beside: file) == own && FileManager.default.fileExists(atPath: beside.path))
        #expect(try VectorFile.read(file, for: .dataSet(width: 3, layer: 2)).floats() == vectors.floats())
        func refused(_ reader: Sidecar) -> String? { message { _ = try VectorFile.read(file, for: reader) } }
        #expect(
            refused(.dataSet(width: 3, layer: 1))?.contains(
                "at the output of block 2, this autoencoder is about block 1") == true
        )
        #expect(refused(.dataSet(width: 3, layer: 2, target: .init(hash: "bb")))?.contains("model aa") == true)
        try write(.dataSet(width: 4, layer: 2))
        #expect(refused(.dataSet(width: 3, layer: 2))?.contains("of 4 numbers") == true)
        try edit(beside, "nla_dataset", "nla_model\nrole: ar")
        #expect(refused(.dataSet(width: 3, layer: 2))?.contains("v.safetensors.nla_meta.yaml") == true)
        // Another file of this name takes the sidecar of the one before away.
        try VectorFile.write(vectors, to: file)
        #expect(!FileManager.default.fileExists(atPath: beside.path) && refused(.dataSet(width: 3, layer: 9)) == nil)
    }

    @Test("Unknown keys are left alone, and d_model may stand under extraction")
    func unknown() throws {
        let text = fullSidecar.yaml.replacingOccurrences(
            of: "d_model: 32\nextraction:", with: "extraction:\n  d_model: 32")
        let read = try Sidecar(yaml: text + "wandb: {run: [1, 2]}\ntraining_step: 900\n", source: "test")
        #expect(read == fullSidecar)
    }

    @Test(
        "What cannot be used is refused in one line that says what was found",
        arguments: [
            ("schema_version: 2", "schema_version: 1", "schema_version: 1 found"),
            ("schema_version: 2", "schema_version: 3", "schema_version: 3 found"),
            ("role: av", "role: judge", "judge"),
            ("kind: nla_model", "kind: nla_poem", "nla_poem"),
            ("d_model: 32", "d_model: many", "d_model"),
            ("d_model: 32", "d_model: -3", "d_model"),
            ("layer_index: 2", "layer_index: 2.5", "layer_index"),
            ("  layer_index: 2\n", "", "layer_index: missing"),
            ("injection_scale: 150.5", "injection_scale: .nan", "injection_scale"),
            ("injection_scale: 150.5", "injection_scale: 0", "injection_scale"),
            ("injection_scale: 150.5", "injection_scale: large", "large"),
            ("norm_matched_add", "shout", "shout"),
            ("  injection_token_id: 5\n", "", "injection_token_id: missing"),
            ("  injection_left_neighbor_id: 6\n", "", "injection_left_neighbor_id: missing"),
            ("[1, 2, 3]", "[1, x, 3]", "critic_suffix_ids"),
            ("[1, 2, 3]", "seven", "critic_suffix_ids"),
            ("prompt_templates:", "prompt_templatez:", "prompt_templates.av: missing"),
            ("raw: 0.731", "raw: -1.0", "variance.raw"),
            ("role: av", "role: av\nrole: ar", "twice"),
            ("role: av", "role: [av", "line"),
        ])
    func damage(old: String, new: String, mention: String) throws {
        let text = fullSidecar.yaml.replacingOccurrences(of: old, with: new)
        #expect(text != fullSidecar.yaml)
        let said = try #require(message { _ = try Sidecar(yaml: text, source: "SOURCE") })
        #expect(said.contains(mention) && said.hasPrefix("SOURCE: ") && !said.contains("\n"), "\(said)")
    }

    @Test("Layers that contradict each other are refused")
    func contradiction() throws {
        let said = message {
            _ = try Sidecar(yaml: fullSidecar.yaml + "critic: {extraction_layer_index: 3}\n", source: "s")
        }
        #expect(
            said?.contains("critic.extraction_layer_index: 3 contradicts extraction.layer_index, which is 2") == true)
    }

    @Test(
        "Two places that say different things are refused, and two that say the same are one",
        arguments: [
            (
                "d_model: 32\n", "d_model: 32\nextraction_d: 1\ninjection_scale: 7\n",
                "injection_scale: contradicts extraction.injection_scale"
            ),
            ("  layer_index: 2\n", "  layer_index: 2\n  d_model: 33\n", "extraction.d_model: contradicts d_model"),
            ("d_model: 32\n", "d_model: 32\nmse_scale: 1\n", "mse_scale: contradicts"),
            (
                "prompt_templates:\n", "prompt_templates:\n  actor: other {injection_char}\n",
                "prompt_templates.actor: contradicts"
            ),
            (
                "prompt_templates:\n", "prompt_templates:\n  critic: other {explanation}\n",
                "prompt_templates.critic: contradicts"
            ),
            ("d_model: 32\n", "d_model: 32\ninjection: replace\n", "injection: contradicts extraction.injection"),
        ])
    func contradictions(old: String, new: String, mention: String) throws {
        let text = fullSidecar.yaml.replacingOccurrences(of: old, with: new)
        let said = try #require(message { _ = try Sidecar(yaml: text, source: "s") })
        #expect(said.contains(mention) && !said.contains("\n"), "\(said)")
    }

    @Test("Numbers may be written with a point, in quotes, or twice")
    func spellings() throws {
        var text = fullSidecar.yaml
        for (old, new) in [
            ("d_model: 32\n", "d_model: '32'\ninjection_scale: '150.50'\nextraction_layer_index: 2.0\n"),
            ("  layer_index: 2\n", "  layer_index: \"2\"\n  d_model: 32.0\n"),
            ("schema_version: 2", "schema_version: 2.0"), ("injection_block: 1", "injection_block: 1.0"),
        ] {
            #expect(text.contains(old), "\(old)")
            text = text.replacingOccurrences(of: old, with: new)
        }
        #expect(try Sidecar(yaml: text, source: "s") == fullSidecar)
    }

    @Test(
        "What others may have called the injection is refused by name, unless an option says how the vector enters",
        arguments: [
            (
                "  injection: norm_matched_add\n  injection_block: 1\n", "  injection_mode: add\n",
                "extraction.injection_mode"
            ),
            ("d_model: 32\n", "d_model: 32\ninjection_layer: 1\n", "injection_layer"),
            ("  injection: norm_matched_add\n", "", "injection_block"),
            ("norm_matched_add", "[norm_matched_add]", "extraction.injection"),
        ])
    func unknownInjection(old: String, new: String, mention: String) throws {
        let text = fullSidecar.yaml.replacingOccurrences(of: old, with: new)
        #expect(text != fullSidecar.yaml)
        let said = try #require(message { _ = try Sidecar(yaml: text, source: "s") })
        #expect(said.contains(mention), "\(said)")
        guard !mention.hasSuffix("extraction.injection") else { return }
        let asked = SidecarSupplement(injection: InjectionPlace("norm-matched@1"))
        #expect(try Sidecar(yaml: text, source: "s", asked).injection == .normMatchedAdd)
    }

    @Test("Random damage gives a sidecar or one line, never a crash")
    func fuzz() throws {
        let bytes = Array(fullSidecar.yaml.utf8)
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            var copy = bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let index = Int.random(in: copy.indices, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: copy[index] = UInt8.random(in: 0...255, using: &random)
                case 1: copy.remove(at: index)
                default: copy.insert(contentsOf: Array("[{:\"&*!|>-\n \t0".utf8).shuffled().prefix(3), at: index)
                }
            }
            if let said = message({ _ = try Sidecar(yaml: String(decoding: copy, as: UTF8.self), source: "s") }) {
                #expect(said.hasPrefix("s: "), "\(said)")
            }
        }
    }

    @Test(
        "A verbalizer whose tokenizer has drifted is refused",
        arguments: [
            ("injection_token_id: 263", "injection_token_id: 264", "is token 263"),
            ("injection_char: ㈎", "injection_char: ㈏㈎", "split"),
            ("injection_char: ㈎", "injection_char: 東京タワー", "split"),
            ("left_neighbor_id: 34", "left_neighbor_id: 35", "beside the marker stand the tokens 34"),
            ("right_neighbor_id: 261", "right_neighbor_id: 262", "the sidecar says 34 and 262"),
            ("<concept>{injection_char}</concept>", "<concept></concept>", "nowhere"),
            ("this vector", "this {injection_char} vector", "2 times"),
            ("<concept>{injection_char}", "<concept> {injection_char}", "beside the marker"),
            ("d_model: 32", "d_model: 33", "d_model is 33"),
            ("schema_version: 2", "schema_version: 3", "schema_version"),
            ("role: av", "role: ar", "reconstructor"),
        ])
    func drift(old: String, new: String, mention: String) throws {
        let scratch = try Scratch()
        let folder = try scratch.copy(GoldenPair("qwen2").av)
        try edit(folder.appending(path: "nla_meta.yaml"), old, new)
        let said = try #require(message { _ = try Verbalizer(folder: folder) })
        #expect(said.contains(mention) && !said.contains("\n"), "\(said)")
    }

    @Test(
        "A reconstructor that has drifted is refused",
        arguments: [
            ("layer_index: 2", "layer_index: 1", "contradicts"),
            ("- 273", "- 274", "critic_suffix_ids"),
            ("<summary>'", "<summary'", "critic_suffix_ids"),
            ("{explanation}", "{text}", "{explanation} exactly once"),
            ("role: critic", "role: actor", "verbalizer"),
        ])
    func readerDrift(old: String, new: String, mention: String) throws {
        let scratch = try Scratch()
        let folder = try scratch.copy(GoldenPair("qwen2").ar)
        try edit(folder.appending(path: "nla_meta.yaml"), old, new)
        let said = try #require(message { _ = try Reconstructor(folder: folder) })
        #expect(said.contains(mention) && !said.contains("\n"), "\(said)")
    }

    @Test("Missing files are named: the sidecar, the head, the chat template")
    func missing() throws {
        let scratch = try Scratch()
        let pair = try GoldenPair("qwen2")
        let av = try scratch.copy(pair.av), ar = try scratch.copy(pair.ar)
        try FileManager.default.removeItem(at: ar.appending(path: "value_head.safetensors"))
        #expect(message { _ = try Reconstructor(folder: ar) }?.contains("value_head.safetensors: missing") == true)
        try FileManager.default.removeItem(at: av.appending(path: "chat_template.jinja"))
        #expect(message { _ = try Verbalizer(folder: av) }?.contains("chat template") == true)
        try FileManager.default.removeItem(at: av.appending(path: "nla_meta.yaml"))
        #expect(message { _ = try Verbalizer(folder: av) }?.contains("nla_meta.yaml: missing") == true)
        #expect(message { _ = try Verbalizer(folder: pair.target) }?.contains("nla_meta.yaml: missing") == true)
    }

    @Test(
        "The ids of a released sidecar are found by tokenizing with its vocabulary",
        .enabled(if: hasShared("tokenizers/qwen2"), "needs ../shared/tokenizers/qwen2, or $INTERLINEAR_SHARED"))
    func released() throws {
        let shared = try #require(sharedMaterial)
        let tokenizer = try Tokenizer(folder: shared.appending(path: "tokenizers/qwen2"))
        #expect(tokenizer.encode("㈎", addSpecialTokens: false) == [149705])
        let around = tokenizer.encode("this <concept>㈎</concept> is", addSpecialTokens: false)
        let place = try #require(around.firstIndex(of: 149705))
        #expect(around[place - 1] == 29 && around[place + 1] == 522)
        let tail = tokenizer.encode("Summary of the following text: <text>a rhyme.</text> <summary>")
        #expect(tail.suffix(5) == [1318, 29, 366, 1708, 29])
    }

    @Test("A reconstructor's depth must be that of its layer")
    func depth() throws {
        let scratch = try Scratch()
        let ar = try scratch.copy(GoldenPair("qwen2").ar)
        try edit(ar.appending(path: "nla_meta.yaml"), "layer_index: 2", "layer_index: 1")
        try edit(ar.appending(path: "nla_meta.yaml"), "num_hidden_layers: 2", "num_hidden_layers: 1")
        #expect(
            message { _ = try Reconstructor(folder: ar) }?
                .contains("config.json has 3 blocks, a reconstructor of layer 1 has 2") == true)
    }

    @Test("For other programs lengths are numbers and the layer stands at the top; it says the same")
    func published() throws {
        var sidecar = fullSidecar
        sidecar.injectionScale = .rootOfWidth
        let text = sidecar.publishedYAML
        #expect(!text.contains("sqrt_d_model") && text.contains("\nextraction_layer_index: 2\nextraction:\n"))
        let read = try Sidecar(yaml: text, source: "published")
        #expect(read.injectionScale == .norm(32.0.squareRoot()) && read.lossScale == .norm(32.0.squareRoot()))
        #expect(read.injectionScale.norm(width: 32) == sidecar.injectionScale.norm(width: 32))
        var same = read
        (same.injectionScale, same.lossScale) = (sidecar.injectionScale, sidecar.lossScale)
        #expect(same == sidecar)
        sidecar.lossScale = .untouched
        #expect(try Sidecar(yaml: sidecar.publishedYAML, source: "published").lossScale == .untouched)
    }
}
