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
import WarmStart

/// The goldens' tiny target in four bits, with activations of it and explanations of them.
private struct QuantizedTarget {
    let scratch: URL
    let full: URL
    let target: URL
    let store: URL
    let explanations: URL

    init(in scratch: URL) throws {
        self.scratch = scratch
        full = goldens.appending(path: "pairs/qwen2/target")
        target = scratch.appending(path: "target-4bit")
        store = scratch.appending(path: "store")
        explanations = scratch.appending(path: "explanations.jsonl")
        let checkpoint = try Checkpoint(folder: full)
        var options = ModelQuantizer.Options()
        options.groupSize = 32
        _ = try ModelQuantizer(checkpoint, options).write(to: target, origin: TargetHash.compute(checkpoint))
        let builder = try ActivationStoreBuilder(
            model: target, layer: 2, positions: PositionPolicy(perDocument: 4, firstPosition: 1), seed: 1,
            .init(precision: .float32))
        let words = ["The dog found a key.", "She sang to the river.", "A key wants the dog, 12 times."]
        let documents = (0..<24).map { index in
            StoredDocument(
                LabelledDocument(id: "d\(index)", kind: "note", text: words[index % 3] + " \(index)"),
                split: index % 4 == 0 ? "held-out" : "warm")
        }
        _ = try builder.build(documents, into: store) { _ in }
        let built = try ActivationStore(folder: store)
        let lines = try ["warm", "held-out"].flatMap { try built.rows(ofSplit: $0) }.map { row in
            let line: JSONValue = [
                "id": .string(built.id(of: row)), "explanation": .string(["A dog.", "A song.", "A key."][row / 4 % 3]),
            ]
            return line.serialized()
        }
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: explanations)
    }

    func options<Stage>() -> WarmStartOptions<Stage> {
        var options = WarmStartOptions<Stage>()
        options.target = target.path
        options.store = store.path
        options.explanations = explanations.path
        options.split = "warm"
        options.heldOut = "held-out"
        options.steps = 30
        options.rowsPerStep = 12
        options.learningRate = 1e-2
        options.warmUpSteps = 3
        options.evaluateEvery = 15
        options.evaluationRows = 16
        options.precision = .float32
        options.loraRank = 4
        options.loraAlpha = 8
        options.seed = 3
        return options
    }

    func metrics(_ run: URL) throws -> [JSONValue] {
        try String(contentsOf: run.appending(path: "metrics.jsonl"), encoding: .utf8).split(separator: "\n").map {
            try JSONValue.parse(String($0))
        }
    }
}

@Suite("A pair over a quantized target")
struct QuantizedPairTests {
    @Test(
        "Adapters over a target in four bits are warm-started and trained jointly; sidecars and stores say how it is stored"
    )
    func endToEnd() throws {
        try withScratch { scratch in
            let tiny = try QuantizedTarget(in: scratch)
            let store = try ActivationStore(folder: tiny.store)
            #expect(store.manifest.settings.targetStorage == "mlx 4-bit group 32")
            let fullHash = try TargetHash.compute(Checkpoint(folder: tiny.full))
            #expect(store.manifest.settings.targetOrigin == fullHash)
            #expect(store.manifest.settings.targetHash != fullHash)

            var av: WarmStartOptions<VerbalizerStage> = tiny.options(),
                ar: WarmStartOptions<ReconstructorStage> = tiny.options()
            av.evaluationSamples = 2
            ar.emptyShare = 0
            let avRun = scratch.appending(path: "av"), arRun = scratch.appending(path: "ar")
            guard case .finished = try WarmStartRun(av, in: avRun).run() else { Issue.record("no av"); return }
            guard case .finished = try WarmStartRun(ar, in: arRun).run() else { Issue.record("no ar"); return }
            let losses = try tiny.metrics(avRun).compactMap { $0["held_out_loss"]?.double }
            #expect(losses.count > 1 && losses[losses.count - 1] < losses[0] - 0.1, "\(losses)")
            let explained = try tiny.metrics(arRun).compactMap { $0["fve"]?.double }
            #expect(explained.count > 1 && explained[explained.count - 1] > explained[0], "\(explained)")

            let pair = scratch.appending(path: "pair")
            try FileManager.default.createDirectory(at: pair, withIntermediateDirectories: true)
            try FileManager.default.copyItem(at: avRun.appending(path: "model"), to: pair.appending(path: "av"))
            try FileManager.default.copyItem(at: arRun.appending(path: "model"), to: pair.appending(path: "ar"))
            let opened = try Pair(folder: pair)
            #expect(opened.targetStorage == "mlx 4-bit group 32")
            // The target that it was trained on is its own, and the one that this was made of is another model.
            #expect(try opened.openTarget(tiny.target).storageNote == nil)
            #expect(store.storageNote(opened) == nil)
            #expect(throws: ModelError.self) { try opened.openTarget(tiny.full, storage: .quantized) }
            let note = try #require(try opened.openTarget(tiny.full, storage: .any).storageNote)
            #expect(note.contains("bf16") && note.contains("mlx 4-bit group 32") && note.contains("compare-targets"))

            var joint = JointOptions()
            (joint.pair, joint.store, joint.split, joint.heldOut) = (pair.path, tiny.store.path, "warm", "held-out")
            joint.grammar = .plain
            joint.steps = 2
            joint.rowsPerStep = 3
            joint.generations = 3
            joint.maximumLength = 16
            joint.evaluateEvery = 2
            joint.evaluationRows = 4
            joint.sampleRows = 1
            joint.verbalizerRank = 2
            joint.reconstructorRank = 2
            joint.precision = .float32
            guard case .finished(let metrics) = try JointRun(joint, in: scratch.appending(path: "rl")).run() else {
                Issue.record("no joint run")
                return
            }
            #expect(metrics["reward"]?.isFinite == true)
        }
    }

