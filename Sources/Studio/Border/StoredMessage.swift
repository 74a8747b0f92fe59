import JSON

extension ChatMessage {
    /// A message of a stored chat.
    init(_ json: ForeignJSON, limit: Int) throws {
        role = try json.text("role", limit: 64)
        content = try json.optionalText("content", limit: limit) ?? ""
        channel = try json.optionalText("channel", limit: 64)
    }
}

extension [ChatMessage] {
    /// A stored chat.
    init(_ json: ForeignJSON, limit: Int = .max) throws {
        self = try json.elements(limit: PositionKind.bound).map { try ChatMessage($0, limit: limit) }
    }

    /// As the library keeps it.
    var json: JSONValue { .array(map { .object($0.json) }) }
}
