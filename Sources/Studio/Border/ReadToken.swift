import JSON

/// A token of a reading, as the library keeps it: the contract's `TokenInfo`.
struct ReadToken: Sendable {
    var text: String
    /// Nil where only somebody's file is known, which does not say.
    var id: TokenID?
    var role: String?
    var message: Position?
    var section: String?
    var channel: String?
    var fragmentIndex: Position?
    var fragmentCount: Position?

    init(text: String, id: TokenID? = nil) {
        self.text = text
        self.id = id
    }

    init(_ json: ForeignJSON) throws {
        text = try json.text("token")
        id = try json.integer("token_id")
        role = try json.optionalText("role", limit: 64)
        message = try json.integer("message_index")
        section = try json.word("section", of: ["header", "content", "footer", "scaffold"])
        channel = try json.optionalText("channel", limit: 64)
        fragmentIndex = try json.integer("fragment_index")
        fragmentCount = try json.integer("fragment_count")
    }

    /// The tokens of a text, which say where they stand.
    static func all(_ json: ForeignJSON) throws -> [ReadToken] {
        let elements = try json.elements(limit: PositionKind.bound)
        guard !elements.isEmpty else { throw json.problem("no tokens") }
        return try elements.enumerated().map { index, element in
            if element.attitude == .refuses, element.json["position"]?.int != index {
                throw element.problem("position", "is not \(index), the token's place")
            }
            return try ReadToken(element)
        }
    }

    func json(at position: Int) -> JSONValue {
        var object = JSONObject()
        object["token"] = .string(text)
        object["token_id"] = JSONValue(id?.value)
        object["position"] = .integer(position)
        object["role"] = JSONValue(role)
        object["message_index"] = JSONValue(message?.value)
        object["section"] = JSONValue(section)
        object["channel"] = JSONValue(channel)
        object["fragment_index"] = .integer(fragmentIndex?.value ?? 0)
        object["fragment_count"] = .integer(fragmentCount?.value ?? 1)
        return .object(object)
    }
}

extension [ReadToken] {
    var json: JSONValue { .array(enumerated().map { $1.json(at: $0) }) }
}
