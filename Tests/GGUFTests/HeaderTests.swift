import Foundation
import GGUF
import TestSupport
import Testing

private func header(_ builder: GGUFBuilder) throws -> GGUFHeader {
    try GGUFHeader(Data(builder.bytes), source: "/m.gguf")
}

/// What is said of a file that is refused.
private func complaint(_ bytes: [UInt8]) -> String {
    do {
        _ = try GGUFHeader(Data(bytes), source: "/m.gguf")
        return ""
    } catch { return "\(error)" }
}

@Suite("GGUF headers")
struct HeaderTests {
    /// A file with a bit of everything.
    static let small = GGUFBuilder(
        [
            ("general.architecture", .string("llama")), ("a.count", .uint32(7)), ("a.long", .uint64(1 << 40)),
            ("a.less", .int32(-3)), ("a.share", .float32(0.25)), ("a.flag", .bool(true)),
            ("a.words", .strings(["", "é", "two words"])), ("a.types", .int32s([1, -1, 3])),
            ("a.flags", .bools([true, false])), ("a.scores", .float32s([0.5, -2])),
        ],
        tensors: [
            .init("w", [2, 32], floats: (0..<64).map(Float.init)),
            .init("q", type: 8, [64, 3], [UInt8](repeating: 1, count: 3 * 2 * 34)),
            .init("b", [3], floats: [1, 2, 3]),
        ])

    @Test("Values of every type, and tensors with the outermost axis first", arguments: [UInt32(2), 3])
    func everything(version: UInt32) throws {
        var builder = Self.small
        builder.version = version
        let file = try header(builder)
        #expect(file.version == Int(version) && file.alignment == 32)
        #expect(file.keys.first == "general.architecture" && file.keys.count == 10)
        #expect(try file.string("general.architecture") == "llama")
        #expect(try file.integer("a.count") == 7 && file.integer("a.long") == 1 << 40)
        #expect(try file.integer("a.less") == -3 && file.number("a.share") == 0.25 && file.bool("a.flag") == true)
        #expect(try file.strings("a.words") == [[], Array("é".utf8), Array("two words".utf8)])
        #expect(try file.numbers("a.types") == [1, -1, 3] && file.numbers("a.flags") == [1, 0])
        #expect(try file.numbers("a.scores") == [0.5, -2])
        #expect(try file.integer("a.none") == nil && file.strings("a.none") == nil)
        #expect(file.tensors.map(\.name) == ["w", "q", "b"])
        #expect(file.tensors.map(\.shape) == [[2, 32], [3, 64], [3]])
        #expect(file.tensors.map(\.type) == [.f32, .q8_0, .f32])
        #expect(file.tensors.map(\.range.count) == [256, 204, 12])
        #expect(file.tensors.allSatisfy { $0.range.lowerBound % 32 == 0 })
    }

    @Test("A value of another type than is asked for is an error that says what it is")
    func otherTypes() throws {
        let file = try header(Self.small)
        for (read, says) in [
            ({ _ = try file.integer("general.architecture") }, "a text, where a whole number is needed"),
            ({ _ = try file.string("a.count") }, "a whole number, where a text is needed"),
            ({ _ = try file.bool("a.words") }, "a list of 3, where true or false is needed"),
            ({ _ = try file.numbers("a.words") }, "a list of numbers is needed"),
            ({ _ = try file.strings("a.types") }, "a list of texts is needed"),
        ] as [(() throws -> Void, String)] {
            #expect { try read() } throws: { "\($0)".hasPrefix("/m.gguf: ") && "\($0)".hasSuffix(says) }
        }
    }

    @Test("The alignment is the file's own")
    func alignment() throws {
        var builder = Self.small
        builder.metadata.append(("general.alignment", .uint32(256)))
        builder.alignment = 256
        let file = try header(builder)
        #expect(file.alignment == 256 && file.tensors.allSatisfy { $0.range.lowerBound % 256 == 0 })
    }

