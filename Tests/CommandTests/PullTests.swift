import Foundation
import JSON
import ScriptedHub
import TestSupport
import Testing

@Suite("nla pull and nla models")
struct PullTests {
    private let model = Repository.File("model.safetensors", [UInt8](repeating: 7, count: 300_000), isLarge: true)

    private func repository(_ id: String = "org/name") -> Repository {
        Repository(id, [Repository.File("config.json", "{}"), Repository.File("README.md", "a model"), model])
    }

    @Test("pull says the size first, prints the folder, and the second time fetches nothing")
    func pull() async throws {
        try await withHub([repository()]) { hub, folder, environment in
            let first = try Command.succeed(["pull", "org/name"], environment: environment)
            let place = URL(fileURLWithPath: first.output.trimmingCharacters(in: .whitespacesAndNewlines))
            #expect(place.path.hasPrefix(folder.path) && place.lastPathComponent == Repository.commit(1))
            #expect(try Data(contentsOf: place.appending(path: "model.safetensors")).count == 300_000)
            let lines = first.errors.split(separator: "\n")
            #expect(lines.first?.contains("300") == true && lines.first?.contains("3 files") == true, "\(first.errors)")
            let again = try Command.succeed(["pull", "org/name", "--json"], environment: environment).json()
            #expect(again["fetched_bytes"] == 0 && again["files"]?.array?.count == 3)
            #expect(hub.requests.filter { $0.fetches("model.safetensors") }.count == 1)
            let quiet = environment.merging(["HF_HUB_DISABLE_PROGRESS_BARS": "1"]) { $1 }
            try Command.succeed(["models", "remove", "org/name"], environment: environment)
            // The size is no progress.
            let still = try Command.succeed(["pull", "org/name"], environment: quiet)
            #expect(still.errors.split(separator: "\n").count == 1, "\(still.errors)")
        }
    }

    @Test("pull fetches what patterns name, at a revision, under every form of the name")
    func some() async throws {
        var tagged = repository()
        tagged.refs["v1"] = tagged.refs["main"]
        try await withHub([tagged]) { hub, _, environment in
            for name in [["org/name", "--revision", "v1"], ["org/name@v1"], ["hf://org/name@v1"]] {
                let json = try Command.succeed(
                    ["pull", "--include", "*.json", "--json"] + name, environment: environment
                ).json()
                #expect(json["files"] == ["config.json"])
            }
            let file = try Command.succeed(["pull", "hf://org/name/README.md"], environment: environment)
            #expect(file.output.hasSuffix("/README.md\n"))
            #expect(!hub.requests.contains { $0.fetches("model.safetensors") })
            #expect(
                try Command.run(["pull", "org/name@v1", "--revision", "v2"], environment: environment).status == 64)
        }
    }

    @Test("What cannot be fetched is one line and exit status 1; gated terms are named, and no token is")
    func refusals() async throws {
        var gated = repository("org/gated")
        gated.isGated = true
        try await withHub([repository(), gated]) { hub, _, environment in
            hub.accept(token: "hf_good")
            func fail(_ name: String, _ words: [String], _ more: [String: String] = [:]) throws {
                let outcome = try Command.fail(
                    ["pull", name, "--quiet"], mentioning: words, environment: environment.merging(more) { $1 })
                #expect(!outcome.errors.contains("hf_other"))
            }
            try fail("org/gated", ["is gated: accept its terms at", "/org/gated", "HF_TOKEN"])
            try fail("org/gated", ["HF_TOKEN"], ["HF_TOKEN": "hf_other"])
            try fail("org/nothing", ["no public model org/nothing"])
            try fail("org/name@mian", ["no branch, tag or commit mian", "main"])
            try fail("hf://org/name/confg.json", ["there is config.json"])
            try fail("name", ["org/name"])
            try fail("org/name", ["HF_HUB_OFFLINE"], ["HF_HUB_OFFLINE": "1"])
            try Command.succeed(
                ["pull", "org/gated"], environment: environment.merging(["HF_TOKEN": "hf_good"]) { $1 })
        }
    }

    @Test("models says what there is, what it is, and how large; remove takes a revision or all of it away")
    func models() async throws {
        let pair = goldens.appending(path: "pairs/qwen2")
        let av = try Repository("org/av", folder: pair.appending(path: "av"))
        let adapter = try Repository("org/lora", folder: goldens.appending(path: "models/lora"))
        let data = Repository("org/texts", kind: "datasets", [Repository.File("t.jsonl", "{}\n")])
        try await withHub([repository(), av, adapter, data]) { _, _, environment in
            #expect(try Command.succeed(["models"], environment: environment).output.isEmpty)
            for name in ["org/name", "org/av", "org/lora", "datasets/org/texts"] {
                try Command.succeed(["pull", name], environment: environment)
            }
            func listed() throws -> [String: JSONValue] {
                let json = try Command.succeed(["models", "--json"], environment: environment).json()
                return Dictionary(uniqueKeysWithValues: (json.array ?? []).map { ($0["name"]?.string ?? "", $0) })
            }
            let list = try listed()
            func role(_ name: String) -> String? { list[name]?["revisions"]?[0]?["role"]?.string }
            #expect(role("org/name") == "target" && role("org/av") == "verbalizer" && role("org/lora") == "adapter")
            #expect(role("datasets/org/texts") == "data set" && list.count == 4)
            #expect(list["org/name"]?["bytes"]?.int ?? 0 > 300_000)
            let page = try Command.succeed(["models"], environment: environment)
            #expect(page.output.contains("org/av") && page.output.contains("main (") && page.errors.contains("4 in "))
            let removed = try Command.succeed(
                ["models", "remove", "org/name@main", "datasets/org/texts"], environment: environment)
            #expect(removed.output.contains("org/name@main: ") && removed.output.contains("freed"))
            #expect(
                try Set(listed().filter { !($0.value["revisions"]?.array ?? []).isEmpty }.keys) == [
                    "org/av", "org/lora",
                ])
            // A wrong name is found before anything is gone.
            try Command.fail(
                ["models", "remove", "org/av", "no name"], mentioning: ["no name"], environment: environment)
            #expect(try listed()["org/av"] != nil)
            try Command.fail(
                ["models", "remove", "org/nothing"], mentioning: ["org/nothing", "not in the cache"],
                environment: environment)
        }
    }

    @Test(
        "A command that needs the tokenizer alone fetches no weights, and one that needs weights says how many bytes come"
    )
    func needs() async throws {
        let target = try Repository("org/target", folder: goldens.appending(path: "pairs/qwen2/target"))
        try await withHub([target]) { hub, _, environment in
            let tokens = try Command.succeed(
                ["tokenize", "--model", "org/target", "--text", "The dog", "--json"], environment: environment)
            #expect(try tokens.json()["ids"]?.array?.isEmpty == false)
            #expect(!hub.requests.contains { $0.fetches("model.safetensors") })
            let generated = try Command.succeed(
                ["generate", "--model", "org/target", "--text", "The dog", "--max-tokens", "2"],
                environment: environment)
            #expect(
                generated.errors.contains("org/target@main") && generated.errors.contains("to be fetched"),
                "\(generated.errors)")
            #expect(hub.requests.contains { $0.fetches("model.safetensors") })
        }
    }
}
