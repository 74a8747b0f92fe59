import Foundation
import JSON
import Parquet
import Testing

/// The folder with the files that pyarrow wrote; Tests/Goldens/parquet/make_parquet.py makes them.
let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Goldens/parquet")

/// Opens a file of pyarrow's.
func fixture(_ name: String) throws -> ParquetFile { try ParquetFile(fixtures.appending(path: "\(name).parquet")) }

/// The rows that pyarrow reads from a file.
func expected(_ name: String) throws -> [JSONValue] {
    try #require(
        try JSONValue.parse(Data(contentsOf: fixtures.appending(path: "\(name).json"))).array)
}

/// The rows that we read.
func rows(_ file: ParquetFile, columns: [String]? = nil, rowsPerBatch: Int = 1024) throws -> [JSONValue] {
    var result: [JSONValue] = []
    var rows = try file.rows(columns: columns, rowsPerBatch: rowsPerBatch)
    while let batch = try rows.next() {
        for row in 0..<batch.count {
            result.append(.object(JSONObject(try batch.columns.map { ($0.field.name, try $0.json(row)) })))
        }
    }
    return result
}

/// What a reader says.
func complaint(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return ""
}

@Suite("Parquet that pyarrow wrote")
struct FixtureTests {
    @Test(
        "Every type, encoding, compression and version of pages gives the rows that pyarrow reads",
        arguments: [
            ("plain", "plain"), ("dictionary", "plain"), ("overflow", "plain"), ("encodings", "plain"),
            ("encodings_v1", "plain"), ("snappy", "snappy"), ("gzip", "snappy"), ("zstd", "snappy"),
            ("lz4", "snappy"), ("nested", "nested"), ("nested_v2", "nested"), ("activations", "activations"),
            ("two_levels", "two_levels"), ("two_levels_of_structures", "two_levels_of_structures"),
            ("packed_levels", "packed_levels"), ("empty", "empty"),
        ])
    func values(name: String, rowsOf: String) throws {
        let file = try fixture(name)
        let wanted = try expected(rowsOf)
        #expect(file.rowCount == wanted.count)
        // Batches of any size come to the same rows.
        for size in [1024, 7, 1] {
            let found = try rows(file, rowsPerBatch: size)
            #expect(found.count == wanted.count)
            for (row, (found, wanted)) in zip(found, wanted).enumerated() where found != wanted {
                Issue.record("\(name), row \(row): \(found.serialized()), not \(wanted.serialized())")
                return
            }
        }
    }

    @Test("The schema says what pyarrow's does")
    func schema() throws {
        let types = try fixture("nested").schema.map(\.type.name)
        #expect(
            types == [
                "list of structure of role, content", "list of list of list of integer of 32 bits",
                "structure of a, d", "map of string to int64",
            ] || types[0] == "list of structure of role, content", "\(types)")
        let plain = try fixture("plain").schema
        #expect(plain.first { $0.name == "required" }?.isOptional == false)
        #expect(plain.first { $0.name == "float16" }?.type.name == "float16")
        #expect(try fixture("plain").createdBy.contains("parquet-cpp"))
    }

    @Test("Columns come in the order asked for, and one that is not there is named with those that are")
    func columns() throws {
        let file = try fixture("plain")
        var some = try file.rows(columns: ["string", "int8"])
        #expect(try #require(try some.next()).columns.map(\.field.name) == ["string", "int8"])
        let said = complaint { _ = try file.rows(columns: ["strings"]) }
        #expect(said.contains("column strings") && said.contains("string, binary") && !said.contains("\n"), "\(said)")
    }

    @Test(
        "Activations are rows of float32, whatever they are stored as",
        arguments: ["activation_vector", "fixed", "half", "double"])
    func activations(column: String) throws {
        let file = try fixture("activations")
        #expect(file.rowGroups == [5, 5, 2])
        let wanted = try expected("activations").flatMap { row in
            (row[column]?.array ?? []).map { Float($0.double ?? .nan) }
        }
        var found: [Float] = []
        var rows = try file.rows(columns: [column])
        while let batch = try rows.next() {
            let (values, width) = try batch.column(column).matrix()
            #expect(width == 6 && values.count == batch.count * 6)
            found += values
        }
        #expect(found == wanted)
    }

    @Test("What cannot be read is refused by name, in one line, with what to do")
    func refusals() throws {
        let path = fixtures.appending(path: "odd.parquet").path
        func said(_ column: String, _ body: (ParquetColumn) throws -> Void) throws -> String {
            let file = try fixture("odd")
            let batch = try #require(
                try {
                    var rows = try file.rows(columns: [column]); return try rows.next()
                }())
            return complaint { try body(batch.columns[0]) }
        }
        let decimal = try said("decimal") { _ = try $0.json(0) }
        #expect(decimal.contains("decimal(10, 2)") && decimal.contains("pyarrow"), "\(decimal)")
        let raw = try said("raw") { _ = try $0.text(1) }
        #expect(raw.contains("row 1") && raw.contains("UTF-8"), "\(raw)")
        let nanoseconds = try said("nanoseconds") { _ = try $0.json(0) }
        #expect(nanoseconds.contains("int96"), "\(nanoseconds)")
        let ragged = try said("ragged") { _ = try $0.matrix() }
        #expect(ragged.contains("row 1 has 2 numbers, row 0 has 1"), "\(ragged)")
        let hollow = try said("hollow") { _ = try $0.matrix() }
        #expect(hollow.contains("row 1 has a missing number"), "\(hollow)")
        for line in [decimal, raw, nanoseconds, ragged, hollow] {
            #expect(line.hasPrefix("\(path): column ") && !line.contains("\n"), "\(line)")
        }
        let brotli = complaint { _ = try rows(try fixture("brotli")) }
        #expect(brotli.contains("Brotli") && brotli.contains("column text"), "\(brotli)")
        let text = complaint { _ = try ParquetFile(fixtures.appending(path: "plain.json")) }
        #expect(text.contains("no Parquet"), "\(text)")
        #expect(complaint { _ = try ParquetFile(fixtures) }.contains("is no file"))
        #expect(complaint { _ = try ParquetFile(fixtures.appending(path: "missing")) }.contains("No such file"))
    }

    @Test("A file is known by its beginning")
    func known() {
        #expect(ParquetFile.isParquet(fixtures.appending(path: "plain.parquet")))
        #expect(!ParquetFile.isParquet(fixtures.appending(path: "plain.json")))
        #expect(!ParquetFile.isParquet(fixtures))
    }
}
