import Foundation
import JSON
import Testing

@Suite("File formats")
struct FileFormatTests {
    /// The beginning of a file, with what follows it.
    static func bytes(_ mark: [UInt8], _ rest: String = "") -> Data {
        Data(mark + Array(rest.utf8) + [0, 1, 2, 3, 4, 5, 6, 7])
    }
    static func bytes(_ text: String) -> Data { bytes(Array(text.utf8)) }

    static let foreign: [(bytes: Data, name: String)] = [
        (Data("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 134\n".utf8), "git-LFS pointer"),
        (bytes("PAR1"), "Parquet"), (bytes("ARROW1"), "Arrow"), (bytes("GGUF"), "GGUF"), (bytes("tjgg"), "GGML"),
        (bytes([0x93], "NUMPY"), "NumPy array"), (bytes([0x89], "HDF\r\n\u{1A}\n"), "HDF5"),
        (
            bytes([0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]),
            "PyTorch file (a pickle)"
        ),
        (bytes([0x80, 4, 0x95]), "pickle"), (bytes([0x80, 2], "}q"), "pickle"), (bytes([0x80, 3], "cnumpy"), "pickle"),
        (bytes("PK\u{3}\u{4}", "archive/data.pkl"), "PyTorch file (a zip of pickles)"),
        (bytes("PK\u{3}\u{4}", "arr_0.npy"), "NumPy arrays"), (bytes("PK\u{3}\u{4}", "a.txt"), "zip"),
        (bytes([0x1F, 0x8B, 8]), "gzip"), (bytes([0x28, 0xB5, 0x2F, 0xFD]), "zstd"),
        (Data(count: 257) + Data("ustar\u{0}00".utf8), "tar"), (Data(count: 5000), "zeros only"),
        (Data("\n<!DOCTYPE html>\n<html><title>404</title></html>".utf8), "web page"),
        (Data("<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>".utf8), "XML"),
        (Data([0xFF, 0xFE, 0x7B, 0]), "UTF-16"), (Data(), "empty file"), (Data(" \n ".utf8), "white space"),
    ]
    private static func bytes(_ mark: String, _ rest: String) -> Data { bytes(Array(mark.utf8), rest) }

    @Test("What a file is instead is named, whatever it should have been", arguments: foreign.indices)
    func named(index: Int) throws {
        let (bytes, name) = Self.foreign[index]
        for wanted in [FileFormat.Wanted.safetensors, .json, .yaml] {
            let said = try #require(FileFormat.complaint(of: bytes, wanted: wanted))
            #expect(said.contains(name) && said.contains(wanted.rawValue) && !said.contains("\n"), "\(said)")
        }
    }

    @Test("A server's answer in place of weights is quoted")
    func answers() {
        let json = FileFormat.complaint(of: Data(#"{"error":"Repository not found"}"#.utf8), wanted: .safetensors)
        #expect(json?.contains("Repository not found") == true)
        let text = FileFormat.complaint(of: Data("Entry not found".utf8), wanted: .json)
        #expect(text?.contains("Entry not found") == true)
        #expect((["error": ["message": "gone"]] as JSONValue).errorMessage == "gone")
        #expect((["hidden_size": 4] as JSONValue).errorMessage == nil)
    }

    @Test(
        "What is wanted, or may be, is not complained of",
        arguments: [
            (Data("{\"a\": 1}".utf8), FileFormat.Wanted.json), (Data([0xEF, 0xBB, 0xBF] + Array("{}".utf8)), .json),
            (Data("a: 1".utf8), .yaml), (Data("{\"a\": 1}".utf8), .yaml), (Data("NaN".utf8), .json),
            (Data([1, 2, 3, 4, 5, 6, 7, 8, 9, 200]), .safetensors),
        ])
    func silent(bytes: Data, wanted: FileFormat.Wanted) {
        #expect(FileFormat.complaint(of: bytes, wanted: wanted) == nil)
    }

    @Test("No length of a safetensors header makes it something else", arguments: [640, 0x8B1F, 0x4B50, 0x9380, 123])
    func headerLengths(length: UInt64) {
        let bytes = withUnsafeBytes(of: length.littleEndian) { Data($0) } + Data("{\"a\":{}}".utf8)
        #expect(FileFormat.complaint(of: bytes, wanted: .safetensors) == nil)
        #expect(FileFormat.complaint(of: bytes, wanted: .json) != nil)
    }
}
