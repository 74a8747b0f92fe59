import Foundation
import JSON
import Tensors
import TestSupport
import Testing

@Suite("nla check and nla bench")
struct CheckAndBenchTests {
    @Test(
        "Every committed model agrees with its reference",
        arguments: [
            "llama", "llama-odd", "qwen2", "qwen2-window", "qwen3", "gemma3", "gemma3-wrapped",
        ])
    func agrees(name: String) throws {
        let model = Folders.model(name)
        let outcome = try Command.succeed(
            ["check", "--model", model.path, "--reference", model.appending(path: "expected.safetensors").path])
        let rows = outcome.output.split(separator: "\n")
        #expect(rows.count > 20 && rows.allSatisfy { $0.hasPrefix("ok ") })
        #expect(outcome.errors.contains("\(rows.count) tensors"))
    }

    @Test("A tensor over tolerance fails the check, which still prints every row")
    func disagrees() throws {
        try withScratch { folder in
            let model = Folders.model("llama")
            let reference = folder.appending(path: "r.safetensors")
            try FileManager.default.copyItem(at: model.appending(path: "expected.safetensors"), to: reference)
            let hidden = try #require(try Folders.tensors(reference)["hidden.1"])
            try Folders.rewrite(
                reference, ["hidden.1": Tensor(hidden.floats().map { $0 * 1.001 }, shape: hidden.shape)])
            let arguments = ["check", "--model", model.path, "--reference", reference.path]
            let outcome = try Command.fail(arguments, mentioning: ["1 of 29", "hidden.1"])
            #expect(outcome.output.split(separator: "\n").filter { $0.hasPrefix("FAIL  hidden.1 ") }.count == 1)
            #expect(outcome.output.split(separator: "\n").count == 29)
            let json = try Command.fail(arguments + ["--json"], mentioning: ["hidden.1"]).json()
            #expect(json["passes"] == false)
        }
    }

    @Test("A workload is measured on a shape alone")
    func bench() throws {
        let config = Folders.model("llama").appending(path: "config.json").path
        let outcome = try Command.succeed(
            ["bench", "decode1", "--config", config, "--dtype", "f32", "--json", "--threads", "1"])
        let json = try outcome.json()
        #expect(try #require(json["decode1_tokens_per_s"]?.double) > 0)
        #expect(try #require(json["decode1_peak_resident_bytes"]?.int) > 0)
        #expect(json["threads"] == 1 && json["dtype"] == "float32")
        for key in ["decode1_flops", "decode1_weight_bandwidth"] {
            #expect(try #require(json[key]?.double) > 0)
            #expect(try #require(json[key + "_limit"]?.double) > 0)
        }
        #expect(json["extract_tokens_per_s"] == nil)
        #expect(outcome.errors.contains("decode1_tokens_per_s"))
    }

    @Test("bench rl_step times the parts of a joint step, which add up to the whole")
    func jointStep() throws {
        let config = Folders.model("qwen2").appending(path: "config.json").path
        let json = try Command.succeed([
            "bench", "rl_step", "--config", config, "--activations", "2", "--samples", "3", "--new-tokens", "4",
            "--json",
        ]).json()
        let parts = try ["sampling", "reward", "reference", "av", "ar"].map {
            try #require(json["rl_step_\($0)_s"]?.double)
        }
        #expect(parts.allSatisfy { $0 > 0 })
        #expect(abs(try #require(json["rl_step_s"]?.double) - parts.reduce(0, +)) < 1e-6)
    }

    @Test("A shape too large for the machine is refused before memory is asked for")
    func tooLarge() throws {
        try withScratch { folder in
            let config = folder.appending(path: "config.json")
            try FileManager.default.copyItem(at: Folders.model("llama").appending(path: "config.json"), to: config)
            try Folders.edit(config) { json in
                for key in ["hidden_size", "intermediate_size", "vocab_size"] { json[key] = 1_000_000 }
            }
            try Command.fail(["bench", "extract", "--config", config.path], mentioning: [config.path, "memory"])
        }
    }
}
