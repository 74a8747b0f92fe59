import JSON

/// Leaves a conversation's last message open, as transformers does with `continue_final_message`: a mark goes behind the
/// message's words, and the rendered text ends where the mark stands.
struct ContinuedMessage {
    private static let mark = "CONTINUE_FINAL_MESSAGE_TAG "
    private let words: String

    /// Puts the mark behind the words of the last message.
    ///
    /// - Throws: `TemplateFailure` where there are no words.
    init(_ messages: inout [JSONObject]) throws {
        guard var message = messages.last, let content = message["content"] else {
            throw TemplateFailure("the last message has no content that could be continued")
        }
        switch content {
        case .string(let text):
            words = text
            message["content"] = .string(text + Self.mark)
        case .array(var parts):
            guard let place = parts.lastIndex(where: { $0["text"] != nil }), case .object(var part) = parts[place],
                let text = part["text"]?.string
            else { throw TemplateFailure("the last message has no text that could be continued") }
            words = text
            part["text"] = .string(text + Self.mark)
            parts[place] = .object(part)
            message["content"] = .array(parts)
        default: throw TemplateFailure("the content of the last message is neither text nor a list of parts")
        }
        messages[messages.count - 1] = message
    }

    /// The rendered text up to the mark.
    ///
    /// - Throws: `TemplateFailure` where the template left the words or the mark out.
    func cut(_ text: String) throws -> String {
        let mark = PythonText.strip(Self.mark)
        guard PythonText.strip(words).isEmpty || PythonText.range(of: PythonText.strip(words), in: text) != nil else {
            throw TemplateFailure("the template changes the last message, so it cannot be continued")
        }
        let parts = PythonText.split(text, separator: mark, limit: 1, fromEnd: true)
        guard parts.count == 2 else {
            throw TemplateFailure("the template leaves out the last message, so it cannot be continued")
        }
        // A template that strips messages took the space behind the mark, and with it that behind the words.
        return parts[1].hasPrefix(" ") ? parts[0] : PythonText.strip(parts[0], left: false)
    }
}
