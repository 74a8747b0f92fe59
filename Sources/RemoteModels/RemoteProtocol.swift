import Foundation
import JSON

/// The two ways in which servers take a question for a language model.
public enum RemoteProtocol: String, Sendable, CaseIterable {
    /// Anthropic's messages (`POST /v1/messages`).
    case anthropicMessages = "anthropic"
    /// OpenAI's chat completions (`POST /v1/chat/completions`), which vLLM, llama.cpp and many others speak too.
    case openAIChatCompletions = "openai"

    /// The service that the protocol comes from.
    public var defaultBaseURL: String {
        switch self {
        case .anthropicMessages: "https://api.anthropic.com"
        case .openAIChatCompletions: "https://api.openai.com/v1"
        }
    }

    /// The environment variable in which that service's key usually stands.
    public var defaultKeyVariable: String {
        switch self {
        case .anthropicMessages: "ANTHROPIC_API_KEY"
        case .openAIChatCompletions: "OPENAI_API_KEY"
        }
    }

    /// The path of the questions below a base address. Both habits of writing a base address work: with `/v1` and without.
    func path(below base: String) -> String {
        let base = String(base.reversed().drop { $0 == "/" }.reversed())
        switch self {
        case .anthropicMessages: return base + (base.hasSuffix("/v1") ? "/messages" : "/v1/messages")
        case .openAIChatCompletions: return (base.isEmpty ? "/v1" : base) + "/chat/completions"
        }
    }

    /// What identifies the asker and the version of the protocol.
    func headers(_ key: RemoteKey?) -> [(String, String)] {
        switch self {
        case .anthropicMessages:
            [("anthropic-version", "2023-06-01")] + (key.map { [("x-api-key", $0.value)] } ?? [])
        case .openAIChatCompletions:
            key.map { [("authorization", "Bearer " + $0.value)] } ?? []
        }
    }

    /// The body of a question. `isOriginal` says that it goes to the service the protocol comes from: OpenAI's own has given
    /// `max_tokens` another name, which other servers do not all know.
    func body(_ prompt: RemotePrompt, model: String, isOriginal: Bool) -> JSONValue {
        var messages: [JSONValue] = [["role": "user", "content": .string(prompt.user)]]
        var body = JSONObject([("model", .string(model))])
        switch self {
        case .anthropicMessages:
            body["max_tokens"] = .integer(prompt.maxTokens)
            if let system = prompt.system { body["system"] = .string(system) }
        case .openAIChatCompletions:
            body[isOriginal ? "max_completion_tokens" : "max_tokens"] = .integer(prompt.maxTokens)
            if let system = prompt.system { messages.insert(["role": "system", "content": .string(system)], at: 0) }
        }
        if let temperature = prompt.temperature { body["temperature"] = .number(temperature) }
        body["messages"] = .array(messages)
        return .object(body)
    }

    /// Reads an answer with status 200.
    package func completion(_ json: JSONValue) throws(UnusableAnswer) -> Completion {
        if let error = json["error"], !error.isNull {
            throw UnusableAnswer("an error as an answer", detail: ServerMessage.text(json))
        }
        switch self {
        case .anthropicMessages:
            guard let content = json["content"]?.array else { throw .wrongShape("\"content\" is missing") }
            return Completion(
                text: Self.joined(content), inputTokens: Self.count(json["usage"]?["input_tokens"]),
                outputTokens: Self.count(json["usage"]?["output_tokens"]), stopReason: json["stop_reason"]?.string)
        case .openAIChatCompletions:
            guard let choice = json["choices"]?[0], let message = choice["message"] else {
                throw .wrongShape("\"choices\" with a message is missing")
            }
            if let refusal = message["refusal"]?.string, !refusal.isEmpty { throw UnusableAnswer("refused") }
            return Completion(
                text: message["content"]?.string ?? Self.joined(message["content"]?.array ?? []),
                inputTokens: Self.count(json["usage"]?["prompt_tokens"]),
                outputTokens: Self.count(json["usage"]?["completion_tokens"]),
                stopReason: choice["finish_reason"]?.string)
        }
    }

    /// A number of tokens; nil where the server says none that could be one. Many of them can be added up.
    private static func count(_ value: JSONValue?) -> Int? {
        value?.int.flatMap { (0...1_000_000_000).contains($0) ? $0 : nil }
    }

    /// The text among the parts of a message; thoughts and calls of tools are left out.
    private static func joined(_ parts: [JSONValue]) -> String {
        parts.filter { $0["type"]?.string == "text" }.compactMap { $0["text"]?.string }.joined()
    }
}

/// One question.
public struct RemotePrompt: Sendable, Hashable {
    /// Instructions that stand before the question; nil for none.
    public var system: String?
    /// The question.
    public var user: String
    /// Tokens after which an answer is cut off.
    public var maxTokens: Int
    /// Sampling temperature; nil leaves it to the server, since some models refuse to be told.
    public var temperature: Double?

    /// A question.
    public init(system: String? = nil, user: String, maxTokens: Int, temperature: Double? = nil) {
        self.system = system
        self.user = user
        self.maxTokens = maxTokens
        self.temperature = temperature
    }
}

/// A model's answer.
public struct Completion: Sendable, Equatable {
    /// What it wrote; never empty where ``RemoteModel`` returns it.
    public let text: String
    /// Tokens of the question, where the server counts them.
    public let inputTokens: Int?
    /// Tokens of the answer, where the server counts them.
    public let outputTokens: Int?
    /// Why it ended, in the server's words.
    public let stopReason: String?

    package init(text: String, inputTokens: Int?, outputTokens: Int?, stopReason: String?) {
        self.text = text
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
        self.stopReason = stopReason
    }

    /// Whether it ended at the limit of tokens rather than by itself.
    public var isCutOff: Bool { stopReason == "max_tokens" || stopReason == "length" }
}

/// Why an answer is of no use, so that the question may be asked again.
public struct UnusableAnswer: Error, Sendable, Equatable {
    /// A few words from a small set, to be counted.
    public let reason: String
    /// What stood there, if that helps.
    public let detail: String?

    /// A reason, with or without detail.
    public init(_ reason: String, detail: String? = nil) {
        self.reason = reason
        self.detail = detail
    }

    static func wrongShape(_ detail: String) -> UnusableAnswer {
        UnusableAnswer("an answer of unknown shape", detail: detail)
    }
}
