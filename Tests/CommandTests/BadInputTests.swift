import Foundation
import JSON
import Tensors
import TestSupport
import Testing

@Suite("Bad input")
struct BadInputTests {
    private let llama = Folders.model("llama").path

    /// Expects an extraction to fail with one line and to leave no file.
    private func refuse(_ arguments: [String], mentioning words: [String]) throws {
        try withScratch { folder in
            let output = folder.appending(path: "out.safetensors").path
            let outcome = try Command.fail(["extract", "--output", output] + arguments, mentioning: words)
            #expect(outcome.output.isEmpty)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
        }
    }

    // MARK: Models

    @Test(
        "A model that is not there is refused with its name",
        arguments: [
            "", "/no/such/folder", "org/name", "org/name/more", "../nowhere", "~/x",
        ])
    func missingModel(name: String) throws {
        try withScratch { folder in
            for command in [
                ["extract", "--ids", "1", "--output", folder.appending(path: "o").path], ["tokenize", "--text", "a"],
                ["generate", "--text", "a"], ["check", "--reference", "r"],
            ] {
                try Command.fail(
                    command + ["--model", name], mentioning: [name.isEmpty ? "empty" : name],
                    environment: ["HF_HUB_CACHE": folder.path, "HF_HUB_OFFLINE": "1"])
            }
        }
    }

    @Test("A file in place of a model folder is refused")
    func modelIsFile() throws {
        let file = Folders.model("llama").appending(path: "config.json").path
        try refuse(["--model", file, "--ids", "1"], mentioning: [file, "not a model folder"])
        let reference = Folders.model("llama").appending(path: "expected.safetensors").path
        try Command.fail(
            ["check", "--model", file, "--reference", reference], mentioning: [file, "not a model folder"])
    }

    @Test("A model outside the cache is said to be looked for there")
    func cache() throws {
        try withScratch { folder in
            try Command.fail(
                ["tokenize", "--model", "org/name", "--text", "a"], mentioning: ["org/name", folder.path, "download"],
                environment: ["HF_HUB_CACHE": folder.path, "HF_HUB_OFFLINE": "1"])
        }
    }

    // MARK: Ids, positions, layers

    @Test(
        "Ids and positions outside their range are refused",
        arguments: [
            (["--ids", "5,37"], ["37", "vocabulary"]), (["--ids", "-1"], ["-1", "vocabulary"]),
            (["--ids", "4294967297"], ["4294967297"]), (["--ids", "9223372036854775808"], ["--ids"]),
            (["--ids", ""], ["--ids"]), (["--ids", "1,,2"], ["--ids"]), (["--ids", "1;2"], ["1;2"]),
            (["--ids", "1.5"], ["1.5"]),
            (["--ids", "1,2", "--positions", "2"], ["position 2", "2 tokens"]),
            (["--ids", "1,2", "--positions", "-3"], ["position -3", "2 tokens"]),
            (["--ids", "1,2", "--positions", "9223372036854775807"], ["position"]),
            (["--ids", "1,2", "--positions", "-9223372036854775808"], ["position"]),
            (["--ids", "1,2", "--positions", "a"], ["--positions a"]),
            (["--ids", "1", "--layer", "3"], ["--layer 3", "0...2"]),
            (["--ids", "1", "--layer", "-1"], ["--layer -1", "0...2"]),
            (["--ids", "1", "--layer", "last"], ["--layer last"]),
        ])
    func range(arguments: [String], words: [String]) throws {
        try refuse(["--model", llama] + arguments, mentioning: words)
    }

    @Test("Ids of another model's tokenizer are refused")
    func otherTokenizer() throws {
        try withScratch { folder in
            let model = try Folders.copy(into: folder)
            try Folders.writeTokenizer(to: model)
            try refuse(
                ["--model", model.path, "--text", "the reading"], mentioning: ["vocabulary of 37", "tokenizer"])
            try Command.fail(
                ["generate", "--model", model.path, "--text", "the reading"],
                mentioning: ["vocabulary of 37", "tokenizer"])
        }
    }

