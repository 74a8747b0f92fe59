import Foundation
import JSON
import ScriptedHub
import Tensors
import TestSupport
import Testing

/// Data sets by their names on the hub, wherever a command reads texts, explanations, activations or stores.
@Suite("Data sets on the hub")
struct DataSetNameTests {
    private static let records = [#"{"ids": [1, 2, 3]}"#, #"{"ids": [4, 5]}"#].joined(separator: "\n")

    /// Two sentences for the model ``Folders/talker(in:configuration:)``, each with an id.
    private static let texts = (0..<30).map {
        #"{"id": "d\#($0)", "text": "The miller counted \#($0) ducks by the river."}"#
    }
    .joined(separator: "\n")

    private func dataSet(_ id: String, _ files: [Repository.File]) -> Repository {
        var repository = Repository(id, kind: "datasets", files + [Repository.File("README.md", "a data set")])
        repository.refs["v1"] = repository.refs["main"]
        return repository
    }

    private func extract(_ documents: String, _ folder: URL) -> (arguments: [String], output: URL) {
        let output = folder.appending(path: "\(UUID().uuidString).safetensors")
        let model = Folders.model("llama").path
        return (["extract", "--model", model, "--documents", documents, "--output", output.path], output)
    }

    @Test(
        "A data set with one file is that file, under every form of its name; its size is said first, and then the cache has it",
        arguments: [
            "org/texts", "org/texts@v1", "datasets/org/texts", "hf://datasets/org/texts",
            "hf://datasets/org/texts@v1/data",
            "hf://datasets/org/texts/data/texts.jsonl", "org/texts@\(Repository.commit(1))",
        ])
    func names(name: String) async throws {
        let texts = dataSet("org/texts", [Repository.File("data/texts.jsonl", Self.records)])
        try await withHub([texts]) { hub, folder, environment in
            let file = folder.appending(path: "local.jsonl")
            try Folders.write(Self.records, to: file)
            let wanted = extract(file.path, folder), named = extract(name, folder), again = extract(name, folder)
            try Command.succeed(wanted.arguments)
            let outcome = try Command.succeed(named.arguments, environment: environment)
            #expect(outcome.errors.contains("in 1 file"), "\(outcome.errors)")
            #expect(try Data(contentsOf: named.output) == Data(contentsOf: wanted.output))
            // The page that describes it is not fetched.
            #expect(!hub.requests.contains { $0.fetches("README.md") })
            try Command.succeed(again.arguments, environment: offline(environment))
            #expect(try Data(contentsOf: again.output) == Data(contentsOf: wanted.output))
        }
    }

    @Test("Of several files one is to be named, and nothing is fetched before; a path is never looked up")
    func several() async throws {
        let several = dataSet(
            "org/several",
            [Repository.File("b.jsonl", Self.records), Repository.File("a.jsonl", Self.records + "\n{\"ids\": [6]}")])
        try await withHub([several, dataSet("org/none", [])]) { hub, folder, environment in
            func fail(_ name: String, _ words: [String], _ environment: [String: String]) throws {
                try Command.fail(
                    extract(name, folder).arguments + ["--quiet"], mentioning: words, environment: environment)
            }
            try fail("org/several", ["2 files", "a.jsonl, b.jsonl", "hf://datasets/org/several/a.jsonl"], environment)
            try fail("org/several@v1", ["hf://datasets/org/several@v1/a.jsonl"], environment)
            try fail("org/none", ["org/none", "Parquet or JSON Lines", "README.md"], environment)
            try fail("org/unknown", ["org/unknown", "data set"], environment)
            #expect(!hub.requests.contains { $0.fetches(".jsonl") })
            try Command.succeed(
                extract("hf://datasets/org/several/b.jsonl", folder).arguments, environment: environment)
            try fail("org/several", ["2 files", "hf://datasets/org/several/a.jsonl"], offline(environment))
            let asked = hub.requests.count
            for path in ["nowhere/texts.jsonl", "nowhere/data.parquet", "./org/several", "several"] {
                try fail(path, [path.replacing("./", with: "")], environment)
            }
            #expect(hub.requests.count == asked)
        }
    }

    @Test("Files of one data set are read as one and said to be: of a repository, a folder, or a pattern")
    func shards() async throws {
        let lines = Self.records.split(separator: "\n").map { String($0) + "\n" }
        let names = ["train-00000-of-00002.jsonl", "train-00001-of-00002.jsonl"]
        let shards = zip(names, lines).map { Repository.File("data/\($0)", $1) }
        try await withHub([dataSet("org/shards", shards + [Repository.File("test.jsonl", Self.records)])]) {
            hub, folder, environment in
            let whole = folder.appending(path: "whole.jsonl"), apart = folder.appending(path: "apart")
            try Folders.write(Self.records, to: whole)
            try FileManager.default.createDirectory(at: apart, withIntermediateDirectories: false)
            for (name, line) in zip(names, lines) { try Folders.write(line, to: apart.appending(path: name)) }
            let wanted = extract(whole.path, folder)
            try Command.succeed(wanted.arguments)
            for name in [
                "hf://datasets/org/shards/data", "org/shards:data/train-*.jsonl", apart.path, apart.path + "/",
                apart.path + "/*.jsonl", folder.path + "/a*/train-*-of-00002.jsonl",
            ] {
                let read = extract(name, folder)
                let outcome = try Command.succeed(read.arguments, environment: environment)
                #expect(outcome.errors.contains("2 files as one"), "\(name): \(outcome.errors)")
                #expect(try Data(contentsOf: read.output) == Data(contentsOf: wanted.output), "\(name)")
            }
            func fail(_ name: String, _ words: [String]) throws {
                try Command.fail(
                    extract(name, folder).arguments + ["--quiet"], mentioning: words, environment: environment)
            }
            try fail("org/shards", ["2 sets of files", "data/train-*-of-00002.jsonl, test.jsonl"])
            try Folders.write(Self.records, to: apart.appending(path: "test.jsonl"))
            try fail(apart.path, ["several data sets", "test.jsonl, train-*-of-00002.jsonl"])
            try FileManager.default.removeItem(at: apart.appending(path: "test.jsonl"))
            try FileManager.default.removeItem(at: apart.appending(path: names[0]))
            try fail(apart.path, [names[0], "is not there"])
            try fail(apart.path + "/*.parquet", ["*.parquet", "nothing matches"])
            try fail(folder.path, ["several data sets"])
        }
    }

    @Test("A conversation is a document of nla extract too, in the format that is asked for, and that is said")
    func conversations() throws {
        try withScratch { folder in
            let model = try Folders.talker(in: folder).path, chats = folder.appending(path: "c.jsonl")
            try Folders.write(
                #"{"conversations": [{"from": "human", "value": "the river"}, {"from": "gpt", "value": "is wide"}]}"#,
                to: chats)
            func read(_ more: [String]) throws -> (file: URL, errors: String) {
                let output = folder.appending(path: "\(UUID().uuidString).safetensors")
                let outcome = try Command.succeed(["extract", "--model", model, "--output", output.path] + more)
                return (output, outcome.errors)
            }
            let documents = try read(["--documents", chats.path])
            let chat = try read(["--messages", chats.path, "--row", "1", "--chat-format", "conversations"])
            #expect(documents.errors.contains("conversations (from, value)"), "\(documents.errors)")
            #expect(chat.errors.contains("conversations (from, value)"), "\(chat.errors)")
            let wanted = try SafetensorsFile(chat.file).requiredTensor("activations").floats()
            #expect(try SafetensorsFile(documents.file).requiredTensor("activations").floats() == wanted)
            let output = folder.appending(path: "none.safetensors").path
            let start = ["extract", "--model", model, "--output", output, "--quiet"]
            for more in [["--documents", chats.path], ["--messages", chats.path, "--row", "1"]] {
                try Command.fail(
                    start + more + ["--chat-format", "messages"], mentioning: ["c.jsonl", "messages", "--chat-format"])
            }
            let plain = ["--text", "a", "--chat-format", "messages"]
            #expect(try Command.run(start + plain).status == 64)
        }
    }

    @Test("A chat, explanations and texts are read by name")
    func readers() async throws {
        let chats = dataSet(
            "org/chats", [Repository.File("c.jsonl", #"{"messages": [{"role": "user", "content": "the river"}]}"#)])
        let explanations = dataSet(
            "org/said", [Repository.File("e.jsonl", #"{"id": "d1", "explanation": "Ducks are counted."}"#)])
        let texts = dataSet("org/texts", [Repository.File("t.jsonl", Self.texts)])
        try await withHub([chats, explanations, texts]) { _, folder, environment in
            let model = try Folders.talker(in: folder).path
            func tokens(_ messages: String) throws -> String {
                try Command.succeed(
                    ["tokenize", "--model", model, "--messages", messages, "--row", "1", "--json"],
                    environment: environment
                ).output
            }
            let file = folder.appending(path: "c.jsonl")
            try Folders.write(#"{"messages": [{"role": "user", "content": "the river"}]}"#, to: file)
            #expect(try tokens("org/chats") == tokens(file.path))
            let taught = folder.appending(path: "taught.jsonl")
            try Command.succeed(
                ["data", "teach", "--texts", "org/texts", "--from", "org/said", "--output", taught.path],
                environment: environment)
            #expect(try String(contentsOf: taught, encoding: .utf8).contains("Ducks are counted."))
        }
    }

    @Test("A run reads its data by name, keeps the name in its run file, and goes on without the hub")
    func run() async throws {
        try await withHub([dataSet("org/texts", [Repository.File("t.jsonl", Self.texts)])]) { _, folder, environment in
            let tokenizer = folder.appending(path: "tokenizer"), output = folder.appending(path: "run")
            try FileManager.default.createDirectory(at: tokenizer, withIntermediateDirectories: false)
            try Folders.writeTokenizer(to: tokenizer)
            let arguments = [
                "train", "target", "--output", output.path, "--data", "org/texts", "--tokenizer", tokenizer.path,
                "--steps", "2", "--tokens-per-step", "100", "--blocks", "1", "--width", "16", "--heads", "2",
                "--mlp-width", "24", "--precision", "f32",
            ]
            try Command.succeed(arguments, environment: environment)
            let runFile = try String(contentsOf: output.appending(path: "run.yaml"), encoding: .utf8)
            #expect(runFile.contains("org/texts"))
            let again = try Command.succeed(arguments, environment: offline(environment))
            #expect(again.errors.contains("finished"))
        }
    }

    /// A store of the model's activations.
    private func store(_ folder: URL) throws -> (store: URL, model: URL) {
        let model = try Folders.talker(in: folder), store = folder.appending(path: "store")
        let documents = folder.appending(path: "d.jsonl")
        try Folders.write(Self.texts, to: documents)
        try Command.succeed([
            "data", "store", "--model", model.path, "--documents", documents.path, "--layer", "1",
            "--positions-per-document", "4", "--first-position", "0", "--split", "all", "--output", store.path,
        ])
        return (store, model)
    }

    @Test("An activation store is one by name, in the top folder or in another")
    func stores() async throws {
        try await withHub([]) { hub, folder, environment in
            let (store, _) = try store(folder), files = try Repository.files(store)
            let copy = Repository.File("copy.parquet", "not to be fetched")
            let nested = files.map { file -> Repository.File in
                guard case .bytes(let bytes, _) = file.content else { return file }
                return Repository.File("nested/\(file.path)", bytes, isLarge: file.isLarge)
            }
            hub.add(dataSet("org/store", files + [copy]))
            hub.add(dataSet("org/nested", nested))
            func exported(_ name: String, _ environment: [String: String]) throws -> Data {
                let output = folder.appending(path: "\(UUID().uuidString).parquet")
                try Command.succeed(
                    ["data", "export", "--store", name, "--output", output.path], environment: environment)
                return try Data(contentsOf: output)
            }
            let wanted = try exported(store.path, [:])
            for name in ["org/store", "hf://datasets/org/nested/nested"] {
                #expect(try exported(name, environment) == wanted)
                #expect(try exported(name, offline(environment)) == wanted)
            }
            #expect(!hub.requests.contains { $0.fetches("copy.parquet") })
            let output = folder.appending(path: "none.parquet").path
            try Command.fail(
                ["data", "export", "--store", "org/nested", "--quiet", "--output", output],
                mentioning: ["org/nested", "manifest.json"], environment: environment)
        }
    }

    @Test(
        "A Parquet file in the reference code's layout comes with its sidecar",
        arguments: ["org/base", "hf://datasets/org/base/rl.parquet"])
    func sidecar(name: String) async throws {
        try await withHub([]) { hub, folder, environment in
            let (store, _) = try store(folder), exported = folder.appending(path: "exported")
            try FileManager.default.createDirectory(at: exported, withIntermediateDirectories: false)
            try Command.succeed(
                ["data", "export", "--store", store.path, "--output", exported.appending(path: "rl.parquet").path])
            hub.add(dataSet("org/base", try Repository.files(exported)))
            let local = folder.appending(path: "local"), fetched = folder.appending(path: "fetched")
            try Command.succeed([
                "data", "import", exported.appending(path: "rl.parquet").path, "--output", local.path,
            ])
            try Command.succeed(["data", "import", name, "--output", fetched.path], environment: environment)
            for file in try FileManager.default.contentsOfDirectory(atPath: local.path) where file != "store.lock" {
                #expect(
                    try Data(contentsOf: local.appending(path: file)) == Data(contentsOf: fetched.appending(path: file))
                )
            }
        }
    }
}
