import JSON

/// What is wrong with one field of a request, in the form that FastAPI gives it and the contract asks for.
struct ValidationProblem: Sendable {
    /// Where: `body`, then keys and indices.
    var location: [JSONValue]
    /// A sentence for a person.
    var message: String
    /// A word for a program, such as `missing`.
    var type: String
    /// The offending value, where it is short enough to be worth repeating.
    var input: JSONValue?
    /// The limits that were passed.
    var context: JSONObject?

    var json: JSONValue {
        var object = JSONObject([("type", .string(type)), ("loc", .array(location)), ("msg", .string(message))])
        if let input, ValidationProblem.isShort(input) { object["input"] = input }
        if let context { object["ctx"] = .object(context) }
        return .object(object)
    }

    /// `positions.3: …`, for answers that have one line only.
    var line: String {
        let place = location.dropFirst().map { $0.string ?? $0.int.map(String.init) ?? "" }.joined(separator: ".")
        return place.isEmpty ? message : "\(place): \(message)"
    }

    private static func isShort(_ value: JSONValue) -> Bool {
        switch value {
        case .null, .bool, .integer: true
        // NaN and the infinities are no JSON.
        case .number(let number): number.isFinite
        case .string(let text): text.utf8.count <= 100
        case .array(let elements): elements.isEmpty
        case .object(let object): object.isEmpty
        }
    }
}

/// A request that cannot be answered because of what it says.
struct InvalidRequest: Error {
    let problems: [ValidationProblem]

    /// The first hundred are told: a list of thousands may have one at each place.
    init(_ problems: [ValidationProblem]) { self.problems = Array(problems.prefix(100)) }

    /// One problem that no rule of a single field covers.
    init(_ message: String, at path: [JSONValue] = [], input: JSONValue? = nil) {
        problems = [
            ValidationProblem(
                location: ["body"] + path, message: "Value error, " + message, type: "value_error", input: input)
        ]
    }
}
