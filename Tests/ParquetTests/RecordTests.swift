import Foundation
import JSON
import Parquet
import Testing

@Suite("Records of either kind")
struct RecordTests {
    private struct Failure: Error, CustomStringConvertible { let description: String }

    private func read(_ url: URL, _ fields: [String]? = nil) throws -> [RecordReader.Record] {
        var records: [RecordReader.Record] = []
        try RecordReader.read(url, fields: fields, failure: { Failure(description: $0) }) { records.append($0) }
        return records
    }

    @Test("The same texts come from JSON Lines and from Parquet, with their places")
    func same() throws {
        let wanted: [JSONValue] = (0..<40).map {
            ["id": .string("d\($0)"), "text": .string("text \($0 % 7)\nand more")]
        }
        try withPath { url in
            let lines = url.deletingPathExtension().appendingPathExtension("jsonl")
            defer { try? FileManager.default.removeItem(at: lines) }
            try RecordWriter.write(wanted, fields: ["id", "text"], to: url)
            try RecordWriter.write(wanted, fields: ["id", "text"], to: lines)
            #expect(ParquetFile.isParquet(url) && !ParquetFile.isParquet(lines))
            let (rows, others) = (try read(url), try read(lines))
            #expect(rows.map(\.json) == wanted && others.map(\.json) == wanted)
            #expect(rows[2].place == "\(url.path): row 3" && others[2].place == "\(lines.path): line 3")
            #expect(rows[2].number == 3 && rows[2].isRow && !others[2].isRow)
        }
    }

    @Test("Only columns that are looked at are read: one that cannot be does no harm")
    func columns() throws {
        let url = fixtures.appending(path: "odd.parquet")
        #expect(try read(url, ["ragged", "text"]).map { $0.json["ragged"]?.array?.count } == [1, 2])
        #expect(complaint { _ = try read(url) }.contains("decimal"))
        let said = complaint { _ = try read(url, ["text", "messages"]) }
        #expect(said.contains("none of the columns text, messages") && said.contains("ragged"), "\(said)")
    }

    @Test("Lines that are no JSON are refused with their number, and what is not there with its name")
    func refused() throws {
        try withPath { url in
            try Data("{\"text\": 1}\n\n{\n".utf8).write(to: url)
            #expect(complaint { _ = try read(url) }.contains("\(url.path): line 3"))
        }
        #expect(complaint { _ = try read(fixtures.appending(path: "missing.jsonl")) }.contains("No such file"))
    }
}
