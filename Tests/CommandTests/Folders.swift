import Foundation
import JSON
import LanguageModel
import Tensors
import TestSupport

/// Models and tokenizers to run on: the committed ones, copies to damage, and one that can talk.
enum Folders {
    /// A committed checkpoint: a vocabulary of 37, no tokenizer.
    static func model(_ name: String) -> URL { goldens.appending(path: "models/\(name)") }

    /// A copy of the committed Llama in `folder`, to be changed.
    static func copy(of name: String = "llama", into folder: URL) throws -> URL {
        let copy = folder.appending(path: "model")
        try FileManager.default.copyItem(at: model(name), to: copy)
        return copy
    }

    static let template = """
        {% for message in messages %}<|im_start|>{{ message.role }}
        {{ message.content }}<|im_end|>
        {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
        {% endif %}
        """

    /// Writes a tokenizer of 426 tokens with a chat template into `folder`.
    static func writeTokenizer(to folder: URL) throws {
        let golden = try JSONValue.parse(Data(contentsOf: goldens.appending(path: "tokenization/tokenizer-qwen.json")))
        try write(golden["tokenizer"] ?? .null, to: folder.appending(path: "tokenizer.json"))
        try write(
            ["eos_token": "<|im_end|>", "chat_template": .string(template)],
            to: folder.appending(path: "tokenizer_config.json"))
    }

    /// Writes a random model with the tokenizer's vocabulary, and the tokenizer.
    static func talker(in folder: URL, configuration changes: [String: JSONValue] = [:]) throws -> URL {
        let model = folder.appending(path: "talker")
        var json: [String: JSONValue] = [
            "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 16, "intermediate_size": 24,
            "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 426, "rms_norm_eps": 1e-6,
            "rope_theta": 10000, "tie_word_embeddings": true,
        ]
        json.merge(changes) { $1 }
        let object = JSONValue.object(JSONObject(json.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))
        let configuration = try DecoderConfiguration(json: object, source: "talker")
        let decoder = TransformerDecoder(random: configuration, .float32, deviation: 0.3, seed: 3)
        try Checkpoint.write(decoder, json: object, type: .float32, to: model)
        try writeTokenizer(to: model)
        return model
    }

    static func write(_ json: JSONValue, to file: URL) throws { try Data(json.serialized().utf8).write(to: file) }
    static func write(_ text: String, to file: URL) throws { try Data(text.utf8).write(to: file) }

    /// Changes a JSON file.
    static func edit(_ file: URL, _ change: (inout JSONObject) -> Void) throws {
        var object = try JSONValue.parse(Data(contentsOf: file)).object ?? JSONObject()
        change(&object)
        try write(.object(object), to: file)
    }

    /// Changes the header of a safetensors file, and leaves the data as it is.
    static func editHeader(_ file: URL, _ change: (inout JSONObject) -> Void) throws {
        let bytes = try Data(contentsOf: file)
        let length = Int(
            bytes.prefix(8).enumerated().reduce(UInt64(0)) { $0 | UInt64($1.element) << (8 * UInt64($1.offset)) })
        var object = try JSONValue.parse(bytes.subdata(in: 8..<8 + length)).object ?? JSONObject()
        change(&object)
        try writeSafetensors(
            header: JSONValue.object(object).serialized(), data: bytes.suffix(from: 8 + length), to: file)
    }

    /// Writes a safetensors file with this header, whatever it says.
    static func writeSafetensors(header: String, data: Data, length: UInt64? = nil, to file: URL) throws {
        let text = header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        let count = length ?? UInt64(text.utf8.count)
        var bytes = Data((0..<8).map { UInt8(truncatingIfNeeded: count >> (8 * UInt64($0))) })
        bytes += Data(text.utf8)
        bytes += data
        try bytes.write(to: file)
    }

    /// Tensors of a safetensors file, by name.
    static func tensors(_ file: URL) throws -> [String: Tensor] {
        let file = try SafetensorsFile(file)
        return try Dictionary(uniqueKeysWithValues: file.names.map { ($0, try file.requiredTensor($0)) })
    }

    /// Rewrites a safetensors file with some tensors changed, added, or (nil) left out.
    static func rewrite(_ file: URL, _ changes: [String: Tensor?]) throws {
        var all = try tensors(file).mapValues { $0.copy() }
        for (name, tensor) in changes { all[name] = tensor }
        try SafetensorsFile.write(all.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, to: file)
    }
}
