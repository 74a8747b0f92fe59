import Foundation
import LanguageModel
import Tensors
import TestSupport
import Testing

@Suite("Model families")
struct FamilyTests {
    static let families = [
        "llama", "llama-odd", "qwen2", "qwen2-window", "qwen3", "gemma3", "gemma3-wrapped", "qwen3-yarn",
        "gemma3-own-head", "qwen2-head-only",
    ]

    private func check(_ folder: URL, _ precision: Precision) throws {
        let rows = try ReferenceCheck(
            Checkpoint(folder: folder),
            reference: SafetensorsFile(folder.appendingPathComponent("expected.safetensors")),
            precision: precision
        ).run()
        #expect(rows.contains { $0.name == "logits" } && rows.contains { $0.name.hasPrefix("after3.") })
        for row in rows { #expect(row.passes, "\(row.name): \(row.relativeError) over \(row.tolerance)") }
    }

    @Test("Values, gradients and optimizer steps are transformers' in float32", arguments: families)
    func float32(family: String) throws {
        try check(goldens.appendingPathComponent("models/\(family)"), .float32)
    }

    @Test("bfloat16 stays within its rounding", arguments: families)
    func bfloat16(family: String) throws {
        try check(goldens.appendingPathComponent("models/\(family)"), .bfloat16)
    }

    @Test(
        "The reference checkpoints beside the repository agree",
        .enabled(if: hasShared("reference"), "needs ../shared/reference, or $INTERLINEAR_SHARED"),
        arguments: ["qwen2", "llama3", "gemma3"])
    func shared(family: String) throws {
        let folder = try #require(sharedMaterial).appendingPathComponent("reference/\(family)")
        try check(folder, .float32)
    }
}