    @Test("An empty text has nothing to extract or to continue")
    func empty() throws {
        try withScratch { folder in
            let model = try Folders.talker(in: folder)
            try refuse(["--model", model.path, "--text", ""], mentioning: ["no tokens"])
            try Command.fail(["generate", "--model", model.path, "--text", ""], mentioning: ["no tokens"])
        }
    }

    @Test("More tokens than the machine can hold are refused before memory is asked for")
    func tooMany() throws {
        try withScratch { folder in
            let model = try Folders.talker(
                in: folder, configuration: ["num_hidden_layers": 100, "num_attention_heads": 64, "head_dim": 256])
            try Command.fail(
                ["generate", "--model", model.path, "--text", "a", "--max-tokens", "1000000"],
                mentioning: ["GiB", "ask for fewer"])
        }
    }

    // MARK: Files

    @Test("A text file that cannot be read is refused with its path")
    func textFile() throws {
        try withScratch { folder in
            try Folders.writeTokenizer(to: folder)
            let bad = folder.appending(path: "bad.txt")
            try Data([0x61, 0xFF, 0xFE]).write(to: bad)
            for path in [bad.path, folder.path, folder.appending(path: "none.txt").path] {
                try Command.fail(["tokenize", "--model", folder.path, "--file", path], mentioning: [path])
            }
        }
    }

    @Test(
        "Documents that are no documents are refused with the line",
        arguments: [
            ("{\"ids\": [1]}\n{\"ids\": [1, ", "line 2"), ("{\"ids\": [1]}\n\n{\"ids\": 1}", "line 3"),
            ("{\"ids\": [1.5]}", "line 1"), ("{\"ids\": [\"1\"]}", "line 1"), ("{\"ids\": [99999999999]}", "line 1"),
            ("{}", "line 1"), ("5", "line 1"), ("", "no documents"), ("\n \n", "no documents"),
            ("{\"ids\": [1]}\n{\"ids\": []}", "document 2"), ("{\"ids\": [1]}\n{\"ids\": [37]}", "document 2"),
            ("{\"ids\": [1]}\n{\"text\": \"a\"}", "tokenizer.json"),
        ])
    func documents(text: String, word: String) throws {
        try withScratch { folder in
            let file = folder.appending(path: "d.jsonl")
            try Folders.write(text, to: file)
            try refuse(["--model", llama, "--documents", file.path], mentioning: [word])
        }
    }

    @Test(
        "Messages that are no messages are refused with the path",
        arguments: [
            "", "{", "{}", "[]", "5", "{\"messages\": 5}", "[5]", "[{\"content\": \"a\"}]",
            "[{\"role\": \"user\", \"content\": \"a\"}] x",
        ])
    func messages(text: String) throws {
        try withScratch { folder in
            try Folders.writeTokenizer(to: folder)
            let file = folder.appending(path: "m.json")
            try Folders.write(text, to: file)
            try Command.fail(["tokenize", "--model", folder.path, "--messages", file.path], mentioning: [file.path])
        }
    }

    @Test(
        "A damaged tokenizer file is refused with its path",
        arguments: [
            ("tokenizer.json", ""), ("tokenizer.json", "{\"model\": "), ("tokenizer.json", "{}"),
            ("tokenizer.json", "{\"model\": {\"type\": \"Unigram\", \"vocab\": []}}"), ("tokenizer_config.json", "{"),
            ("special_tokens_map.json", "["), ("chat_template.jinja", "{% if %}"),
            ("chat_template.jinja", "{% dance %}"),
            ("chat_template.jinja", "{% for x in"),
        ])
    func tokenizer(name: String, text: String) throws {
        try withScratch { folder in
            try Folders.writeTokenizer(to: folder)
            try Folders.write(text, to: folder.appending(path: name))
            let messages = folder.appending(path: "m.json")
            try Folders.write([["role": "user", "content": "a"]], to: messages)
            try Command.fail(["tokenize", "--model", folder.path, "--messages", messages.path], mentioning: [name])
        }
    }

    @Test(
        "A template that fails says why",
        arguments: [
            ("{{ raise_exception('no such role') }}", "no such role"), ("{{ 1 | sing }}", "sing"),
            ("{{ messages[9].content.x }}", "template"),
            ("{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}", "template"),
        ])
    func template(text: String, word: String) throws {
        try withScratch { folder in
            try Folders.writeTokenizer(to: folder)
            try Folders.write(text, to: folder.appending(path: "chat_template.jinja"))
            let messages = folder.appending(path: "m.json")
            try Folders.write([["role": "user", "content": "a"]], to: messages)
            try Command.fail(["tokenize", "--model", folder.path, "--messages", messages.path], mentioning: [word])
        }
    }

