import Foundation
import JSON
import Parquet
import Testing

/// Calls `body` with a path that nothing has, and removes what is there afterwards.
func withPath(_ body: (URL) throws -> Void) throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "written-\(UUID().uuidString).parquet")
    defer { try? FileManager.default.removeItem(at: url) }
    try body(url)
}

@Suite("Writing Parquet")
struct WriterTests {
    private static let schema = [
        ParquetField("id", .int64, isOptional: false), ParquetField("text", .string), ParquetField("flag", .boolean),
        ParquetField("number", .double), ParquetField("messages", .messages),
        ParquetField("vector", .floats(length: 3), isOptional: false),
    ]

    private static func row(_ index: Int) -> JSONValue {
        [
            "id": .integer(index), "text": index % 5 == 2 ? .null : .string("text \(index % 7)"),
            "flag": index % 3 == 0 ? .null : .bool(index % 2 == 0),
            "number": .number(Double(index) / 4),
            "messages": index % 4 == 1
                ? .null
                : .array(
                    (0..<index % 3).map { turn in
                        [
                            "role": .string(turn == 0 ? "user" : "assistant"),
                            "content": .string("turn \(turn) of \(index)"),
                        ]
                    }),
            "vector": .array((0..<3).map { .number(Double(Float(index) / 3 + Float($0))) }),
        ]
    }

    @Test(
        "What is written is read again, with every compression and size of page",
        arguments: [ParquetCompression.none, .snappy, .zstd], [1, 300, 1 << 20])
    func roundTrip(compression: ParquetCompression, pageBytes: Int) throws {
        let wanted = (0..<500).map(Self.row)
        var options = ParquetWriter.Options()
        options.compression = compression
        options.pageBytes = pageBytes
        options.rowsPerGroup = 130
        try withPath { url in
            try ParquetWriter.write(to: url, Self.schema, options, notes: ["made by": "a test"]) { writer in
                for start in stride(from: 0, to: 500, by: 70) {
                    let part = wanted[start..<min(500, start + 70)]
                    try writer.append(
                        Self.schema.map { field in
                            try ParquetColumn(field, rows: part.map { $0[field.name] ?? .null })
                        })
                }
            }
            let file = try ParquetFile(url)
            #expect(file.rowGroups == [130, 130, 130, 110] && file.notes["made by"] == "a test")
            #expect(try rows(file) == wanted)
        }
    }

    @Test("Nothing is left where writing fails, and what was there stays")
    func failure() throws {
        struct Stop: Error {}
        try withPath { url in
            try Data("before".utf8).write(to: url)
            #expect(throws: Stop.self) {
                try ParquetWriter.write(to: url, Self.schema) { _ in throw Stop() }
            }
            #expect(try Data(contentsOf: url) == Data("before".utf8))
            let folder = url.deletingLastPathComponent()
            let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
                .filter { $0.hasPrefix(url.lastPathComponent) }
            #expect(left == [url.lastPathComponent])
        }
    }

    @Test("A value of another type is refused with its row")
    func otherTypes() {
        let said = complaint { _ = try ParquetColumn(ParquetField("id", .int64), rows: [1, "two"]) }
        #expect(said.contains("column id") && said.contains("value 1") && said.contains("int64"), "\(said)")
        let missing = complaint {
            _ = try ParquetColumn(ParquetField("id", .int64, isOptional: false), rows: [1, nil])
        }
        #expect(missing.contains("value 1 is missing"), "\(missing)")
    }

    @Test("Snappy expands to what it compressed, whatever it was")
    func snappy() throws {
        var chance = Chance(state: 5)
        for number in 0..<300 {
            let letters = Int.random(in: 1...250, using: &chance)
            var bytes = (0..<Int.random(in: 0...200, using: &chance)).map { _ in
                UInt8.random(in: 0..<UInt8(letters), using: &chance)
            }
            while number % 3 == 0, bytes.count < 150_000, !bytes.isEmpty { bytes += bytes }
            let small = Snappy.compress(bytes)
            var output = [UInt8](repeating: 0, count: bytes.count)
            try small.withUnsafeBytes { input in
                try output.withUnsafeMutableBytes { try Snappy.expand(input, into: $0) }
            }
            #expect(output == bytes)
        }
    }

    @Test("Levels and places of every width are read as they were packed")
    func hybrid() throws {
        var chance = Chance(state: 9)
        for width in 1...32 {
            for _ in 0..<20 {
                var numbers: [UInt32] = []
                while numbers.count < 300 {
                    let number = UInt32.random(
                        in: 0...UInt32(truncatingIfNeeded: UInt64(1) << UInt64(width) - 1), using: &chance)
                    numbers += repeatElement(
                        number, count: Bool.random(using: &chance) ? 1 : Int.random(in: 1...40, using: &chance))
                }
                var bytes: [UInt8] = []
                HybridEncoder.append(numbers, width: width, to: &bytes)
                let memory = try PageMemory(count: bytes.count)
                memory.base.copyMemory(from: bytes, byteCount: bytes.count)
                var decoder = try HybridDecoder(memory, 0..<bytes.count, width: width)
                var found = [UInt32](repeating: 0, count: numbers.count)
                // In pieces, so that reading goes on in the middle of a group.
                try found.withUnsafeMutableBufferPointer { target in
                    var done = 0
                    while done < target.count {
                        let count = min(target.count - done, Int.random(in: 1...50, using: &chance))
                        try decoder.read(UnsafeMutableBufferPointer(rebasing: target[done..<done + count]))
                        done += count
                    }
                }
                #expect(found == numbers, "\(width) bits")
            }
        }
    }

    @Test("Half precision is what the processor makes of it")
    func half() {
        #expect(Float(half: 0x3C00) == 1 && Float(half: 0xC000) == -2 && Float(half: 0x7BFF) == 65504)
        #expect(
            Float(half: 0x0001) == 0x1p-24 && Float(half: 0x8000).sign == .minus && Float(half: 0x7C00) == .infinity)
        #expect(Float(half: 0x7E00).isNaN && Float(half: 0x0400) == 0x1p-14)
    }
}
