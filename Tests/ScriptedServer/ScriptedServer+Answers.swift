import JSON

extension ScriptedServer.Reply {
    /// An answer as Anthropic's messages give it.
    public static func message(_ text: String, stop: String = "end_turn") -> ScriptedServer.Reply {
        let json: JSONValue = [
            "type": "message", "role": "assistant", "stop_reason": .string(stop),
            "content": [["type": "text", "text": .string(text)]], "usage": ["input_tokens": 11, "output_tokens": 7],
        ]
        return .answer(json.serialized())
    }

    /// An answer as OpenAI's chat completions give it.
    public static func choice(_ text: String, stop: String = "stop") -> ScriptedServer.Reply {
        let json: JSONValue = [
            "object": "chat.completion",
            "choices": [
                [
                    "index": 0, "finish_reason": .string(stop),
                    "message": ["role": "assistant", "content": .string(text)],
                ]
            ],
            "usage": ["prompt_tokens": 5, "completion_tokens": 3],
        ]
        return .answer(json.serialized())
    }

    /// An error as both protocols give it.
    public static func error(
        _ status: Int, _ message: String = "try later", headers: [String: String] = [:]
    ) -> ScriptedServer.Reply {
        let json: JSONValue = ["error": ["type": "an_error", "message": .string(message)]]
        return .answer(status: status, headers: headers, json.serialized())
    }
}
