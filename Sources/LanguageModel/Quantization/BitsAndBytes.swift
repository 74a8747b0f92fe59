import Foundation
import JSON
import Tensors

/// `quant_method: bitsandbytes`: four bits that pick a number (nf4, fp4) with a scale for each block, or bytes with a scale for each row.
///
/// nf4 and fp4 (QLoRA; Dettmers et al. 2023, 3): weight = `quant_map`[code] · `absmax`, rounded to the type that `quant_state` names; the high
/// half of a byte comes first. Scales that are quantized themselves (double quantization) become float32 once. int8 (LLM.int8; Dettmers et al.
/// 2022, 3.1): weight = code · `SCB` · 1/127, in float32. Which of them a layer has is seen from its tensors.
struct BitsAndBytes: QuantizationMethod {
    let detail: String

    init(_ reader: ConfigurationReader) throws {
        detail =
            try ["load_in_4bit", "_load_in_4bit"].contains { try reader.flag($0, default: false) }
            ? (reader.value("bnb_4bit_quant_type")?.string).map { $0.prefix(8).lowercased() } ?? "4-bit" : "int8"
        let loads = ["load_in_4bit", "load_in_8bit", "_load_in_4bit", "_load_in_8bit"]
        guard try loads.contains(where: { try reader.flag($0, default: false) }) else {
            throw reader.fail("load_in_4bit", "neither this nor load_in_8bit is set; no other way is supported")
        }
        try reader.refuse("llm_int8_has_fp16_weight") { $0.bool == false }
        try reader.refuse("bnb_4bit_quant_storage") { $0.string == "uint8" }
    }

    func matrix(of layer: QuantizedLayer) throws -> GroupedCodes? {
        if try layer.part("SCB") != nil { return try bytes(layer) }
        for type in ["nf4", "fp4"] where try layer.part("weight.quant_state.bitsandbytes__\(type)") != nil {
            return try picks(layer, "weight.quant_state.bitsandbytes__\(type)", type)
        }
        guard try layer.part("weight")?.elementType.isFloatingPoint != false else {
            throw layer.fail("weight", "codes without SCB or quant_state; download it again")
        }
        return nil
    }

    private func bytes(_ layer: QuantizedLayer) throws -> GroupedCodes {
        if let format = try layer.part("weight_format"), format.floats() != [0] {
            throw layer.fail("weight_format", "\(format.floats()) is not supported; rows (0) are")
        }
        let codes = try layer.part("weight", [layer.rows, layer.width], .int8)
        let scales = try layer.scales("SCB", [layer.rows], .float32).reshaped([layer.rows, 1])
        return GroupedCodes(
            .signedByte, width: layer.width, codes: codes, scales: scales, group: (1, layer.width), rounding: .float32,
            factor: 7.874015718698502e-3)
    }

    private func picks(_ layer: QuantizedLayer, _ part: String, _ type: String) throws -> GroupedCodes {
        let text = try layer.part(part)?.asBytes()
        guard let text, let state = try? JSONValue.parse(text.bytes(0..<text.byteCount)) else {
            throw layer.fail(part, "it is not JSON; download it again")
        }
        let reader = try ConfigurationReader(
            state, source: "\(layer.checkpoint.folder.path): \(layer.name).\(part)")
        guard reader.value("shape")?.array?.map(\.int) == [layer.rows, layer.width] else {
            throw reader.fail(
                "shape",
                "\(reader.shown(reader.json["shape"] ?? .null)), config.json asks for \([layer.rows, layer.width]); they do not belong together"
            )
        }
        try reader.refuse("quant_type") { $0.string == type }
        let size = try reader.count("blocksize")
        try layer.checkGroups(of: size)
        let name = try reader.text("dtype")
        guard let rounding = ["float32": .float32, "bfloat16": .bfloat16, "float16": .float16][name] as ElementType?
        else {
            throw reader.fail("dtype", "\(reader.shown(.string(name))) is not supported")
        }
        guard layer.width % 2 == 0 else {
            throw layer.fail("weight", "rows of \(layer.width) codes are no whole bytes")
        }
        let count = layer.rows * layer.width
        let codes = try layer.part("weight", [count / 2, 1], .uint8).reshaped([layer.rows, layer.width / 2])
        let map = try layer.scales("weight.quant_map", [16], .float32).floats()
        return GroupedCodes(
            .pick(map, highFirst: true), width: layer.width, codes: codes,
            scales: try scales(layer, reader, count: count / size).reshaped([layer.rows, layer.width / size]),
            group: (1, size), rounding: rounding)
    }

    /// The scale of each block, [count] float32.
    private func scales(_ layer: QuantizedLayer, _ reader: ConfigurationReader, count: Int) throws -> Tensor {
        guard try layer.part("weight.nested_absmax") != nil else {
            return try layer.scales("weight.absmax", [count], .float32)
        }
        let size = try reader.count("nested_blocksize"), offset = Float(try reader.number("nested_offset"))
        try reader.refuse("nested_dtype") { $0.string == "float32" }
        let codes = try layer.part("weight.absmax", [count], .uint8).bytes(0..<count)
        let map = try layer.scales("weight.nested_quant_map", [256], .float32).floats()
        let outer = try layer.scales("weight.nested_absmax", [(count + size - 1) / size], .float32).floats()
        var values = [Float](repeating: 0, count: count)
        for (place, code) in codes.enumerated() { values[place] = map[Int(code)] * outer[place / size] + offset }
        let scales = Tensor(values, shape: [count])
        try layer.checkFinite(scales, "weight.nested_absmax")
        return scales
    }
}
