import Foundation
import JSON
import Parquet
import Testing

/// Numbers that follow from a seed (SplitMix64).
struct Chance: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

@Suite("Damaged Parquet")
struct DamageTests {
    /// Bytes of which a few are others, are missing, are too many, or are large numbers in place of small ones.
    private static func damaged(_ data: Data, _ chance: inout Chance) -> Data {
        var bytes = [UInt8](data)
        let footer = (0..<4).reduce(0) { $0 | Int(data[data.count - 8 + $1]) << (8 * $1) }
        for _ in 0..<Int.random(in: 1...3, using: &chance) where !bytes.isEmpty {
            var place = Int.random(in: 0..<bytes.count, using: &chance)
            // The footer is small beside the pages, and says more.
            if Bool.random(using: &chance) {
                place = min(max(0, data.count - 8 - Int.random(in: 0...footer, using: &chance)), bytes.count - 1)
            }
            switch Int.random(in: 0..<6, using: &chance) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &chance)
            case 1: bytes[place] = UInt8.random(in: 0...255, using: &chance)
            case 2: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...9, using: &chance)))
            case 3: bytes.insert(UInt8.random(in: 0...255, using: &chance), at: place)
            case 4: bytes.replaceSubrange(place..<place + 1, with: [0xFE, 0xFF, 0xFF, 0xFF, 0x0F])
            default: if Int.random(in: 0..<5, using: &chance) == 0 { bytes.removeSubrange(place...) }
            }
        }
        return Data(bytes)
    }

    private static let names = [
        "plain", "dictionary", "overflow", "encodings", "encodings_v1", "snappy", "gzip", "zstd", "lz4", "nested",
        "nested_v2", "activations", "two_levels", "two_levels_of_structures", "packed_levels", "odd",
    ]

    @Test("Damaged files are read, or refused in one line with the file's name", arguments: names)
    func survives(name: String) throws {
        let cases = ProcessInfo.processInfo.environment["INTERLINEAR_FUZZ_FILES"].flatMap(Int.init) ?? 300
        let whole = try Data(contentsOf: fixtures.appending(path: "\(name).parquet"))
        let url = FileManager.default.temporaryDirectory.appending(path: "damaged-\(UUID().uuidString).parquet")
        defer { try? FileManager.default.removeItem(at: url) }
        var chance = Chance(state: UInt64(name.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) }))
        for number in 0..<cases {
            try Self.damaged(whole, &chance).write(to: url)
            let said = complaint { _ = try rows(try ParquetFile(url), rowsPerBatch: 10) }
            let isFine =
                said.isEmpty || said.hasPrefix(url.path) && !said.contains(where: \.isNewline) && said.count < 1000
            #expect(isFine, "\(name), case \(number): \(said.prefix(500))")
        }
    }

    @Test("A file cut anywhere is refused", arguments: ["snappy", "two_levels"])
    func truncated(name: String) throws {
        let whole = try Data(contentsOf: fixtures.appending(path: "\(name).parquet"))
        let url = FileManager.default.temporaryDirectory.appending(path: "cut-\(UUID().uuidString).parquet")
        defer { try? FileManager.default.removeItem(at: url) }
        for length in 0..<whole.count {
            try whole.prefix(length).write(to: url)
            let said = complaint { _ = try ParquetFile(url) }
            #expect(said.contains("Parquet") || said.contains("damaged"), "\(length) bytes: \(said)")
        }
    }

    @Test("A page whose checksum is wrong is refused")
    func checksum() throws {
        var bytes = try Data(contentsOf: fixtures.appending(path: "gzip.parquet"))
        // A byte of the first page, behind its header.
        let url = FileManager.default.temporaryDirectory.appending(path: "sum-\(UUID().uuidString).parquet")
        defer { try? FileManager.default.removeItem(at: url) }
        bytes[100] ^= 1
        try bytes.write(to: url)
        let said = complaint { _ = try rows(try ParquetFile(url)) }
        #expect(said.contains("checksum is wrong") && said.contains("column text"), "\(said)")
    }
}
