import Foundation
import JSON
import LanguageModel
import Tensors
import TestSupport

/// The committed tiny checkpoints.
enum TinyModels {
    static let names = ["llama", "llama-odd", "qwen2", "qwen2-window", "qwen3", "gemma3", "gemma3-wrapped"]

    static func folder(_ name: String) -> URL { goldens.appending(path: "models/\(name)") }

    static func checkpoint(_ name: String) throws -> Checkpoint { try Checkpoint(folder: folder(name)) }

    static func json(_ name: String) throws -> JSONValue {
        try JSONValue.parse(Data(contentsOf: folder(name).appending(path: "config.json")))
    }

    /// What transformers, or PEFT, computed.
    static func expected(_ name: String) throws -> SafetensorsFile {
        try SafetensorsFile(folder(name).appending(path: "expected.safetensors"))
    }
}

extension TransformerDecoder {
    /// Logits of one sequence, in float32.
    func logits(of ids: [Int]) -> Tensor {
        var tree = TokenTree()
        tree.append(ids.map(Int32.init))
        let tape = Tape(recording: false, precision: .float32)
        return logits(hidden(tree, tape: tape), tape: tape)
    }
}
