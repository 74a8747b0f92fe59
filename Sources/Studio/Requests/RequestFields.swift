import Foundation
import JSON

/// Reads the fields of a JSON object one by one, noting every problem rather than stopping at the first.
///
///     var fields = try RequestFields(body)
///     let temperature = fields.number("temperature", default: 0.7, in: 0...5)
///     try fields.check()
///
/// Types are as strict as the contract's: a number in quotes is no number. Unknown fields are ignored. Null counts as absent for
/// fields that may be null.
struct RequestFields {
    private let object: JSONObject
    private let path: [JSONValue]
    private(set) var problems: [ValidationProblem] = []

    /// The object itself, for what is passed on as it stands.
    var json: JSONObject { object }

    /// Throws if the value is no object.
    init(_ value: JSONValue, at path: [JSONValue] = ["body"]) throws {
        guard case .object(let object) = value else {
            throw InvalidRequest([
                ValidationProblem(
                    location: path, message: "Input should be a valid dictionary or object to extract fields from",
                    type: "model_attributes_type", input: value)
            ])
        }
        self.object = object
        self.path = path
    }

    /// Throws if there was any problem.
    func check() throws { if !problems.isEmpty { throw InvalidRequest(problems) } }

    /// Notes a problem with a field.
    mutating func note(
        _ keys: [JSONValue], _ type: String, _ message: String, input: JSONValue? = nil, context: JSONObject? = nil
    ) {
        problems.append(
            ValidationProblem(location: path + keys, message: message, type: type, input: input, context: context))
    }

    /// A field's value; nil where it is absent or null. Null where it may not be is a problem.
    private mutating func value(_ key: String, isNullable: Bool, _ type: String, _ message: String) -> JSONValue? {
        guard let value = object[key] else { return nil }
        if value.isNull {
            if !isNullable { note([.string(key)], type, message, input: .null) }
            return nil
        }
        return value
    }

    private mutating func missing(_ key: String) { note([.string(key)], "missing", "Field required") }

    // MARK: Single values

    mutating func bool(_ key: String, default standard: Bool) -> Bool {
        optionalBool(key, isNullable: false) ?? standard
    }

    mutating func optionalBool(_ key: String, isNullable: Bool = true) -> Bool? {
        let message = "Input should be a valid boolean"
        guard let value = value(key, isNullable: isNullable, "bool_type", message) else { return nil }
        if value.bool == nil { note([.string(key)], "bool_type", message, input: value) }
        return value.bool
    }

    /// A whole number in a range. `isNullable` lets null stand for the default.
    ///
    /// - Parameter excludes: whether a number that is too small is told that it must be greater than the one below the range,
    ///   as the contract has it for some fields, rather than at least the range's first.
    mutating func integer(
        _ key: String, default standard: Int, in range: ClosedRange<Int>, isNullable: Bool = false,
        excludes: Bool = false
    ) -> Int {
        let message = "Input should be a valid integer"
        guard let value = value(key, isNullable: isNullable, "int_type", message) else { return standard }
        guard let number = value.int else {
            let isFraction = value.double != nil
            note(
                [.string(key)], isFraction ? "int_from_float" : "int_type",
                isFraction ? "Input should be a valid integer, got a number with a fractional part" : message,
                input: value)
            return standard
        }
        if number < range.lowerBound {
            let (bound, limit) = excludes ? ("gt", range.lowerBound - 1) : ("ge", range.lowerBound)
            noteLimit(key, bound, "\(limit)", .integer(limit), value)
            return standard
        }
        guard number <= range.upperBound else {
            noteLimit(key, "le", "\(range.upperBound)", .integer(range.upperBound), value)
            return standard
        }
        return number
    }

    /// A finite number in a range.
    mutating func number(
        _ key: String, default standard: Double, in range: ClosedRange<Double>, isNullable: Bool = false
    ) -> Double {
        let message = "Input should be a valid number"
        guard let value = value(key, isNullable: isNullable, "float_type", message) else { return standard }
        guard let number = value.double else {
            note([.string(key)], "float_type", message, input: value)
            return standard
        }
        guard number.isFinite else {
            note([.string(key)], "finite_number", "Input should be a finite number")
            return standard
        }
        guard !range.contains(number) else { return number }
        let (bound, limit) = number < range.lowerBound ? ("ge", range.lowerBound) : ("le", range.upperBound)
        noteLimit(key, bound, String(format: "%g", limit), .number(limit), value)
        return standard
    }

    /// Notes a number outside its limits.
    private mutating func noteLimit(
        _ key: String, _ bound: String, _ limit: String, _ value: JSONValue, _ input: JSONValue
    ) {
        let (type, words) =
            switch bound {
            case "gt": ("greater_than", "greater than")
            case "ge": ("greater_than_equal", "greater than or equal to")
            default: ("less_than_equal", "less than or equal to")
            }
        note(
            [.string(key)], type, "Input should be \(words) \(limit)", input: input,
            context: JSONObject([(bound, value)]))
    }

