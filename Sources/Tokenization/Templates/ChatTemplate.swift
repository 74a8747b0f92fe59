import Foundation
import JSON

/// A template that turns a conversation into the text a model was trained on.
///
///     let template = try ChatTemplate(source: "{% for message in messages %}{{ message.content }}{% endfor %}")
///     let text = try template.render(
///         messages: [["role": "user", "content": "Hello"]], addGenerationPrompt: true, bosToken: nil, eosToken: nil)
///
/// Understands the part of Jinja that chat templates use, and renders it as the `transformers` package does: with
/// `trim_blocks`, `lstrip_blocks`, `break` and `continue`, and with Python's meaning of values. What it does not
/// understand it refuses. Rendering is limited in time, memory and depth, since templates come with models.
public struct ChatTemplate: Sendable {
    private let statements: [TemplateStatement]

    /// Parses a template.
    ///
    /// - Throws: `TokenizerError` that names the line.
    public init(source: String) throws {
        do {
            statements = try TemplateParser.statements(of: source)
        } catch let failure as TemplateFailure {
            throw Self.error(failure)
        }
    }

    /// The text of a conversation.
    ///
    /// - Parameters:
    ///   - messages: An array of objects with `role` and `content`, and whatever else the template asks for.
    ///   - addGenerationPrompt: Whether to end with what the model's answer begins after.
    ///   - bosToken: The variable `bos_token`; undefined if nil.
    ///   - eosToken: The variable `eos_token`; undefined if nil.
    ///   - tools: The variable `tools`; `none` if nil.
    ///   - extra: More variables, which take precedence over those above.
    ///   - now: The time for `strftime_now`, which shows it in the local time zone.
    /// - Throws: `TokenizerError` that names the line; its `reason` is the template's own message where the template
    ///   raises an exception.
    public func render(
        messages: JSONValue, addGenerationPrompt: Bool, bosToken: String?, eosToken: String?, tools: JSONValue? = nil,
        extra: [String: JSONValue] = [:], now: Date = Date()
    ) throws -> String {
        do {
            var variables: [String: TemplateValue] = [
                "messages": try TemplateValue(messages),
                "add_generation_prompt": .bool(addGenerationPrompt),
                "tools": try tools.map { try TemplateValue($0) } ?? .none,
                "documents": .none,
            ]
            variables["bos_token"] = bosToken.map { .string($0) }
            variables["eos_token"] = eosToken.map { .string($0) }
            for (name, value) in extra { variables[name] = try TemplateValue(value) }
            return try TemplateRenderer(variables: variables, now: now).render(statements)
        } catch let failure as TemplateFailure {
            throw Self.error(failure)
        }
    }

    private static func error(_ failure: TemplateFailure) -> TokenizerError {
        TokenizerError(source: "chat template, line \(failure.line ?? 1)", reason: failure.message)
    }
}
