import Autoencoder
import Foundation
import JSON
import LanguageModel
import Studio
import Tensors
import TestSupport
import Testing
import Tokenization

/// Every field of the public schemas of `/v1`: honoured, or refused by name.
@Suite("Fields of /v1")
struct ChatFieldTests {
    private static let chat = "/v1/chat/completions", text = "/v1/completions"

    private func body(_ path: String, _ fields: JSONObject) -> JSONValue {
        var body: JSONObject =
            path == ChatFieldTests.text
            ? ["prompt": "Where is Rosa?"] : ["messages": [["role": "user", "content": "Where is Rosa?"]]]
        for (key, value) in fields { body[key] = value }
        return .object(body)
    }

    private func content(_ answer: JSONValue, _ index: Int = 0) -> String? {
        (answer["choices"]?[index]?["message"]?["content"] ?? answer["choices"]?[index]?["text"])?.string
    }

    // MARK: Refused

    /// What asks for something that the server does not do, or makes no sense: a field and its value, a line each.
    private static let refusedByBoth = """
        allowed_token_ids [3]
        bad_words ["a"]
        guided_json {"type": "object"}
        guided_regex "a*"
        guided_choice ["a"]
        guided_grammar "x"
        structured_outputs {"regex": "a"}
        structural_tag "x"
        length_penalty 0.5
        priority 1
        prompt_logprobs 0
        use_beam_search true
        truncate_prompt_tokens 5
        return_token_ids true
        return_tokens_as_token_ids true
        logits_processors ["x"]
        kv_transfer_params {"a": 1}
        vllm_xargs {"a": 1}
        response_format {"type": "json_object"}
        response_format {"type": "json_schema", "json_schema": {}}
        response_format "text"
        stream_options {"include_usage": true}
        max_token 3
        repitition_penalty 1.2
        temperature -1
        temperature "hot"
        top_p 1.5
        top_k -2
        top_k 1.5
        min_p -0.1
        min_p 2
        repetition_penalty 0
        repetition_penalty -1
        presence_penalty 2.5
        frequency_penalty -3
        logit_bias [3]
        logit_bias {"-1": 1}
        logit_bias {"a": 1}
        logit_bias {"3": 200}
        logit_bias {"99999": 1}
        logit_bias {"3": "x"}
        stop_token_ids 13
        stop_token_ids ["13"]
        stop_token_ids [99999]
        stop_token_ids [-1]
        min_tokens -1
        min_tokens 4000
        ignore_eos 1
        n 0
        n 17
        seed 1.5
        stop 3
        stop [""]
        max_tokens 0
        skip_special_tokens "no"
        request_id 3
        """
    private static let refusedByChats = """
        messages null
        messages []
        messages [{"content": "a"}]
        messages [{"role": "user", "content": 3}]
        messages [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]
        messages [{"role": "assistant", "tool_calls": "x"}]
        messages [{"role": "assistant", "tool_calls": ["x"]}]
        messages [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]}]
        logprobs 1
        top_logprobs 1
        top_logprobs 21
        audio {"voice": "x"}
        function_call {"name": "f"}
        functions [{"name": "f"}]
        modalities ["text", "audio"]
        parallel_tool_calls false
        prediction {"type": "content", "content": "a"}
        reasoning_effort "high"
        service_tier "flex"
        store true
        tool_choice "required"
        tool_choice {"type": "function", "function": {"name": "f"}}
        verbosity "low"
        web_search_options {"a": 1}
        chat_template "{{ messages }}"
        chat_template_kwargs 3
        chat_template_kwargs {"messages": []}
        documents [{"text": "a"}]
        echo true
        include_reasoning false
        mm_processor_kwargs {"a": 1}
        media_io_kwargs {"a": 1}
        tools [{"type": "function", "function": {"name": "f"}}]
        tools ["f"]
        best_of 3
        continue_final_message "yes"
        prompt "a"
        suffix "a"
        """
    private static let refusedByTexts = """
        prompt null
        prompt []
        prompt [""]
        prompt 3
        prompt [99999]
        prompt ["a", 3]
        suffix "a"
        prompt_embeds "x"
        logprobs 21
        logprobs true
        best_of 17
        messages [{"role": "user", "content": "a"}]
        tools [{"type": "function"}]
        """

