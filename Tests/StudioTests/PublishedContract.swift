import Foundation
import JSON
import TestSupport
import Testing

/// The published description of the interface (OpenAPI), where it lies beside the repository.
struct PublishedContract: Sendable {
    private let document: JSONValue

    static let file = sharedMaterial?.appending(path: "contracts/nla_server_openapi.json")

    init?() throws {
        guard let file = PublishedContract.file, FileManager.default.fileExists(atPath: file.path) else { return nil }
        document = try JSONValue.parse(Data(contentsOf: file))
    }

    /// The paths that it knows.
    var paths: [String] { document["paths"]?.object?.keys ?? [] }

    /// What a path answers with a status.
    func answer(_ path: String, status: Int) throws -> Shape {
        let method = path == "/" ? "get" : "post"
        let schema = document["paths"]?[path]?[method]?["responses"]?[String(status)]?["content"]?["application/json"]
        return shape(try #require(schema?["schema"]))
    }

    /// What a path is sent.
    func request(_ path: String) throws -> Shape {
        let schema = document["paths"]?[path]?["post"]?["requestBody"]?["content"]?["application/json"]?["schema"]
        return shape(try #require(schema))
    }

    private func shape(_ schema: JSONValue) -> Shape {
        if let reference = schema["$ref"]?.string {
            let name = reference.split(separator: "/").last.map(String.init) ?? ""
            return shape(document["components"]?["schemas"]?[name] ?? .null)
        }
        if let choices = schema["anyOf"]?.array { return .either(choices.map(shape)) }
        switch schema["type"]?.string {
        case "null": return .null
        case "boolean": return .bool
        case "integer":
            let least = schema["exclusiveMinimum"]?.double.map { Int($0) + 1 } ?? schema["minimum"]?.int ?? Int.min
            return .integer(least...(schema["maximum"]?.int ?? Int.max))
        case "number":
            let most = Double.greatestFiniteMagnitude
            return .number((schema["minimum"]?.double ?? -most)...(schema["maximum"]?.double ?? most))
        case "string": return .string(schema["maxLength"]?.int ?? Int.max)
        case "array":
            let counts = (schema["minItems"]?.int ?? 0)...(schema["maxItems"]?.int ?? Int.max)
            return .list(schema["items"].map(shape) ?? .object([]), counts)
        default:
            let required = Set(schema["required"]?.array?.compactMap(\.string) ?? [])
            let fields = schema["properties"].flatMap(\.object).map { properties in
                properties.map { name, field in
                    Shape.Field(name: name, shape: shape(field), isRequired: required.contains(name))
                }
            }
            // A field of any kind has no type.
            if schema["type"] == nil {
                return .either([.null, .bool, .anyNumber, .anyString, .list(.anyNumber), .object([])])
            }
            return .object(fields ?? [])
        }
    }
}