    /// Sizes by gguf-py's `GGML_QUANT_SIZES`, for a row of 256 weights.
    @Test("Rows take as many bytes as ggml's do")
    func sizes() {
        let bytes: [GGMLType: Int] = [
            .f32: 1024, .f16: 512, .bf16: 512, .f64: 2048, .i8: 256, .i16: 512, .i32: 1024, .i64: 2048, .q4_0: 144,
            .q4_1: 160, .q5_0: 176, .q5_1: 192, .q8_0: 272, .q2_K: 84, .q3_K: 110, .q4_K: 144, .q5_K: 176, .q6_K: 210,
            .q8_K: 292, .iq4_NL: 144, .iq4_XS: 136, .mxfp4: 136,
        ]
        for type in GGMLType.allCases { #expect(type.rowBytes(256) == bytes[type], "\(type)") }
        #expect(GGMLType.q4_K.rowBytes(128) == nil && GGMLType.q4_K.name == "Q4_K" && GGMLType.bf16.name == "BF16")
    }

    @Test("What is wrong with a file is said in one line")
    func refused() {
        var cases: [(GGUFBuilder, String)] = []
        func add(_ says: String, _ change: (inout GGUFBuilder) -> Void) {
            var builder = Self.small
            change(&builder)
            cases.append((builder, says))
        }
        add("version 1 is not read") { $0.version = 1 }
        add("version 4 is not read") { $0.version = 4 }
        add("big-endian") { $0.version = UInt32(3).byteSwapped }
        add("18446744073709551615 are claimed") { $0.claimedTensors = .max }
        add("18446744073709551615 are claimed") { $0.claimedKeys = .max }
        add("a.count: stands twice") { $0.metadata.append(("a.count", .uint32(1))) }
        add("unknown type of value 13") { $0.metadata[1].value = .raw(13, [0, 0, 0, 0]) }
        add("are claimed") { $0.metadata[1].value = .raw(8, little(UInt64.max)) }
        add("are claimed") { $0.metadata[1].value = .raw(9, little(UInt32(0)) + little(UInt64(1) << 60)) }
        add("too deep") {
            let nested = (0..<20).flatMap { _ in little(UInt32(9)) + little(UInt64(1)) }
            $0.metadata[1].value = .raw(9, nested + little(UInt32(0)) + little(UInt64(0)))
        }
        add("a power of two is needed") { $0.metadata.append(("general.alignment", .uint32(24))) }
        add("a power of two is needed") { $0.metadata.append(("general.alignment", .uint32(0))) }
        add("a power of two is needed") { $0.metadata.append(("general.alignment", .string("32"))) }
        add("tensor w: stands twice") { $0.tensors[1].name = "w" }
        add("0 axes") { $0.tensors[0].dimensions = [] }
        add("5 axes") { $0.tensors[0].dimensions = [1, 1, 1, 1, 1] }
        add("an axis of length 0") { $0.tensors[0].dimensions = [32, 0] }
        add("an axis of length 18446744073709551615") { $0.tensors[0].dimensions = [.max, 2] }
        add("overflows") { $0.tensors[0].dimensions = [1 << 32, 1 << 32] }
        add("IQ2_XXS is not read") { $0.tensors[0].type = 16 }
        add("number 999 is not read") { $0.tensors[0].type = 999 }
        add("no multiple of the 32 weights") { $0.tensors[1].dimensions = [65, 3] }
        add("begins at byte 8, no multiple of 32") { $0.tensors[1].offset = 8 }
        add("truncated") { $0.tensors[1].offset = 1 << 20 }
        add("truncated") { $0.tensors[1].offset = .max - 31 }
        add("overlap") { $0.tensors[1].offset = 0 }
        for (builder, says) in cases {
            let said = complaint(builder.bytes)
            #expect(said.contains(says) && said.hasPrefix("/m.gguf: ") && !said.contains("\n"), "\(says): \(said)")
        }
    }

    @Test("A file of another kind is named, and a file cut anywhere is refused")
    func otherFiles() {
        #expect(
            complaint(Array("PK\u{3}\u{4}, a zip archive of something".utf8)).contains(
                "zip archive, where GGUF is needed"))
        #expect(complaint([]).contains("download it again"))
        let whole = Self.small.bytes
        for length in 0..<whole.count {
            #expect(!complaint(Array(whole.prefix(length))).isEmpty, "\(length) of \(whole.count) bytes")
        }
    }

    @Test("Damaged files are read, or refused in one line that names the file")
    func damage() {
        var survival = Survival()
        let whole = Self.small.bytes
        for number in 0..<Damage.cases(3000) {
            var damage = Damage(seed: 11, number)
            let bytes = damage.numbers(whole)
            survival.of(number) {
                let file = try GGUFHeader(Data(bytes), source: "/m.gguf")
                for key in file.keys {
                    _ = try? file.strings(key)
                    _ = try? file.numbers(key)
                }
                #expect(file.tensors.allSatisfy { $0.range.upperBound <= bytes.count && !$0.range.isEmpty })
            }
        }
        #expect(survival.faults.isEmpty && survival.read > 20, "\(survival)")
    }
}