    @Test("Messages for a model without a template are refused")
    func noTemplate() throws {
        try withScratch { folder in
            try Folders.writeTokenizer(to: folder)
            try FileManager.default.removeItem(at: folder.appending(path: "tokenizer_config.json"))
            let messages = folder.appending(path: "m.json")
            try Folders.write([["role": "user", "content": "a"]], to: messages)
            try Command.fail(["tokenize", "--model", folder.path, "--messages", messages.path], mentioning: ["--text"])
        }
    }

    @Test("A damaged generation_config.json is refused")
    func generationConfiguration() throws {
        try withScratch { folder in
            let model = try Folders.talker(in: folder)
            try Folders.write("{", to: model.appending(path: "generation_config.json"))
            try Command.fail(
                ["generate", "--model", model.path, "--text", "a"], mentioning: ["generation_config.json"])
        }
    }

    // MARK: References

    @Test(
        "A reference that cannot be compared is refused with its path",
        arguments: [
            (["hidden.0": Tensor(zeros: [2, 24])], "ids"),
            (["ids": Tensor(integers: [1, 2], shape: [2])], "nothing to compare"),
            (["ids": Tensor([Float(1), 2], shape: [2]), "hidden.0": Tensor(zeros: [2, 24])], "ids"),
            (["ids": Tensor(integers: [1, 2], shape: [1, 2]), "hidden.0": Tensor(zeros: [2, 24])], "ids"),
            (["ids": Tensor(integers: [1], shape: [1]), "hidden.0": Tensor(zeros: [1, 24])], "ids"),
            (["ids": Tensor(integers: [1, 37], shape: [2]), "hidden.0": Tensor(zeros: [2, 24])], "ids"),
            (["ids": Tensor(integers: [1, -2], shape: [2]), "hidden.0": Tensor(zeros: [2, 24])], "ids"),
            (["ids": Tensor(integers: [1, 2], shape: [2]), "hidden.0": Tensor(zeros: [3, 24])], "hidden.0"),
            (["ids": Tensor(integers: [1, 2], shape: [2]), "hidden.0": Tensor(zeros: [24, 2])], "hidden.0"),
            (["ids": Tensor(integers: [1, 2], shape: [2]), "hidden.3": Tensor(zeros: [2, 24])], "hidden.3"),
            (["ids": Tensor(integers: [1, 2], shape: [2]), "hidden.x": Tensor(zeros: [2, 24])], "hidden.x"),
            (["ids": Tensor(integers: [1, 2], shape: [2]), "logits": Tensor(zeros: [2, 36])], "logits"),
            (["ids": Tensor(integers: [1, 2], shape: [2]), "loss": Tensor(zeros: [2])], "loss"),
            (
                ["ids": Tensor(integers: [1, 2], shape: [2]), "grad.model.sun.weight": Tensor(zeros: [2])],
                "grad.model.sun.weight"
            ),
            (
                [
                    "ids": Tensor(integers: [1, 2], shape: [2]),
                    "after3.model.layers.9.mlp.up_proj.weight": Tensor(zeros: [2]),
                ],
                "after3."
            ),
            (
                ["ids": Tensor(integers: [1, 2], shape: [2]), "grad.model.norm.weight": Tensor(zeros: [23])],
                "grad.model.norm.weight"
            ),
        ])
    func reference(tensors: [String: Tensor], word: String) throws {
        try withScratch { folder in
            let file = folder.appending(path: "r.safetensors")
            try SafetensorsFile.write(tensors.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, to: file)
            try Command.fail(["check", "--model", llama, "--reference", file.path], mentioning: [file.path, word])
        }
    }

    @Test("A reference that is no file is refused with its path")
    func referenceFile() throws {
        try withScratch { folder in
            for path in [folder.path, folder.appending(path: "none").path] {
                try Command.fail(["check", "--model", llama, "--reference", path], mentioning: [path])
            }
        }
    }
}