    @Test(
        "A pair that was trained on a target takes a quantized copy and says so, where it is told to or the copy says whose it is"
    )
    func storage() throws {
        try withScratch { scratch in
            let tiny = try QuantizedTarget(in: scratch)
            let pair = try Pair(folder: goldens.appending(path: "pairs/qwen2"))
            #expect(pair.targetStorage == nil)
            // Without a recorded hash or storage nothing is said.
            #expect(try pair.openTarget(tiny.target).storageNote == nil)
            let store = try ActivationStore(folder: tiny.store)
            #expect(store.storageNote(pair) == nil)
            let hash = try TargetHash.compute(Checkpoint(folder: tiny.full))
            pair.verbalizer.sidecar.target = .init(hash: hash)
            #expect(throws: ModelError.self) { try pair.openTarget(tiny.target) }
            #expect(throws: ModelError.self) { try store.check(pair, named: "p") }
            try store.check(pair, named: "p", storage: .quantized)
            #expect(store.storageNote(pair)?.contains("is stored as mlx 4-bit group 32") == true)
            let note = try #require(try pair.openTarget(tiny.target, storage: .quantized).storageNote)
            #expect(note.contains("is stored as mlx 4-bit group 32") && !note.contains("\n"))
            // Of what it was trained on nothing is known but that it is other weights.
            #expect(note.contains("on other weights of it"))
            pair.verbalizer.sidecar.targetStorage = "bf16"
            #expect(try pair.openTarget(tiny.target, storage: .quantized).storageNote?.contains("on bf16") == true)
            // A copy of something else is refused, unless anything is taken.
            pair.verbalizer.sidecar.target = .init(hash: String(repeating: "0", count: 64))
            #expect(throws: ModelError.self) { try pair.openTarget(tiny.target, storage: .quantized) }
            #expect(try pair.openTarget(tiny.target, storage: .any).storageNote != nil)
        }
    }

    @Test("A store that an earlier version began goes on, though it does not say how its target is stored")
    func earlierStore() throws {
        try withScratch { scratch in
            let tiny = try QuantizedTarget(in: scratch)
            let file = tiny.store.appending(path: "manifest.json")
            var json = try #require(JSONValue.parse(Data(contentsOf: file)).object)
            #expect(json["target_storage"]?.string == "mlx 4-bit group 32")
            json["target_storage"] = nil
            json["target_quantized_from_sha256"] = nil
            try Data(JSONValue.object(json).serialized().utf8).write(to: file)
            let sidecar = tiny.store.appending(path: "nla_meta.yaml")
            let text = try String(contentsOf: sidecar, encoding: .utf8)
            #expect(text.contains("storage: \"mlx 4-bit group 32\""))
            try FileManager.default.removeItem(at: sidecar)
            let builder = try ActivationStoreBuilder(
                model: tiny.target, layer: 2, positions: PositionPolicy(perDocument: 4, firstPosition: 1), seed: 1,
                .init(precision: .float32))
            let more = StoredDocument(
                LabelledDocument(id: "more", kind: "note", text: "The river found a song."), split: "warm")
            let manifest = try builder.build([more], into: tiny.store) { _ in }
            #expect(manifest.documentCount == 25 && manifest.settings.targetStorage == nil)
        }
    }
}
