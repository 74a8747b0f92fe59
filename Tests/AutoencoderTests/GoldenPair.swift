import Autoencoder
import Foundation
import JSON
import LanguageModel
import Tensors
import TestSupport
import Tokenization

/// The committed pairs, and what PyTorch computed on them.
struct GoldenPair {
    let folder: URL
    let json: JSONValue
    let tensors: SafetensorsFile

    static let names = ["qwen2", "gemma3"]

    init(_ name: String) throws {
        folder = goldens.appending(path: "pairs/\(name)")
        json = try JSONValue.parse(Data(contentsOf: folder.appending(path: "expected.json")))
        tensors = try SafetensorsFile(folder.appending(path: "expected.safetensors"))
    }

    var av: URL { folder.appending(path: "av") }
    var ar: URL { folder.appending(path: "ar") }
    var target: URL { folder.appending(path: "target") }

    func tensor(_ name: String) throws -> Tensor { try tensors.requiredTensor(name) }

    var texts: [String] { json["texts"]?.array?.compactMap(\.string) ?? [] }
    var explanations: [String] { json["explanations"]?.array?.compactMap(\.string) ?? [] }
    var ids: [[Int32]] { json["ids"]?.array?.map { GoldenPair.ids($0) } ?? [] }
    var prompt: [Int32] { json["prompt"].map { GoldenPair.ids($0) } ?? [] }

    var responses: [VerbalizerBatch.Response] {
        json["responses"]?.array?.map {
            .init(activation: $0["activation"]?.int ?? 0, ids: $0["ids"].map { GoldenPair.ids($0) } ?? [])
        } ?? []
    }

    private static func ids(_ json: JSONValue) -> [Int32] { json.array?.compactMap { $0.int.map(Int32.init) } ?? [] }
}

/// Replaces text in a file; traps if it is not there.
func edit(_ file: URL, _ old: String, _ new: String) throws {
    let text = try String(contentsOf: file, encoding: .utf8)
    require(text.contains(old), "no \(old) in \(file.path)")
    try Data(text.replacingOccurrences(of: old, with: new).utf8).write(to: file)
}

/// The one line of an error, or nil if nothing is thrown.
func message(_ body: () throws -> Void) -> String? {
    do {
        try body()
        return nil
    } catch { return "\(error)" }
}

/// A sidecar with everything in it.
let fullSidecar = Sidecar(
    role: .verbalizer, width: 32, layer: 2, injectionScale: .norm(150.5), lossScale: .rootOfWidth,
    injection: .normMatchedAdd,
    marker: .init(text: "㈎", id: 5, leftNeighbor: 6, rightNeighbor: 7), reconstructorSuffix: [1, 2, 3],
    verbalizerTemplate: "a \"quoted\"\nline: {injection_char} # no comment",
    reconstructorTemplate: "{explanation} é \\ '",
    target: .init(hash: "00ff", name: "org/name"),
    variance: RawVariance(variance: 0.731, squaredMeanNorm: 0.269, set: "held-out", count: 1000))
