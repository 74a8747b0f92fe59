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

    /// What the command reads, without its file's note of where the model came from.
    private func activations(
        _ model: URL, _ folder: URL, more: [String] = [], environment: [String: String] = [:]
    ) throws -> [Float] {
        let extraction = extract(model, folder, more: more)
        try Command.succeed(extraction.arguments, environment: environment)
        return try SafetensorsFile(extraction.output).requiredTensor("activations").floats()
    }

    @Test(
        "The base is looked up and fetched at the revision that the adapter names, and from then on taken from the cache",
        arguments: ["v2", "refs/pr/3", .string(Repository.commit(2))] as [JSONValue])
    func revision(_ revision: JSONValue) async throws {
        try await withHub([base()]) { hub, folder, environment in
            let adapter = try adapter(folder, revision: revision)
            let wanted = try activations(Folders.model("llama"), folder, more: ["--adapter", adapter.path])
            #expect(try activations(adapter, folder, environment: environment) == wanted)
            let asked = hub.requests.count
            #expect(try activations(adapter, folder, environment: offline(environment)) == wanted)
            #expect(hub.requests.count == asked)
        }
    }

    @Test("Without a revision, or with main, the base's main is meant", arguments: [.null, "main", ""] as [JSONValue])
    func main(_ revision: JSONValue) async throws {
        try await withHub([base()]) { _, folder, environment in
            let adapter = try adapter(folder, revision: revision)
            let wanted = try activations(Folders.model("qwen2"), folder, more: ["--adapter", adapter.path])
            #expect(try activations(adapter, folder, environment: environment) == wanted)
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
