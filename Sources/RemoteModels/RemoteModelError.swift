import JSON

/// Why a model gave no answer, in one line. Keys are never part of it.
public struct RemoteModelError: Error, CustomStringConvertible, Sendable {
    /// What the failure says about other questions.
    public enum Kind: Sendable, Equatable {
        /// The settings are wrong; nothing was asked.
        case settings
        /// The server would refuse every question: a wrong key, a wrong address, no credit.
        case refusesAll
        /// The server refuses this question, for instance as too long.
        case refusesThis
        /// No answer came in any attempt: overload, broken connections, silence.
        case noAnswer
        /// Answers came and were of no use.
        case badAnswer
    }

    /// What the failure says about other questions.
    public let kind: Kind
    /// A few words from a small set, to be counted.
    public let reason: String
    /// The line: where, what, and what to do.
    public let description: String

    init(_ kind: Kind, reason: String, _ description: String) {
        self.kind = kind
        self.reason = reason
        self.description = description.onOneLine
    }

    static func settings(_ description: String) -> RemoteModelError {
        RemoteModelError(.settings, reason: "settings", description)
    }
}

/// What a server says about an error, made fit for one line.
enum ServerMessage {
    private static let limit = 200

    /// The message in any of the usual places of an error document.
    static func text(_ json: JSONValue) -> String? {
        json["error"]?["message"]?.string ?? json["error"]?.string ?? json["message"]?.string ?? json["detail"]?.string
    }

    /// The message in a body, or the body's beginning.
    static func text(_ body: [UInt8]) -> String {
        if let json = try? JSONValue.parse(body), let message = text(json) { return message }
        return String(decoding: body.prefix(4 * limit), as: UTF8.self)
    }

    /// Without line breaks and control characters, cut short, and without the key: some servers repeat it.
    static func oneLine(_ message: String, hiding key: RemoteKey?) -> String {
        var message = message
        // Shorter ones are stand-ins for servers that want any key at all, and may be parts of words.
        if let key, key.value.utf8.count >= 8 { message = message.replacing(key.value, with: "…") }
        let words = message.prefix(4 * limit).split {
            $0.isWhitespace || $0.unicodeScalars.contains { $0.value < 0x20 }
        }
        let line = words.joined(separator: " ")
        return line.count <= limit ? line : line.prefix(limit) + "…"
    }
}
