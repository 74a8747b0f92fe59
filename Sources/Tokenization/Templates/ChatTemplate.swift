import Foundation
import JSON

/// A template that turns a conversation into the text a model was trained on.
///
///     let template = try ChatTemplate(source: "{% for message in messages %}{{ message.content }}{% endfor %}")
///     let text = try template.render(Conversation(messages: [["role": "user", "content": "Hello"]]))
///
/// Understands the part of Jinja that chat templates use, and renders it as the `transformers` package does: with
/// `trim_blocks`, `lstrip_blocks`, `break` and `continue`, and with Python's meaning of values. What it does not
/// understand it refuses. Rendering is limited in time, memory and depth, since templates come with models.
public struct ChatTemplate: Sendable {
    /// The statements, or why there are none, which is told when the template is used.
    private let statements: Result<[TemplateStatement], TokenizerError>

    /// Parses a template.
    ///
    /// - Throws: `TokenizerError` that names the line.
    public init(source: String) throws {
        statements = Self.parsed(source)
        _ = try statements.get()
    }

    /// Parses a template that may never be used: what is wrong with it is told by `render`, and names `file`.
    init(source: String, file: String) {
        statements = Self.parsed(source).mapError { error in
            TokenizerError(source: file, reason: "\(error.source): \(error.reason)")
        }
    }

    private static func parsed(_ source: String) -> Result<[TemplateStatement], TokenizerError> {
        do {
            return .success(try TemplateParser.statements(of: source))
        } catch let failure as TemplateFailure {
            return .failure(error(failure))
        } catch {
            return .failure(TokenizerError(source: "chat template", reason: "\(error)"))
        }
    }

    /// The text of a conversation.
    ///
    /// Fields of messages that are null count as absent, as in transformers.
    ///
    /// - Parameters:
    ///   - conversation: What to render.
    ///   - specialTokens: The variables `bos_token`, `eos_token` and so on; a name that is not among them is undefined.
    ///   - now: The time for `strftime_now`, which shows it in the local time zone.
    /// - Throws: `TokenizerError` that names the line; its `reason` is the template's own message where the template
    ///   raises an exception.
    public func render(
        _ conversation: Conversation, specialTokens: [String: String] = [:], now: Date = Date()
    ) throws -> String {
        do {
            try conversation.check()
            var messages = conversation.messages.map(Conversation.normalized)
            let continued = conversation.continuesFinalMessage ? try ContinuedMessage(&messages) : nil
            var variables = specialTokens.mapValues { JSONValue.string($0) }
            for (name, value) in conversation.variables { variables[name] = value }
            variables["messages"] = .array(messages.map { .object($0) })
            variables["tools"] = conversation.tools.map { .array($0) } ?? .null
            variables["documents"] = conversation.documents.map { .array($0) } ?? .null
            variables["add_generation_prompt"] = .bool(conversation.addsGenerationPrompt)
            let text = try render(variables, now: now)
            return try continued?.cut(text) ?? text
        } catch let failure as TemplateFailure {
            throw Self.error(failure)
        }
    }

    /// The text of messages, without what a conversation may hold besides; see ``render(_:specialTokens:now:)``.
    ///
    /// - Parameters:
    ///   - messages: The variable `messages`.
    ///   - bosToken: The variable `bos_token`; undefined if nil.
    ///   - eosToken: The variable `eos_token`; undefined if nil.
    ///   - extra: More variables, which come before those above.
    public func render(
        messages: JSONValue, addGenerationPrompt: Bool, bosToken: String?, eosToken: String?, tools: JSONValue? = nil,
        extra: [String: JSONValue] = [:], now: Date = Date()
    ) throws -> String {
        var variables: [String: JSONValue] = [
            "messages": messages.array.map { .array($0.map(Self.normalized)) } ?? messages,
            "add_generation_prompt": .bool(addGenerationPrompt), "tools": tools ?? .null, "documents": .null,
        ]
        variables["bos_token"] = bosToken.map { .string($0) }
        variables["eos_token"] = eosToken.map { .string($0) }
        for (name, value) in extra { variables[name] = value }
        do {
            return try render(variables, now: now)
        } catch let failure as TemplateFailure {
            throw Self.error(failure)
        }
    }

    private static func normalized(_ message: JSONValue) -> JSONValue {
        message.object.map { .object(Conversation.normalized($0)) } ?? message
    }

    private func render(_ variables: [String: JSONValue], now: Date) throws -> String {
        let statements = try statements.get()
        return try TemplateRenderer(variables: variables.mapValues { try TemplateValue($0) }, now: now).render(
            statements)
    }

    private static func error(_ failure: TemplateFailure) -> TokenizerError {
        TokenizerError(source: "chat template, line \(failure.line ?? 1)", reason: failure.message)
    }
}
