import Foundation
import JSON
import TestSupport
import Testing
import Tokenization

@Suite("Tokenizer folders")
struct TokenizerFolderTests {
    private static let model =
        #"{"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "<s>": 3, "</s>": 4}, "merges": ["a b"]}"#

    /// Writes files into a new folder, calls `body` with it and removes it.
    private func withFolder(_ files: [String: String], _ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, contents) in files {
            try Data(contents.utf8).write(to: folder.appending(path: name))
        }
        try body(folder)
    }

    private func reason(_ tokenizerJSON: String) -> String? {
        #expect(throws: TokenizerError.self) {
            _ = try Tokenizer(tokenizerJSON: tokenizerJSON.bytes, source: "tokenizer.json")
        }?.description
    }

    @Test("Markers are read as text and as objects")
    func markers() throws {
        let configuration = #"{"bos_token": {"content": "<s>", "lstrip": false}, "eos_token": "</s>"}"#
        try withFolder(["tokenizer.json": "{\"model\": \(Self.model)}", "tokenizer_config.json": configuration]) {
            let tokenizer = try Tokenizer(folder: $0)
            #expect(tokenizer.beginningOfText?.text == "<s>")
            #expect(tokenizer.beginningOfText?.id == 3)
            #expect(tokenizer.endOfText?.id == 4)
            #expect(tokenizer.chatTemplate == nil)
            #expect(tokenizer.vocabularySize == 5)
        }
    }

    @Test("Markers missing from the configuration come from the other files")
    func otherFiles() throws {
        try withFolder([
            "tokenizer.json": "{\"model\": \(Self.model)}", "special_tokens_map.json": #"{"bos_token": "<s>"}"#,
            "generation_config.json": #"{"eos_token_id": [4, 3]}"#, "config.json": #"{"eos_token_id": 0}"#,
        ]) {
            let tokenizer = try Tokenizer(folder: $0)
            #expect(tokenizer.beginningOfText?.id == 3)
            #expect(tokenizer.endOfText?.text == "</s>")
        }
    }

    @Test("The chat template's own file comes before the configuration, whose list may name a default")
    func templates() throws {
        let configuration =
            #"{"chat_template": [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]}"#
        var files = ["tokenizer.json": "{\"model\": \(Self.model)}", "tokenizer_config.json": configuration]
        func expect(_ expected: String) throws {
            try withFolder(files) { folder in
                let template = try #require(try Tokenizer(folder: folder).chatTemplate)
                let text = try template.render(
                    messages: [], addGenerationPrompt: false, bosToken: nil, eosToken: nil)
                #expect(text == expected)
            }
        }
        try expect("d")
        files["chat_template.jinja"] = "f"
        try expect("f")
        files["chat_template.jinja"] = "{% if %}"
        // Who does not use the template is not held up by it.
        try withFolder(files) { folder in
            let tokenizer = try Tokenizer(folder: folder)
            #expect(tokenizer.encode("ab") == [2])
            let error = #expect(throws: TokenizerError.self) {
                try tokenizer.render(Conversation(messages: [["role": "user"]]))
            }
            #expect(error?.source.hasSuffix("chat_template.jinja") == true)
        }
    }

    @Test("With tools the template for tools is used, a name chooses one, and without a default one must be named")
    func namedTemplates() throws {
        let configuration = #"{"chat_template": {"tool_use": "t", "default": "d", "rag": "r"}}"#
        var files = ["tokenizer.json": "{\"model\": \(Self.model)}", "tokenizer_config.json": configuration]
        let plain = Conversation(messages: [["role": "user"]])
        var tools = plain
        tools.tools = []
        try withFolder(files) {
            let tokenizer = try Tokenizer(folder: $0)
            #expect(try tokenizer.render(plain) == "d")
            #expect(try tokenizer.render(tools) == "t")
            #expect(try tokenizer.render(tools, template: "rag") == "r")
            let error = #expect(throws: TokenizerError.self) { try tokenizer.render(plain, template: "x") }
            #expect(error?.reason.contains("default, rag, tool_use") == true)
        }
        files["tokenizer_config.json"] = #"{"chat_template": {"tool_use": "t", "rag": "r"}}"#
        try withFolder(files) { folder in
            let error = #expect(throws: TokenizerError.self) { try Tokenizer(folder: folder).render(plain) }
            #expect(error?.reason.contains("rag, tool_use") == true)
        }
    }

    @Test("Templates in .jinja files come before the configuration, and that before chat_template.json")
    func templateFiles() throws {
        var files = [
            "tokenizer.json": "{\"model\": \(Self.model)}", "tokenizer_config.json": #"{"chat_template": "c"}"#,
            "chat_template.json": #"{"chat_template": "j"}"#,
        ]
        let plain = Conversation(messages: [["role": "user"]])
        try withFolder(files) { folder in
            #expect(try Tokenizer(folder: folder).render(plain) == "c")
            let named = folder.appending(path: "chat_templates")
            try FileManager.default.createDirectory(at: named, withIntermediateDirectories: true)
            try Data("r".utf8).write(to: named.appending(path: "rag.jinja"))
            #expect(throws: TokenizerError.self) { try Tokenizer(folder: folder).render(plain) }
            try Data("f".utf8).write(to: folder.appending(path: "chat_template.jinja"))
            let tokenizer = try Tokenizer(folder: folder)
            #expect(try tokenizer.render(plain) == "f")
            #expect(try tokenizer.render(plain, template: "rag") == "r")
        }
        files["tokenizer_config.json"] = nil
        try withFolder(files) { folder in
            let text = try Tokenizer(folder: folder).render(plain)
            #expect(text == "j")
        }
    }

    @Test("A folder without tokenizer.json is refused with the path")
    func missing() throws {
        try withFolder([:]) { folder in
            let error = #expect(throws: TokenizerError.self) { _ = try Tokenizer(folder: folder) }
            #expect(error?.source.hasSuffix("tokenizer.json") == true)
        }
    }

    @Test("What is not supported is named")
    func unsupported() {
        #expect(reason(#"{"model": {"type": "Unigram", "vocab": [["a", -1.5]]}}"#)?.contains("Unigram") == true)
        #expect(reason(#"{"model": {"type": "WordPiece", "vocab": {}}}"#)?.contains("WordPiece") == true)
        for (part, type) in [
            ("normalizer", "Precompiled"), ("pre_tokenizer", "UnicodeScripts"), ("post_processor", "Other"),
            ("decoder", "WordPiece"),
        ] {
            #expect(reason("{\"model\": \(Self.model), \"\(part)\": {\"type\": \"\(type)\"}}")?.contains(type) == true)
        }
    }

    @Test("Merges and options that contradict the vocabulary are refused")
    func contradictions() {
        #expect(reason(#"{"model": {"vocab": {"a": 0}, "merges": ["a b"]}}"#)?.contains("\"b\"") == true)
        #expect(reason(#"{"model": {"vocab": {"a": 0}, "merges": ["a"]}}"#)?.contains("merge 0") == true)
        #expect(reason(#"{"model": {"vocab": {"a": -1}, "merges": []}}"#)?.contains("\"a\"") == true)
        #expect(reason(#"{"model": {"vocab": {"a": 99999999999}, "merges": []}}"#)?.contains("\"a\"") == true)
        #expect(reason(#"{"model": {"vocab": {"a": 0}, "merges": [], "unk_token": "u"}}"#)?.contains("\"u\"") == true)
        #expect(reason(#"{"model": {"vocab": {"a": 0}, "merges": [], "dropout": 0.1}}"#)?.contains("dropout") == true)
        #expect(reason("{}")?.contains("model") == true)
        #expect(reason("[")?.contains("line 1") == true)
    }

    @Test("Merges may stand before the vocabulary, and be pairs or text")
    func order() throws {
        for merges in [#"["a b"]"#, #"[["a", "b"]]"#] {
            let text = "{\"model\": {\"merges\": \(merges), \"vocab\": {\"a\": 5, \"b\": 1, \"ab\": 2}}}"
            #expect(try Tokenizer(tokenizerJSON: text.bytes, source: "test").encode("abab") == [2, 2])
        }
    }

    @Test("Canonically equivalent pieces stay apart")
    func canonicalEquivalence() throws {
        let text = #"{"model": {"vocab": {"\u00e9": 0, "e": 1, "\u0301": 2, "e\u0301": 3}, "merges": ["e \u0301"]}}"#
        let tokenizer = try Tokenizer(tokenizerJSON: text.bytes, source: "test")
        #expect(tokenizer.encode("\u{E9}e\u{301}") == [0, 3])
        #expect(tokenizer.id(of: "\u{E9}") == 0)
        #expect(tokenizer.id(of: "e\u{301}") == 3)
    }

    @Test("A regular expression that does not compile, or that means something else here, is refused")
    func regularExpressions() {
        for pattern in ["(a", "[a[bc]]", "[a&&b]"] {
            let step = "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"\(pattern)\"}, \"behavior\": \"Isolated\"}"
            #expect(reason("{\"model\": \(Self.model), \"pre_tokenizer\": \(step)}")?.contains(pattern) == true)
        }
    }

    @Test("A pattern that backtracks forever is cut off")
    func hostilePattern() throws {
        let step = #"{"type": "Split", "pattern": {"Regex": "(a*)*(a*)*b|x"}, "behavior": "Isolated"}"#
        let tokenizer = try Tokenizer(
            tokenizerJSON: "{\"model\": \(Self.model), \"pre_tokenizer\": \(step)}".bytes, source: "test")
        // Not cut off, it would not end within anybody's life.
        #expect(tokenizer.encode(String(repeating: "a", count: 5000)).count == 5000)
    }

    @Test("A megabyte without a space is encoded in time near linear")
    func longWord() throws {
        let tokenizer = try Tokenizer(tokenizerJSON: "{\"model\": \(Self.model)}".bytes, source: "test")
        let times = growth(from: 62_500, to: 500_000) { size in
            #expect(tokenizer.encode(String(repeating: "ab", count: size)) == Array(repeating: 2, count: size))
        }
        // Eight times the work, and what sorting adds; 64 times, were it quadratic.
        #expect(times < 24, "\(times)")
    }

    @Test("Many threads share one tokenizer")
    func threads() async throws {
        let tokenizer = try Tokenizer(tokenizerJSON: "{\"model\": \(Self.model)}".bytes, source: "test")
        await withTaskGroup(of: Bool.self) { group in
            for count in 1...50 {
                group.addTask {
                    (0..<20).allSatisfy { _ in
                        tokenizer.encode(String(repeating: "ab", count: count)) == Array(repeating: 2, count: count)
                    }
                }
            }
            for await isRight in group { #expect(isRight) }
        }
    }
}
