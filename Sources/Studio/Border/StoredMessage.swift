import JSON

extension ChatMessage {
    /// A message of a stored chat.
    init(_ json: ForeignJSON, limit: Int) throws {
        role = try json.text("role", limit: 64)
        content = try json.optionalText("content", limit: limit) ?? ""
        channel = try json.optionalText("channel", limit: 64)
    }

    /// As the library keeps it.
    var json: JSONValue {
        var object = JSONObject([("role", .string(role)), ("content", .string(content))])
        if let channel { object["channel"] = .string(channel) }
        return .object(object)
    }
}

extension [ChatMessage] {
    /// A stored chat.
    init(_ json: ForeignJSON, limit: Int = .max) throws {
        self = try json.elements(limit: PositionKind.bound).map { try ChatMessage($0, limit: limit) }
    }

    var json: JSONValue { .array(map(\.json)) }
}
