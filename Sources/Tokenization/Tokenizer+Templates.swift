import Foundation
import JSON

extension Tokenizer {
    /// The text of a conversation, as the model's own template writes it.
    ///
    /// The template gets the model's special tokens under their names (`bos_token`, `eos_token`, `pad_token`, `unk_token`,
    /// `sep_token`, `cls_token`, `mask_token`, and names of the model's own such as `image_token`); those that the model does not
    /// have are undefined.
    ///
    /// - Parameters:
    ///   - conversation: What to render.
    ///   - name: Which of several templates; nil means `tool_use` where the conversation has tools and there is such a template,
    ///     otherwise the default one.
    ///   - now: The time for `strftime_now`.
    /// - Throws: `TokenizerError` where the model has no template, or the template refuses the conversation.
    public func render(_ conversation: Conversation, template name: String? = nil, now: Date = Date()) throws -> String
    {
        try chatTemplate(named: name, forTools: conversation.tools != nil)
            .render(conversation, specialTokens: templateTokens, now: now)
    }

    /// The ids of a conversation. Special tokens are those that the template writes; none are added.
    ///
    /// - Throws: as ``render(_:template:now:)``.
    public func encode(_ conversation: Conversation, template name: String? = nil, now: Date = Date()) throws -> [Int32]
    {
        encode(try render(conversation, template: name, now: now), addSpecialTokens: false)
    }

    /// The template with a name, or the one that fits.
    private func chatTemplate(named name: String?, forTools: Bool) throws -> ChatTemplate {
        let names = chatTemplates.keys.sorted().joined(separator: ", ")
        if let name {
            guard let template = chatTemplates[name] else {
                throw TokenizerError(
                    source: source,
                    reason: "there is no chat template \(name.debugDescription); choose one of: \(names)")
            }
            return template
        }
        if forTools, let template = chatTemplates["tool_use"] { return template }
        if let template = chatTemplates["default"] { return template }
        guard chatTemplates.isEmpty else {
            throw TokenizerError(
                source: source, reason: "none of the chat templates is the default; name one of: \(names)")
        }
        throw TokenizerError(source: source, reason: "the model has no chat template; give plain text")
    }
}
