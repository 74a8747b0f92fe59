import ArgumentParser
import Foundation
import GGUF
import JSON
import LanguageModel
import Tensors

struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a model in another format: a folder as GGUF, or GGUF as a folder.",
        discussion: """
            A model folder becomes one GGUF file, with the tokenizer and the chat template inside. What was written is opened again and \
            compared; a model or a tokenizer that GGUF cannot describe is refused. A GGUF file becomes a Hugging Face folder: \
            config.json, safetensors in the type asked for, tokenizer.json, tokenizer_config.json, chat_template.jinja. Packed weights \
            are unpacked.
            """)

    @Option(help: ArgumentHelp("Model folder or GGUF file, or org/name or org/name:FILE on the hub.", valueName: "dir"))
    var model: String

    @Option(help: ArgumentHelp("File to write (for a folder), or folder (for GGUF).", valueName: "path"))
    var output: String

    /// The type of matrices. Vectors of a GGUF file are float32.
    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case f32, f16, bf16
        case q8 = "q8_0"

        var ggml: GGMLType {
            switch self {
            case .f32: .f32
            case .f16: .f16
            case .bf16: .bf16
            case .q8: .q8_0
            }
        }

        var elements: ElementType? {
            switch self {
            case .f32: .float32
            case .f16: .float16
            case .bf16: .bfloat16
            case .q8: nil
            }
        }
    }

    @Option(help: "How matrices are stored: f32, f16, bf16, or q8_0, which is for GGUF alone.")
    var type: Kind = .bf16

    @OptionGroup var shared: SharedOptions

    func run() throws {
        shared.apply()
        let source = URL(fileURLWithPath: output)
        let checkpoint = try Checkpoint(folder: ModelLocation.resolve(model))
        if checkpoint.isGGUF {
            guard let elements = type.elements else {
                throw ModelError("--type q8_0: a folder holds f32, f16 or bf16; give one of them")
            }
            try checkpoint.write(TransformerDecoder(checkpoint), type: elements, to: source)
        } else {
            let conversion = try GGUFConversion(checkpoint, as: type.ggml)
            for remark in conversion.remarks { shared.note("note: \(remark)") }
            try conversion.write(to: source)
        }
        if shared.json {
            try Output.line((["output": .string(output), "type": .string(type.rawValue)] as JSONValue).serialized())
        } else {
            try Output.line(output)
        }
    }
}
