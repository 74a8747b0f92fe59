import Autoencoder
import Foundation
import LanguageModel
import Tensors
import TestSupport
import Testing

/// A target's content hash is stored in sidecars, stores and reports: it must be the same for ever.
@Suite("Content hashes of targets")
struct TargetHashTests {
    @Test(
        "The hash of a model is what it was when the first sidecars were written",
        arguments: [
            ("llama", "1053aa800ec690b95484e6aae24a11ba270c0e135b1314a842b29a9d38a15979"),
            ("llama-odd", "02cf9dbb4bda15a0f87719eca740f4c3b77cf33508e31f20a855bd28e3fe58d9"),
            ("qwen2", "0e143f35da54e6afeeba265a1f17486eafef6fa292904c41d1845526c1463d7f"),
            ("qwen2-window", "7191ce79c4a602ff1475adb4e1739246179ebe87d264933d037901d3490963d6"),
            ("qwen3", "5aeec71675b6f7639b37fb03afcac6cfd00901c9021c6bd221b305985cc4529c"),
            ("gemma3", "0ea755eb13e756c82b8ee45dc921d4a48f542b50f84926eb2dd5c379aa8fe84c"),
            ("gemma3-wrapped", "6c0e74395c8b5ba03de1ac419a81323d4c58fda8789b2cfa41012d3199ce5d46"),
        ])
    func pinned(name: String, hash: String) throws {
        #expect(try TargetHash.compute(Checkpoint(folder: goldens.appending(path: "models/\(name)"))) == hash)
    }

    @Test("The bundled target has the hash that its pair's sidecars hold")
    func bundled() throws {
        let target = try Checkpoint(folder: bundledPair.appending(path: "target"))
        #expect(
            try TargetHash.compute(target) == "e529058a111572e36fd47104cc916e86f6a314e9a8557bfb3d8b0207a16a06b4")
    }

    @Test("What is hashed of the settings is spelled out here, word for word")
    func settings() throws {
        func text(_ name: String) throws -> String {
            TargetHash.settings(try Checkpoint(folder: goldens.appending(path: "models/\(name)")).configuration)
        }
        #expect(
            try text("llama") == "heads 4 2 6 epsilon 1e-06 offset 0.0 activation silu tied false scaled false "
                + "attention 0.40824828 rotary 10000.0 llama3 4.0 1.0 4.0 16.0 blocks all/0 all/0 all/0")
        #expect(
            try text("gemma3") == "heads 4 2 10 epsilon 1e-06 offset 1.0 activation geluTanh tied true scaled true "
                + "attention 0.30151135 rotary 1000000.0 linear 8.0, 10000.0 blocks 4/1 4/1 4/1 4/1 4/1 all/0 4/1")
        #expect(
            try text("qwen3-yarn") == "heads 4 2 16 epsilon 1e-06 offset 0.0 activation silu tied false scaled false "
                + "attention 0.25 rotary 10000.0 yarn 4.0 1.138629436111989 32.0 1.0 8.0 true blocks all/0 all/0")
    }

    @Test(
        "Numbers are written in one way for ever",
        arguments: [
            (0.0, "0.0"), (-0.0, "-0.0"), (1, "1.0"), (-2.5, "-2.5"), (10000, "10000.0"), (1e-6, "1e-06"),
            (0.0001, "0.0001"),
            (0.00012345, "0.00012345"), (9.9e-5, "9.9e-05"), (1e15, "1000000000000000.0"),
            (9007199254740992, "9007199254740992.0"), (9007199254740994, "9.007199254740994e+15"), (1e16, "1e+16"),
            (123456.789, "123456.789"), (1.0 / 3, "0.3333333333333333"), (.leastNonzeroMagnitude, "5e-324"),
            (1.5e300, "1.5e+300"),
        ] as [(Double, String)])
    func doubles(value: Double, text: String) { #expect(PinnedText.of(value) == text) }

    @Test(
        "Single precision too",
        arguments: [
            (1e-6, "1e-06"), (0.35355338, "0.35355338"), (16777216, "16777216.0"), (16777218, "1.6777218e+07"),
            (0.1, "0.1"), (1e-5, "1e-05"), (0.125, "0.125"),
        ] as [(Float, String)])
    func floats(value: Float, text: String) { #expect(PinnedText.of(value) == text) }

    @Test("Random numbers read back as they were")
    func numbersReadBack() {
        var random = Random(seed: 9)
        for _ in 0..<20_000 {
            let double = Double(bitPattern: random.next()),
                float = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))
            if double.isFinite { #expect(Double(PinnedText.of(double)) == double) }
            if float.isFinite { #expect(Float(PinnedText.of(float)) == float) }
        }
    }

    @Test("A target with an own output matrix under a tied flag is also known by the hash that left it out")
    func ownHead() throws {
        let checkpoint = try Checkpoint(folder: goldens.appending(path: "models/gemma3-own-head"))
        let hashes = try TargetHash.accepted(checkpoint)
        let own = try TargetHash.compute(checkpoint)
        #expect(hashes.count == 2 && hashes[0] == own && hashes[0] != hashes[1])
        // The same model without that matrix is what earlier versions hashed.
        let scratch = try Scratch()
        let folder = try scratch.copy(checkpoint.folder)
        let file = folder.appending(path: "model.safetensors")
        let weights = try SafetensorsFile(file)
        let tensors = try weights.names.filter { $0 != "lm_head.weight" }.map {
            ($0, try weights.requiredTensor($0).copy())
        }
        try SafetensorsFile.write(tensors, to: file)
        #expect(try TargetHash.compute(Checkpoint(folder: folder)) == hashes[1])
        #expect(try TargetHash.accepted(Checkpoint(folder: goldens.appending(path: "models/qwen2"))).count == 1)
    }
}
