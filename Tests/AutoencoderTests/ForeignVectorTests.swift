import Autoencoder
import Foundation
import LanguageModel
import Tensors
import TestSupport
import Testing

/// Activations, sidecars and heads of another kind, or of an older version.
@Suite("Foreign activations and sidecars")
struct ForeignVectorTests {
    private func message(_ body: () throws -> Void) -> String {
        do { try body() } catch { return "\(error)" }
        return ""
    }

    @Test(
        "Activations in another format are named, with a way to convert them",
        arguments: [
            ("a.arrow", Array("ARROW1".utf8), "Arrow", "pyarrow"),
            ("a.npy", [0x93] + Array("NUMPY".utf8), "NumPy", "numpy.load"),
            ("a.pt", Array("PK\u{3}\u{4}        archive/data.pkl".utf8), "PyTorch", "torch.load"),
            ("a.pkl", [0x80, 4, 0x95], "pickle", "torch.load"),
            ("a.h5", [0x89] + Array("HDF\r\n\u{1A}\n".utf8), "HDF5", "h5py"),
        ])
    func vectors(name: String, mark: [UInt8], format: String, way: String) throws {
        let scratch = try Scratch()
        let file = scratch.path(name)
        try Data(mark + [UInt8](repeating: 7, count: 200)).write(to: file)
        let said = message { _ = try VectorFile.read(file) }
        #expect(
            said.contains(file.path) && said.contains(format) && said.contains(way) && !said.contains("header"),
            "\(said)")
    }

    /// What the method's own writer of data sets leaves beside them.
    private static let dataSet = """
        kind: nla_dataset
        schema_version: 1
        stage: base
        row_count: 3
        extraction:
          base_model: x/y
          d_model: 8
          layer_index: 6
          norm: none
          corpus_slice: {start: 0, length: 3}
        prompt_templates: {}
        created_at: '2026-01-01'
        """

    @Test("A data set's sidecar of version 1 is read")
    func firstVersion() throws {
        let scratch = try Scratch()
        let file = scratch.path("a.safetensors")
        try SafetensorsFile.write([("activations", Tensor([Float](repeating: 1, count: 24), shape: [3, 8]))], to: file)
        try Data(Self.dataSet.utf8).write(to: Sidecar.place(beside: file))
        #expect(try VectorFile.read(file).shape == [3, 8])
        let sidecar = try #require(try Sidecar.read(beside: file))
        #expect(sidecar.role == .dataset && sidecar.width == 8 && sidecar.layer == 6)
    }

    @Test(
        "Other versions, changed activations and models of version 1 are refused",
        arguments: [
            ("schema_version: 1", "schema_version: 3", "schema_version"), ("norm: none", "norm: l2", "extraction.norm"),
            ("kind: nla_dataset", "kind: nla_model\nrole: av", "schema_version"), ("d_model: 8", "d_model: 9", "9"),
        ])
    func otherVersions(old: String, new: String, mention: String) throws {
        let scratch = try Scratch()
        let file = scratch.path("a.safetensors")
        try SafetensorsFile.write([("activations", Tensor([Float](repeating: 1, count: 24), shape: [3, 8]))], to: file)
        try Data(Self.dataSet.replacingOccurrences(of: old, with: new).utf8).write(to: Sidecar.place(beside: file))
        #expect(message { _ = try VectorFile.read(file) }.contains(mention))
    }

    @Test(
        "A sidecar or a head of another kind is named",
        arguments: [
            ("nla_meta.yaml", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git-LFS pointer"),
            ("nla_meta.yaml", "<!doctype html><html>", "web page"), ("nla_meta.yaml", "", "empty file"),
            ("value_head.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git-LFS pointer"),
            ("value_head.safetensors", "PK\u{3}\u{4}        value_head/data.pkl", "PyTorch"),
            ("tokenizer.json", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git-LFS pointer"),
        ])
    func reconstructor(name: String, text: String, format: String) throws {
        let scratch = try Scratch()
        let ar = try scratch.copy(GoldenPair("qwen2").ar)
        try Data(text.utf8).write(to: ar.appending(path: name))
        let said = message { _ = try Reconstructor(folder: ar) }
        #expect(said.contains(name) && said.contains(format) && !said.contains("\n"), "\(said)")
    }

    @Test("20,000 damaged sidecars are read or refused")
    func fuzz() throws {
        let seeds = try [
            Self.dataSet, String(contentsOf: GoldenPair("qwen2").av.appending(path: Sidecar.fileName), encoding: .utf8),
            String(contentsOf: GoldenPair("qwen2").ar.appending(path: Sidecar.fileName), encoding: .utf8),
        ].map { Array($0.utf8) }
        let pieces = [
            "-1", "0", "99999999999999999999", "1e308", ".inf", ".nan", "null", "~", "[]", "{}", "'x'", "2147483648",
            "0x7f", "1_0",
            "\n", ": ", "- ", "&a ", "*a", "!!int ", "\"", "\u{0}", "9223372036854775807", "-9223372036854775808",
            "0.5", "sqrt_d_model",
        ]
        var random = Random(seed: 5)
        var read = 0
        for _ in 0..<20_000 {
            var bytes = seeds.randomElement(using: &random) ?? []
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let start = Int.random(in: 0..<bytes.count, using: &random)
                // Mostly in place of a number, so that the damage gets past the parser.
                let digits = bytes[start...].firstIndex { (0x30...0x39).contains($0) } ?? start
                let at = Int.random(in: 0..<4, using: &random) == 0 ? start : digits
                let end = bytes[at...].firstIndex { !(0x30...0x39).contains($0) } ?? bytes.count
                let piece = Array((pieces.randomElement(using: &random) ?? "").utf8)
                bytes.replaceSubrange(at..<max(end, at), with: piece)
                if bytes.isEmpty { bytes = [0x61] }
            }
            guard let sidecar = try? Sidecar(yaml: String(decoding: bytes, as: UTF8.self), source: "fuzz") else {
                continue
            }
            read += 1
            #expect((0..<10_000).contains(sidecar.layer) && sidecar.width > 0)
        }
        #expect(read > 1000)
    }
}
