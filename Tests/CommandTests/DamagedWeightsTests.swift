import Foundation
import JSON
import Tensors
import TestSupport
import Testing

@Suite("Damaged weights")
struct DamagedWeightsTests {
    @Test("A damaged file is refused in one line", arguments: WeightDamage.files)
    func file(damage: Damage) throws { try damage.expectRefusal() }

    @Test("A lying header is refused in one line that names the tensor", arguments: WeightDamage.headers)
    func header(damage: Damage) throws { try damage.expectRefusal() }

    @Test("Wrong tensors are refused in one line that names them", arguments: WeightDamage.tensors)
    func tensor(damage: Damage) throws { try damage.expectRefusal() }

    @Test("A lying index is refused in one line", arguments: WeightDamage.indices)
    func index(damage: Damage) throws { try damage.expectRefusal() }

    @Test("Shards that are right are read")
    func shards() throws {
        try withScratch { folder in
            let model = try Folders.copy(into: folder)
            try WeightDamage.index("right", mentions: []) { _, _ in }.apply(model)
            _ = try Command.succeed(
                ["check", "--model", model.path, "--reference", model.appending(path: "expected.safetensors").path])
        }
    }

    @Test("A NaN is named by the commands that generate and check")
    func everywhere() throws {
        try withScratch { folder in
            let model = try Folders.talker(in: folder)
            try Folders.rewrite(
                model.appending(path: WeightDamage.file),
                ["model.layers.1.mlp.up_proj.weight": Tensor([Float](repeating: .nan, count: 384), shape: [24, 16])])
            let outcome = try Command.fail(
                ["generate", "--model", model.path, "--text", "a", "--max-tokens", "3"],
                mentioning: [WeightDamage.up, "NaN"])
            #expect(outcome.output.isEmpty)
            let reference = folder.appending(path: "r.safetensors")
            try SafetensorsFile.write(
                [("ids", Tensor(integers: [1, 2], shape: [2])), ("logits", Tensor(zeros: [2, 426]))], to: reference)
            try Command.fail(
                ["check", "--model", model.path, "--reference", reference.path], mentioning: [WeightDamage.up, "NaN"])
        }
    }
}