    /// Text of at most so many characters (Unicode scalars); nil where it is absent.
    mutating func text(
        _ key: String, isRequired: Bool = false, isNullable: Bool = true, limit: Int = .max
    ) -> String? {
        let message = "Input should be a valid string"
        guard let value = value(key, isNullable: isNullable, "string_type", message) else {
            if isRequired, object[key] == nil { missing(key) }
            return nil
        }
        guard let text = value.string else {
            note([.string(key)], "string_type", message, input: value)
            return nil
        }
        if text.isLonger(than: limit) {
            note(
                [.string(key)], "string_too_long", "String should have at most \(limit) characters",
                context: JSONObject([("max_length", .integer(limit))]))
            return nil
        }
        return text
    }

    // MARK: Lists

    /// A list of so many elements; nil where it is absent or null.
    mutating func list(
        _ key: String, isRequired: Bool = false, isNullable: Bool = true, count: ClosedRange<Int> = 0...Int.max
    ) -> [JSONValue]? {
        let message = "Input should be a valid list"
        guard let value = value(key, isNullable: isNullable, "list_type", message) else {
            if isRequired, object[key] == nil { missing(key) }
            return nil
        }
        guard let list = value.array else {
            note([.string(key)], "list_type", message, input: value)
            return nil
        }
        func items(_ count: Int) -> String { count == 1 ? "1 item" : "\(count) items" }
        guard list.count >= count.lowerBound else {
            note(
                [.string(key)], "too_short",
                "List should have at least \(items(count.lowerBound)) after validation, not \(list.count)",
                context: JSONObject([
                    ("field_type", "List"), ("min_length", .integer(count.lowerBound)),
                    ("actual_length", .integer(list.count)),
                ]))
            return nil
        }
        guard list.count <= count.upperBound else {
            note(
                [.string(key)], "too_long",
                "List should have at most \(items(count.upperBound)) after validation, not \(list.count)",
                context: JSONObject([
                    ("field_type", "List"), ("max_length", .integer(count.upperBound)),
                    ("actual_length", .integer(list.count)),
                ]))
            return nil
        }
        return list
    }

    /// The objects of a list, each to be read like the request itself and then given back with `adopt`.
    mutating func objects(_ key: String, isRequired: Bool = false, isNullable: Bool = true) -> [RequestFields]? {
        guard let list = list(key, isRequired: isRequired, isNullable: isNullable) else { return nil }
        return list.enumerated().compactMap { index, value in
            do {
                return try RequestFields(value, at: path + [.string(key), .integer(index)])
            } catch {
                problems += (error as? InvalidRequest)?.problems ?? []
                return nil
            }
        }
    }

    /// Takes over the problems of a nested object.
    mutating func adopt(_ nested: RequestFields) { problems += nested.problems }

    /// Whole numbers; nil where the field is absent or null, which is a problem where it is required.
    mutating func integers(
        _ key: String, isRequired: Bool = false, count: ClosedRange<Int> = 0...Int.max
    ) -> [Int]? {
        guard let list = list(key, isRequired: isRequired, isNullable: !isRequired, count: count) else { return nil }
        return list.enumerated().compactMap { index, value in
            if value.int == nil {
                note([.string(key), .integer(index)], "int_type", "Input should be a valid integer", input: value)
            }
            return value.int
        }
    }

    /// A vector of `width` finite float32 numbers; nil, with a problem noted, for anything else.
    mutating func vector(_ key: String, width: Int) -> [Float]? {
        guard let list = list(key, isRequired: true, isNullable: false) else { return nil }
        return vector(list, [.string(key)], width: width)
    }

    /// Vectors of `width` finite float32 numbers each.
    mutating func vectors(
        _ key: String, isRequired: Bool = true, width: Int, count: ClosedRange<Int>
    ) -> [[Float]]? {
        guard let list = list(key, isRequired: isRequired, isNullable: !isRequired, count: count) else { return nil }
        return vectors(list, [.string(key)], width: width)
    }

    /// The same for a list that has been read.
    mutating func vectors(_ list: [JSONValue], _ keys: [JSONValue], width: Int) -> [[Float]]? {
        var vectors: [[Float]] = []
        for (index, value) in list.enumerated() {
            let place = keys + [.integer(index)]
            guard let numbers = value.array else {
                note(place, "list_type", "Input should be a valid list", input: value)
                return nil
            }
            guard let vector = vector(numbers, place, width: width) else { return nil }
            vectors.append(vector)
        }
        return vectors
    }

    /// One problem of a vector is enough: it may have thousands.
    private mutating func vector(_ list: [JSONValue], _ keys: [JSONValue], width: Int) -> [Float]? {
        var vector: [Float] = []
        vector.reserveCapacity(list.count)
        for (index, value) in list.enumerated() {
            guard let number = value.double else {
                note(keys + [.integer(index)], "float_type", "Input should be a valid number", input: value)
                return nil
            }
            guard Float(number).isFinite else {
                note(keys + [.integer(index)], "finite_number", "Input should be a finite number")
                return nil
            }
            vector.append(Float(number))
        }
        guard vector.count == width else {
            note(
                keys, "value_error",
                "Value error, the vector has \(vector.count) numbers, the model's are of \(width) (d_model); send one of its own activations",
                context: JSONObject([("d_model", .integer(width)), ("actual_length", .integer(vector.count))]))
            return nil
        }
        return vector
    }
}