    private static func lines(_ text: String) throws -> [(field: String, value: JSONValue)] {
        try text.split(separator: "\n").map { line in
            let parts = line.split(separator: " ", maxSplits: 1)
            return (String(parts[0]), try JSONValue.parse(String(parts[1])))
        }
    }

    @Test("A field that is not honoured, is wrong or is unknown is a 400 of one line that names it")
    func refusals() async throws {
        try await withServer { client, _ async throws in
            let both = try ChatFieldTests.lines(ChatFieldTests.refusedByBoth)
            let chats = both + (try ChatFieldTests.lines(ChatFieldTests.refusedByChats))
            let texts = both + (try ChatFieldTests.lines(ChatFieldTests.refusedByTexts))
            let all =
                chats.map { (ChatFieldTests.chat, $0.field, $0.value) }
                + texts.map { (ChatFieldTests.text, $0.field, $0.value) }
            for (path, field, value) in all {
                let answer = try await client.post(path, body(path, [field: value]))
                let error = try answer.json()["error"]
                let message = error?["message"]?.string ?? ""
                #expect(error?["code"] == 400)
                #expect(answer.status == 400, "\(path) \(field): \(value.serialized()): \(answer.status)")
                #expect(
                    (message.contains(field) || error?["param"]?.string == field) && !message.contains("\n"),
                    "\(field): \(answer.text)")
            }
            // What goes wrong only together.
            let together: [(path: String, fields: JSONObject, field: String)] = [
                (
                    ChatFieldTests.chat, ["continue_final_message": true, "add_generation_prompt": true],
                    "continue_final"
                ),
                (
                    ChatFieldTests.chat, ["stream": true, "stream_options": ["continuous_usage_stats": true]],
                    "continuous"
                ),
                (ChatFieldTests.chat, ["stream": true, "stream_options": ["include_usage": 3]], "include_usage"),
                (ChatFieldTests.text, ["echo": true, "logprobs": 1], "echo"),
                (ChatFieldTests.text, ["stream": true, "best_of": 2], "best_of"),
                (ChatFieldTests.text, ["n": 3, "best_of": 2], "best_of"),
            ]
            for (path, fields, field) in together {
                let answer = try await client.post(path, body(path, fields))
                #expect(answer.status == 400 && answer.text.contains(field), "\(answer.text)")
            }
        }
    }

    @Test("Fields that ask for what happens anyway are no reason to refuse, nor are nulls, and they change nothing")
    func neutral() async throws {
        let both = """
            {"frequency_penalty": 0, "presence_penalty": 0, "repetition_penalty": 1, "min_p": 0, "top_k": -1, "top_p": 1,
            "logit_bias": {}, "min_tokens": 0, "ignore_eos": false, "stop_token_ids": [], "length_penalty": 1,
            "priority": 0, "use_beam_search": false, "response_format": {"type": "text"}, "bad_words": [],
            "skip_special_tokens": true, "spaces_between_special_tokens": true, "include_stop_str_in_output": false,
            "user": "me", "return_token_ids": false, "n": 1, "best_of": 1, "echo": false, "stream": false,
            "cache_salt": "x", "guided_json": null, "prompt_logprobs": null, "seed": null, "stop": null,
            "max_tokens": 12, "temperature": 0}
            """
        let chats = """
            {"top_logprobs": 0, "logprobs": false, "tools": [], "tool_choice": "auto", "functions": null,
            "function_call": "none", "modalities": ["text"], "service_tier": "auto", "store": false,
            "parallel_tool_calls": true, "metadata": {"a": "b"}, "verbosity": "medium", "documents": [],
            "add_generation_prompt": true, "continue_final_message": false, "chat_template": null,
            "chat_template_kwargs": {"enable_thinking": false}, "prompt_cache_key": "k", "safety_identifier": "s",
            "reasoning_effort": null, "max_completion_tokens": null, "add_special_tokens": false}
            """
        let texts = #"{"suffix": null, "logprobs": null, "prompt_embeds": null, "add_special_tokens": true}"#
        let own = [(ChatFieldTests.chat, chats), (ChatFieldTests.text, texts)]
        try await withServer { client, _ async throws in
            for (path, fields) in own {
                var all = try JSONValue.parse(both).object ?? [:]
                for (key, value) in try JSONValue.parse(fields).object ?? [:] { all[key] = value }
                let plain = try await client.json(path, body(path, ["max_tokens": 12, "temperature": 0]))
                let full = try await client.json(path, body(path, all))
                #expect(content(full) == content(plain), "\(path)")
                var nulls = JSONObject()
                for key in all.keys { nulls[key] = .null }
                nulls["max_tokens"] = 12
                nulls["temperature"] = 0
                #expect(content(try await client.json(path, body(path, nulls))) == content(plain), "\(path)")
            }
        }
    }

    // MARK: Honoured

    @Test("Tokens and strings end texts, and end-of-text does not if it is ignored", arguments: [chat, text])
    func ends(_ path: String) async throws {
        let tokenizer = try Bundled.target().tokenizer, point = try #require(tokenizer.encode(".").first)
        try await withServer { client, _ async throws in
            func write(_ fields: JSONObject) async throws -> JSONValue {
                var fields = fields
                fields["temperature"] = 0
                if fields["max_tokens"] == nil { fields["max_tokens"] = 20 }
                return try await client.json(path, body(path, fields))
            }
            // The greedy answer begins with a full stop and holds several.
            let stopped = try await write(["stop_token_ids": [.integer(Int(point))], "logit_bias": ["\(point)": 60]])
            #expect(stopped["usage"]?["completion_tokens"] == 1 && content(stopped) == "")
            #expect(stopped["choices"]?[0]?["finish_reason"] == "stop")
            let kept = try await write([
                "stop_token_ids": [.integer(Int(point))], "logit_bias": ["\(point)": 60],
                "include_stop_str_in_output": true,
            ])
            #expect(content(kept) == ".")
            let later = try await write([
                "stop_token_ids": [.integer(Int(point))], "logit_bias": ["\(point)": 60], "min_tokens": 5,
            ])
            #expect(later["usage"]?["completion_tokens"] == 6 && later["choices"]?[0]?["finish_reason"] == "stop")
            // Nor do strings count before.
            let strings = try await write(["stop": ["."], "logit_bias": ["\(point)": 60], "min_tokens": 0])
            #expect(strings["usage"]?["completion_tokens"] == 1)
            let least = try await write(["stop": ["."], "logit_bias": ["\(point)": 60], "min_tokens": 4])
            #expect(least["usage"]?["completion_tokens"] == 5 && content(least) == "....")
            let end = try #require(tokenizer.endOfText?.id)
            let ended = try await write(["logit_bias": ["\(end)": 60]])
            #expect(ended["usage"]?["completion_tokens"] == 1 && ended["choices"]?[0]?["finish_reason"] == "stop")
            let ignored = try await write(["logit_bias": ["\(end)": 60], "ignore_eos": true])
            #expect(ignored["usage"]?["completion_tokens"] == 20)
            #expect(ignored["choices"]?[0]?["finish_reason"] == "length" && content(ignored) == "")
            let shown = try await write([
                "logit_bias": ["\(end)": 60], "ignore_eos": true, "skip_special_tokens": false, "max_tokens": 2,
            ])
            #expect(content(shown) == String(repeating: tokenizer.token(end) ?? "", count: 2))
        }
    }

    @Test("Penalties, biases and cuts change what is written as they should", arguments: [chat, text])
    func penalties(_ path: String) async throws {
        let ids = try Bundled.target().tokenizer.encode(" Hester"), first = try #require(ids.first)
        try await withServer { client, _ async throws in
            func write(_ fields: JSONObject) async throws -> [String] {
                var fields = fields
                fields["max_tokens"] = 24
                fields["ignore_eos"] = true
                fields["logprobs"] = path == ChatFieldTests.chat ? true : 0
                let choice = try await client.json(path, body(path, fields))["choices"]?[0]
                return choice?["logprobs"]?["tokens"]?.array?.compactMap(\.string)
                    ?? choice?["logprobs"]?["content"]?.array?.compactMap { $0["token"]?.string } ?? []
            }
            let biased = try await write(["logit_bias": ["\(first)": 100], "temperature": 1])
            #expect(Set(biased).count == 1 && biased.count == 24)
            // A positive logit divided by a hundred once it has been written: no token comes twice in a row of few.
            let repeated = try await write([
                "logit_bias": ["\(first)": 60], "repetition_penalty": 100, "temperature": 0,
            ])
            #expect(repeated.count { $0 == biased[0] } == 1)
            // One that is taken away for each time makes room for others in the end.
            let often: JSONObject = ["logit_bias": ["\(first)": 20], "temperature": 0]
            var less = often
            less["frequency_penalty"] = 2
            let plain = try await write(often), fewer = try await write(less)
            #expect(fewer.count { $0 == biased[0] } < plain.count { $0 == biased[0] })
            // One that is taken away once does so only where the difference is small.
            var hasChanged = false
            for bias in 0..<24 where !hasChanged {
                var fields: JSONObject = ["logit_bias": ["\(first)": .integer(bias)], "temperature": 0]
                let plain = try await write(fields)
                fields["presence_penalty"] = 2
                hasChanged = try await write(fields) != plain
            }
            #expect(hasChanged)
            // Cuts that leave one token write what temperature 0 does.
            let greedy = try await write(["temperature": 0])
            let cuts: [JSONObject] = [["top_k": 1], ["top_p": 0], ["min_p": 1]]
            for cut in cuts {
                var fields = cut
                fields["temperature"] = 2
                #expect(try await write(fields) == greedy, "\(cut.keys)")
            }
            let free = try await write(["temperature": 2, "seed": 3])
            #expect(free != greedy)
            #expect(try await write(["temperature": 2, "seed": 3]) == free)
            #expect(try await write(["temperature": 2, "seed": 4]) != free)
        }
    }

    @Test("Stop tokens of the greedy answer end it where they stand: the case of a full stop that comes first")
    func firstToken() async throws {
        try await withServer { client, _ async throws in
            let path = ChatFieldTests.chat
            let plain = try await client.json(
                path, body(path, ["max_tokens": 8, "temperature": 0, "logprobs": true]))
            let first = try #require(plain["choices"]?[0]?["logprobs"]?["content"]?[0]?["token"]?.string)
            let id = try #require(try Bundled.target().tokenizer.id(of: first))
            let answer = try await client.json(
                path, body(path, ["max_tokens": 20, "temperature": 0, "stop_token_ids": [.integer(Int(id))]]))
            #expect(answer["usage"]?["completion_tokens"] == 1)
            #expect(answer["choices"]?[0]?["finish_reason"] == "stop")
        }
    }

    // MARK: Log-probabilities

    /// Biases that make the model write the three tokens of 京, each a part of the character, one after another.
    private func splitCharacter() throws -> (bias: JSONValue, bytes: [[UInt8]]) {
        let tokenizer = try Bundled.target().tokenizer, ids = tokenizer.encode("京")
        try #require(ids.count == 3)
        var bias = JSONObject()
        for (index, id) in ids.enumerated() { bias["\(id)"] = .integer(100 - 20 * index) }
        return (.object(bias), "京".utf8.map { [$0] })
    }

    @Test("A token's bytes are its own, also where they are a part of a character")
    func bytes() async throws {
        let (bias, bytes) = try splitCharacter()
        let fields: JSONObject = [
            "logit_bias": bias, "repetition_penalty": 100, "temperature": 0, "max_tokens": 3,
        ]
        func numbers(_ value: JSONValue?) -> [UInt8]? { value?.array?.compactMap { $0.int.map { UInt8($0) } } }
        try await withServer { client, _ async throws in
            var asked = fields
            asked["logprobs"] = true
            asked["top_logprobs"] = 4
            let answer = try await client.json(ChatFieldTests.chat, body(ChatFieldTests.chat, asked))
            #expect(content(answer) == "京")
            let tokens = try #require(answer["choices"]?[0]?["logprobs"]?["content"]?.array)
            #expect(tokens.map { numbers($0["bytes"]) } == bytes)
            #expect(tokens[0]["token"] == "\\xe4")
            for token in tokens {
                let top = try #require(token["top_logprobs"]?.array)
                #expect(top.count == 4 && top.allSatisfy { numbers($0["bytes"])?.isEmpty == false })
                let sorted = top.compactMap { $0["logprob"]?.double }
                #expect(sorted == sorted.sorted(by: >) && (sorted.first ?? 1) <= 0)
                // The model's own: what was forced is not among the likeliest.
                #expect((token["logprob"]?.double ?? 0) < sorted[3])
            }
            asked["stream"] = true
            let frames = try await client.frames(ChatFieldTests.chat, body(ChatFieldTests.chat, asked))
            let streamed = frames.values.compactMap { $0["choices"]?[0]?["logprobs"]?["content"]?[0] }
            #expect(streamed == tokens)
            var plain = fields
            plain["logprobs"] = 2
            plain["echo"] = false
            let text = try await client.json(ChatFieldTests.text, body(ChatFieldTests.text, plain))
            let lists = text["choices"]?[0]?["logprobs"]
            #expect(content(text) == "京" && lists?["bytes"]?.array?.map { numbers($0) } == bytes)
            #expect(lists?["tokens"] == ["bytes:\\xe4", "bytes:\\xba", "bytes:\\xac"])
            #expect(lists?["text_offset"] == [0, 1, 1])
            #expect(lists?["top_logprobs"]?.array?.allSatisfy { $0.object?.count == 3 } == true)
        }
    }

    @Test("The bytes of all tokens are the text's")
    func allBytes() async throws {
        try await withServer { client, _ async throws in
            let answer = try await client.json(
                ChatFieldTests.chat,
                body(
                    ChatFieldTests.chat,
                    ["max_tokens": 60, "temperature": 1.5, "seed": 2, "logprobs": true, "ignore_eos": true]))
            let bytes = answer["choices"]?[0]?["logprobs"]?["content"]?.array?.flatMap {
                $0["bytes"]?.array?.compactMap { $0.int.map { UInt8($0) } } ?? []
            }
            let special = try Bundled.target().tokenizer
            var text = String(decoding: bytes ?? [], as: UTF8.self)
            for id in special.specialTokenIDs {
                text = text.replacingOccurrences(of: special.token(id) ?? "\0", with: "")
            }
            #expect(text == content(answer))
        }
    }

    // MARK: Texts

    @Test("Texts are gone on with: several prompts, ids, echoes, the best of some, and streams of all of it")
    func completions() async throws {
        let tokenizer = try Bundled.target().tokenizer
        let prompt = "Rosa took a rusty saddle", ids = tokenizer.encode(prompt)
        let numbers = JSONValue.array(ids.map { .integer(Int($0)) })
        try await withServer { client, _ async throws in
            func write(_ fields: JSONObject) async throws -> JSONValue {
                var all: JSONObject = ["prompt": .string(prompt), "temperature": 0, "max_tokens": 6]
                for (key, value) in fields { all[key] = value }
                return try await client.json(ChatFieldTests.text, .object(all))
            }
            let one = try await write([:])
            #expect(one["object"] == "text_completion" && one["usage"]?["prompt_tokens"]?.int == ids.count)
            let words = try #require(content(one))
            let generator = try Bundled.target()
            let direct = TextGenerator(
                try TransformerDecoder(generator.checkpoint), tokenizer, stopTokens: [],
                precision: try generator.checkpoint.naturalPrecision())
            #expect(try direct.generate(ids, .init(sampling: .greedy, maximumTokens: 6)).text == words)
            #expect(content(try await write(["prompt": numbers])) == words)
            #expect(content(try await write(["echo": true])) == prompt + words)
            #expect(content(try await write(["echo": true, "prompt": numbers])) == prompt + words)
            let two = try await write(["prompt": ["Rosa", .string(prompt)], "n": 2, "echo": true])
            #expect((0..<4).map { content(two, $0)?.hasPrefix($0 < 2 ? "Rosa" : prompt) } == [true, true, true, true])
            #expect(content(two, 2) == prompt + words && two["choices"]?.array?.count == 4)
            #expect(content(try await write(["prompt": [numbers, numbers]]), 1) == words)
            // Chosen by their mean log-probability.
            func mean(_ answer: JSONValue, _ index: Int) -> Double {
                let own = answer["choices"]?[index]?["logprobs"]?["token_logprobs"]?.array?.compactMap(\.double) ?? []
                return own.reduce(0, +) / Double(max(own.count, 1))
            }
            let random: JSONObject = ["temperature": 1.5, "seed": 5, "logprobs": 0]
            var several = random, best = random
            several["n"] = 6
            best["best_of"] = 6
            let all = try await write(several), chosen = try await write(best)
            #expect(chosen["choices"]?.array?.count == 1)
            #expect(mean(chosen, 0) == (0..<6).map { mean(all, $0) }.max())
            #expect(chosen["usage"] == all["usage"])
            // A stream comes to the same.
            let frames = try await client.frames(
                ChatFieldTests.text,
                [
                    "prompt": .string(prompt), "temperature": 0, "max_tokens": 6, "echo": true, "stream": true,
                    "stream_options": ["include_usage": true],
                ])
            #expect(frames.values.compactMap { $0["choices"]?[0]?["text"]?.string }.joined() == prompt + words)
            #expect(frames.values.last?["usage"] == one["usage"] && frames.isDone)
        }
    }

    // MARK: Chats

    /// The bundled models, the target's chat template replaced by one that knows tools.
    private func toolModels() throws -> ServedModels {
        let template = [
            #"{% if tools %}<|im_start|>tools{{ '\n' }}{% for tool in tools %}{{ tool | tojson }}{% endfor %}"#,
            #"<|im_end|>{{ '\n' }}{% endif %}{% for m in messages %}<|im_start|>{{ m.role }}"#,
            #"{% if m.name %} {{ m.name }}{% endif %}{% if m.tool_call_id %} to {{ m.tool_call_id }}{% endif %}{{ '\n' }}"#,
            #"{% if m.content %}{{ m.content }}{% endif %}{% for c in m.tool_calls or [] %}"#,
            #"[{{ c.id }} {{ c.function.name }} {{ c.function.arguments | tojson }}]{% endfor %}<|im_end|>{{ '\n' }}"#,
            #"{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant {{ mood }}{{ '\n' }}{% endif %}"#,
        ].joined()
        let own = bundledPair.appending(path: "target")
        let folder = FileManager.default.temporaryDirectory.appending(path: "tools-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for name in try FileManager.default.contentsOfDirectory(atPath: own.path) where name != "tokenizer_config.json"
        {
            try FileManager.default.createSymbolicLink(
                at: folder.appending(path: name), withDestinationURL: own.appending(path: name))
        }
        var configuration = try JSONValue.parse(Data(contentsOf: own.appending(path: "tokenizer_config.json"))).object
        configuration?["chat_template"] = .string(template)
        try Data(JSONValue.object(configuration ?? [:]).serialized().utf8).write(
            to: folder.appending(path: "tokenizer_config.json"))
        let pair = try Bundled.pair()
        return ServedModels(
            verbalizer: pair.verbalizer, target: try Target(folder: folder, layer: pair.verbalizer.sidecar.layer))
    }

    @Test("Calls of tools, names and tools reach the template, arguments as what they say")
    func tools() async throws {
        try await withServer(models: toolModels) { client, _ async throws in
            let call: JSONValue = [
                "id": "c1", "type": "function",
                "function": ["name": "where", "arguments": #"{"who":"Rosa","when":[1,2]}"#],
            ]
            let messages: JSONValue = [
                ["role": "user", "content": "Where is Rosa?"],
                ["role": "assistant", "content": nil, "tool_calls": [call]],
                [
                    "role": "tool", "tool_call_id": "c1", "name": "where",
                    "content": [["type": "text", "text": "here"]],
                ],
            ]
            let tool: JSONValue = ["type": "function", "function": ["name": "where"]]
            let rendered = """
                <|im_start|>tools
                {"type": "function", "function": {"name": "where"}}<|im_end|>
                <|im_start|>user
                Where is Rosa?<|im_end|>
                <|im_start|>assistant
                [c1 where {"who": "Rosa", "when": [1, 2]}]<|im_end|>
                <|im_start|>tool where to c1
                here<|im_end|>
                <|im_start|>assistant calm

                """
            let answer = try await client.json(
                ChatFieldTests.chat,
                [
                    "messages": messages, "tools": [tool], "tool_choice": "auto", "temperature": 0, "max_tokens": 8,
                    "chat_template_kwargs": ["mood": "calm"],
                ])
            let text = try await client.json(
                ChatFieldTests.text,
                ["prompt": .string(rendered), "add_special_tokens": false, "temperature": 0, "max_tokens": 8])
            #expect(answer["usage"] == text["usage"] && content(answer) == content(text))
            // A message left open.
            let open = try await client.json(
                ChatFieldTests.chat,
                [
                    "messages": [["role": "user", "content": "Hi"], ["role": "assistant", "content": "I will "]],
                    "continue_final_message": true, "temperature": 0, "max_tokens": 4,
                ])
            let rest = try await client.json(
                ChatFieldTests.text,
                [
                    "prompt": "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nI will ",
                    "add_special_tokens": false, "temperature": 0, "max_tokens": 4,
                ])
            #expect(open["usage"] == rest["usage"] && content(open) == content(rest))
            // Without a generation prompt.
            let bare = try await client.json(
                ChatFieldTests.chat,
                ["messages": [["role": "user", "content": "Hi"]], "add_generation_prompt": false, "max_tokens": 1])
            let short = try await client.json(
                ChatFieldTests.text,
                ["prompt": "<|im_start|>user\nHi<|im_end|>\n", "add_special_tokens": false, "max_tokens": 1])
            #expect(bare["usage"]?["prompt_tokens"] == short["usage"]?["prompt_tokens"])
            // Arguments that are none, or an object already.
            for arguments in [nil, "", [:], "{}"] as [JSONValue] {
                let answer = try await client.json(
                    ChatFieldTests.chat,
                    [
                        "messages": [
                            ["role": "user", "content": "Hi"],
                            [
                                "role": "assistant",
                                "tool_calls": [["id": "c1", "function": ["name": "where", "arguments": arguments]]],
                            ],
                        ], "max_tokens": 1,
                    ])
                let text =
                    "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n[c1 where {}]<|im_end|>\n<|im_start|>assistant \n"
                let ids = try Bundled.target().tokenizer.encode(text, addSpecialTokens: false)
                #expect(answer["usage"]?["prompt_tokens"]?.int == ids.count)
            }
        }
    }

    @Test("The same sampling parameters are honoured by /generate, and its unknown ones refused")
    func generate() async throws {
        try await withServer { client, _ async throws in
            func generate(_ parameters: JSONObject, _ fields: JSONObject = [:]) async throws -> Client.Answer {
                var body: JSONObject = ["text": "Explain this", "sampling_params": .object(parameters)]
                for (key, value) in fields { body[key] = value }
                return try await client.post("/generate", .object(body))
            }
            let ids = try Bundled.pair().verbalizer.tokenizer.encode(" Rosa")
            let biased = try await generate(["logit_bias": ["\(ids[0])": 100], "max_new_tokens": 3])
            #expect(
                try biased.json()["output_ids"]?.array?.compactMap(\.int) == .init(repeating: Int(ids[0]), count: 3))
            let penalized = try await generate([
                "logit_bias": ["\(ids[0])": 100], "max_new_tokens": 3, "repetition_penalty": 100, "temperature": 0,
            ])
            #expect(try penalized.json()["output_ids"]?.array?.dropFirst().contains(.integer(Int(ids[0]))) == false)
            for key in ["regex", "max_tokens", "frequency", "stop_regex"] {
                let answer = try await generate([key: "x"])
                #expect(answer.status == 400 && answer.text.contains(key))
            }
            let others: [(String, JSONValue)] = [
                ("top_logprobs_num", 2), ("image_data", "x"), ("lora_path", "x"), ("prompt", "x"),
            ]
            for (key, value) in others {
                let answer = try await generate([:], [key: value])
                #expect(answer.status == 400 && answer.text.contains(key))
            }
            #expect(
                try await generate(["spaces_between_special_tokens": true], ["rid": "a", "top_logprobs_num": 0]).status
                    == 200)
        }
    }
}
