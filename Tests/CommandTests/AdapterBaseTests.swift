import Foundation
import JSON
import ScriptedHub
import Tensors
import TestSupport
import Testing

/// The base of a PEFT folder, at the revision that its configuration names.
@Suite("Bases of adapters on the hub")
struct AdapterBaseTests {
    /// org/base: main is another model than the adapter's, and v2 is the adapter's.
    private func base() throws -> Repository {
        var base = try Repository("org/base", folder: Folders.model("llama"))
        let first = try #require(base.refs["main"]), second = Repository.commit(2)
        base.commits[second] = base.commits[first]
        base.commits[first] = try Repository.files(Folders.model("qwen2"))
        base.refs = ["main": first, "v2": second, "refs/pr/3": second]
        return base
    }

    private func adapter(_ folder: URL, revision: JSONValue) throws -> URL {
        let adapter = try Folders.copy(of: "lora", into: folder)
        try Folders.edit(adapter.appending(path: "adapter_config.json")) {
            $0["base_model_name_or_path"] = "org/base"
            $0["revision"] = revision
        }
        return adapter
    }

    private func extract(_ model: URL, _ folder: URL, more: [String] = []) -> (arguments: [String], output: URL) {
        let output = folder.appending(path: "\(UUID().uuidString).safetensors")
        return (["extract", "--model", model.path, "--ids", "1,2,3", "--output", output.path] + more, output)
    }

    /// What was read, without the file's note of where the model came from.
    private func activations(_ file: URL) throws -> [Float] {
        try SafetensorsFile(file).requiredTensor("activations").floats()
    }

    @Test(
        "The base is looked up and fetched at the revision that the adapter names, and from then on taken from the cache",
        arguments: ["v2", "refs/pr/3", .string(Repository.commit(2))] as [JSONValue])
    func revision(_ revision: JSONValue) async throws {
        try await withHub([base()]) { hub, folder, environment in
            let adapter = try adapter(folder, revision: revision)
            let wanted = extract(Folders.model("llama"), folder, more: ["--adapter", adapter.path])
            try Command.succeed(wanted.arguments)
            let fetched = extract(adapter, folder)
            try Command.succeed(fetched.arguments, environment: environment)
            #expect(try activations(fetched.output) == activations(wanted.output))
            let asked = hub.requests.count
            let cached = extract(adapter, folder)
            try Command.succeed(cached.arguments, environment: offline(environment))
            #expect(try activations(cached.output) == activations(wanted.output))
            #expect(hub.requests.count == asked)
        }
    }

    @Test("Without a revision, or with main, the base's main is meant", arguments: [.null, "main", ""] as [JSONValue])
    func main(_ revision: JSONValue) async throws {
        try await withHub([base()]) { _, folder, environment in
            let adapter = try adapter(folder, revision: revision)
            let wanted = extract(Folders.model("qwen2"), folder, more: ["--adapter", adapter.path])
            try Command.succeed(wanted.arguments)
            let fetched = extract(adapter, folder)
            try Command.succeed(fetched.arguments, environment: environment)
            #expect(try activations(fetched.output) == activations(wanted.output))
        }
    }

    @Test("A revision that the base does not have is refused in one line that names it")
    func missing() async throws {
        try await withHub([base()]) { _, folder, environment in
            let arguments = try extract(adapter(folder, revision: "v9"), folder, more: ["--quiet"]).arguments
            try Command.fail(arguments, mentioning: ["org/base@v9", "--base"], environment: environment)
            try Command.fail(arguments, mentioning: ["org/base@v9", "--base"], environment: offline(environment))
        }
    }
}
