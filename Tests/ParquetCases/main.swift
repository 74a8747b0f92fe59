import Foundation
import JSON
import Parquet

// Answers cases of Scripts/check_parquet.py: one JSON object a line in, one out.
//
//     {"read": "FILE"}     what stands in a file, by rows; bytes that are no text in hexadecimal
//     {"write": "FILE", "schema": [FIELD…], "rows": [{…}…], "batch": 7, "options": {…}}   writes a file
//     {"matrix": "FILE", "column": "NAME"}    reads a column of activations: rows, width, and the sum of all numbers
//
// A FIELD is {"name", "type", "optional"}, with "element" and "length" for lists and "fields" for structures.

/// A value as the Python side writes it.
func value(_ column: ParquetColumn, _ index: Int) throws -> JSONValue {
    guard column.isPresent(index) else { return .null }
    switch column.content {
    case .lists(let offsets, let elements):
        return .array(try (offsets[index]..<offsets[index + 1]).map { try value(elements, $0) })
    case .groups(let columns):
        return .object(JSONObject(try columns.map { ($0.field.name, try value($0, index)) }))
    case .bytes(let strings):
        if case .leaf(let leaf) = column.field.type, leaf.meaning == .string || leaf.meaning == .json {
            return try column.text(index).map { .string($0) } ?? .null
        }
        return .string(strings[index].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())
    case .int64(let values):
        // Numbers without a sign may be beyond JSON's.
        if case .leaf(let leaf) = column.field.type, case .integer(_, false) = leaf.meaning {
            return .string("\(UInt64(bitPattern: values[index]))")
        }
        return .integer(Int(values[index]))
    default: return try column.json(index)
    }
}

func read(_ path: String) throws -> JSONValue {
    let file = try ParquetFile(URL(fileURLWithPath: path))
    var rows = try file.rows(rowsPerBatch: 100)
    var answer: [JSONValue] = []
    while let batch = try rows.next() {
        for row in 0..<batch.count { answer.append(.array(try batch.columns.map { try value($0, row) })) }
        // What people get must not trap either.
        for column in batch.columns { for row in 0..<batch.count { _ = try? column.json(row) } }
    }
    return ["rows": .array(answer), "count": .integer(file.rowCount)]
}

func field(_ json: JSONValue) -> ParquetField {
    let type: ParquetType =
        switch json["type"]?.string {
        case "boolean": .boolean
        case "int32": .int32
        case "int64": .int64
        case "float": .float
        case "double": .double
        case "list": .list(field(json["element"] ?? .null), length: json["length"]?.int)
        case "group": .group(json["fields"]?.array?.map(field) ?? [])
        default: .string
        }
    return ParquetField(json["name"]?.string ?? "element", type, isOptional: json["optional"]?.bool ?? true)
}

func write(_ path: String, _ request: JSONValue) throws -> JSONValue {
    let schema = request["schema"]?.array?.map(field) ?? [], rows = request["rows"]?.array ?? []
    var options = ParquetWriter.Options()
    let given = request["options"] ?? .null
    options.compression = ["none": .none, "snappy": .snappy][given["compression"]?.string ?? ""] ?? .zstd
    options.dictionary = given["dictionary"]?.bool ?? true
    options.statistics = given["statistics"]?.bool ?? true
    options.rowsPerGroup = given["rows_per_group"]?.int ?? options.rowsPerGroup
    options.pageBytes = given["page_bytes"]?.int ?? options.pageBytes
    options.bytesPerGroup = given["bytes_per_group"]?.int ?? options.bytesPerGroup
    let size = max(1, request["batch"]?.int ?? 1000)
    try ParquetWriter.write(to: URL(fileURLWithPath: path), schema, options) { writer in
        for start in stride(from: 0, to: rows.count, by: size) {
            let part = rows[start..<min(rows.count, start + size)]
            try writer.append(
                schema.map { field in try ParquetColumn(field, rows: part.map { $0[field.name] ?? .null }) })
        }
    }
    return ["written": .integer(rows.count)]
}

func matrix(_ path: String, _ name: String) throws -> JSONValue {
    let file = try ParquetFile(URL(fileURLWithPath: path))
    var rows = try file.rows(columns: [name])
    var sum = 0.0, count = 0, width = 0
    while let batch = try rows.next() {
        let (values, found) = try batch.column(name).matrix()
        width = found
        count += batch.count
        var part: Float = 0
        for value in values { part += value }
        sum += Double(part)
    }
    return ["rows": .integer(count), "width": .integer(width), "sum": .number(sum)]
}

while let line = readLine() {
    var answer: JSONValue
    do {
        let request = try JSONValue.parse(line)
        if let path = request["read"]?.string {
            answer = try read(path)
        } else if let path = request["write"]?.string {
            answer = try write(path, request)
        } else {
            answer = try matrix(request["matrix"]?.string ?? "", request["column"]?.string ?? "")
        }
    } catch { answer = ["error": .string("\(error)")] }
    print(answer.serialized())
    fflush(nil)
}
