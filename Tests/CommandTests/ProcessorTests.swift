import Foundation
import JSON
import Tensors
import TestSupport
import Testing

/// The same computation with the kernels of every processor, in programs that are told which to use.
@Suite("Processors")
struct ProcessorTests {
    /// The losses of a short training with the kernels of an instruction set.
    private func losses(_ instructionSet: String, _ precision: String, seed: Int, in folder: URL) throws -> [Double] {
        let output = folder.appending(path: "\(instructionSet)-\(precision)-\(seed)")
        _ = try Command.succeed(
            [
                "train", "target", "--run", folder.appending(path: "run.yaml").path, "--precision", precision,
                "--seed", "\(seed)", "--output", output.path, "--quiet",
            ], environment: ["INTERLINEAR_ISA": instructionSet])
        let metrics = try String(contentsOf: output.appending(path: "metrics.jsonl"), encoding: .utf8)
        return try metrics.split(separator: "\n").map { try #require(JSONValue.parse(String($0))["loss"]?.double) }
    }

    /// Measured over the four builds for x86, by step: in float32 5·10⁻⁷ at most in twenty; in bfloat16 2·10⁻⁵ in the first three and
    /// 8·10⁻⁴ in twelve, because a sum in another order now and then rounds to the other side, and training spreads that. The limits
    /// are six times as wide at least.
    @Test(
        "The same seed trains to the same losses within rounding, whatever the processor",
        arguments: [("f32", 1e-5, 1e-5), ("bf16", 1e-4, 5e-3)])
    func training(precision: String, first: Double, all: Double) throws {
        try withScratch { folder in
            let tokenizer = folder.appending(path: "tokenizer")
            try FileManager.default.createDirectory(at: tokenizer, withIntermediateDirectories: false)
            try Folders.writeTokenizer(to: tokenizer)
            let lines = (0..<200).map { #"{"text": "a line about the number \#($0) and not about \#($0 + 1)"}"# }
            let corpus = folder.appending(path: "corpus.jsonl")
            try Folders.write(lines.joined(separator: "\n"), to: corpus)
            // Wide enough for the products of many rows, which each instruction set computes in its own way.
            try Folders.write(
                """
                tokenizer: \(tokenizer.path)
                data: \(corpus.path)
                steps: 12
                tokens_per_step: 400
                blocks: 2
                width: 64
                heads: 4
                mlp_width: 128
                learning_rate: 1e-2
                evaluate_every: 1000
                """, to: folder.appending(path: "run.yaml"))
            let reference = try losses("base", precision, seed: 1, in: folder)
            #expect(reference.count == 12)
            func distance(_ other: [Double]) -> [Double] { zip(other, reference).map { abs($0 / $1 - 1) } }
            for instructionSet in Machine.instructionSets.dropFirst() {
                let away = distance(try losses(instructionSet, precision, seed: 1, in: folder))
                #expect(away.prefix(3).allSatisfy { $0 <= first }, "\(instructionSet): \(away)")
                #expect(away.count == 12 && away.allSatisfy { $0 <= all }, "\(instructionSet): \(away)")
            }
            // The limits tell trainings apart.
            let other = distance(try losses("base", precision, seed: 2, in: folder))
            #expect(other.contains { $0 > all }, "\(other)")
        }
    }
}
