import Foundation
import JSON
import LanguageModel
import Tokenization

/// Makes documents of records that hold conversations instead of a text: the model's own chat template writes them.
public final class ChatRendering {
    private let tokenizer: Tokenizer
    private let wanted: ChatFormat.Kind?
    /// The format of the first conversation, in which all others must be.
    public private(set) var format: ChatFormat?

    /// A rendering.
    ///
    /// - Parameter format: the only format to look for; nil for what the first record shows.
    public init(_ tokenizer: Tokenizer, format: ChatFormat.Kind? = nil) {
        self.tokenizer = tokenizer
        wanted = format
    }

    /// A record with its conversation as `text`; as it is where it has a text, or neither.
    ///
    /// - Throws: a `ModelError` with the place for a conversation that cannot be read or rendered.
    package func record(_ json: JSONValue, place: String) throws -> JSONValue {
        guard var object = json.object, object["text"]?.string == nil || wanted != nil else { return json }
        if format == nil { format = ChatFormat.detect(json, wanted: wanted) }
        guard let format else {
            guard let wanted else { return json }
            throw ModelError(
                "\(place): holds no \(wanted.rawValue); give another --chat-format, or none to have it found")
        }
        do {
            object["text"] = .string(try tokenizer.documentText(format.conversation(json, source: place)))
        } catch let error as TokenizerError {
            throw ModelError("\(error)".contains(place) ? "\(error)" : "\(place): \(error)")
        }
        return .object(object)
    }
}

extension Tokenizer {
    /// A conversation as its template renders it, without the token at its beginning that is added when it is read as a text.
    func documentText(_ conversation: Conversation) throws -> String {
        let text = try render(conversation)
        guard let marker = beginningOfText, let id = marker.id, encode("").first == id, text.hasPrefix(marker.text)
        else { return text }
        return String(text.dropFirst(marker.text.count))
    }
}
