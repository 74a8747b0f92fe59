import JSON
import Tensors

/// MLX's own layouts (`mlx.core.quantize`): codes in words of 32 bits, the lowest bits first, with a scale for each group of columns.
///
/// `affine`: 2, 3, 4, 5, 6 or 8 bits, weight = code · `scales` + `biases`, both of one floating-point type, in which the product and the sum
/// are rounded. `mxfp4`, `mxfp8` (OCP Microscaling): floats of four and eight bits with a power of two for each 32. `nvfp4`: floats of four
/// bits with a float of eight for each 16. Embeddings are quantized as well as linear layers.
struct MLXQuantization: QuantizationMethod {
    struct Settings: Equatable {
        enum Mode: String, CaseIterable { case affine, mxfp4, mxfp8, nvfp4 }
        let mode: Mode
        let bits: Int
        let groupSize: Int
    }

    private let settings: Settings
    var detail: String {
        "\(settings.mode == .affine ? "" : "\(settings.mode.rawValue) ")\(settings.bits)-bit group \(settings.groupSize)"
    }
    /// Settings of single layers; nil for one that is left as it is.
    private let ofLayers: [String: Settings?]

    /// Whether settings without a `quant_method` are MLX's. Those of other methods, whose name was lost, have other options beside the two.
    static func isDescribed(by settings: JSONObject, key: String) -> Bool {
        guard settings["group_size"] != nil, settings["bits"] != nil else { return false }
        return key == "quantization"
            || settings.allSatisfy { key, value in
                ["group_size", "bits", "mode"].contains(key) || value.object != nil || value.bool != nil
            }
    }

    init(_ reader: ConfigurationReader, layerName: (String) -> String?) throws {
        settings = try MLXQuantization.settings(reader)
        var ofLayers: [String: Settings?] = [:]
        for (key, value) in reader.json where !["group_size", "bits", "mode"].contains(key) {
            switch value {
            case .object:
                let own = try ConfigurationReader(value, source: "\(reader.source): \(key)")
                if let unknown = own.json.keys.first(where: { !["group_size", "bits", "mode"].contains($0) }) {
                    throw own.fail(unknown, "an option that is not known")
                }
                if let name = layerName(key) { ofLayers.updateValue(try MLXQuantization.settings(own), forKey: name) }
            case .bool(let quantized):
                if let name = layerName(key) { ofLayers.updateValue(quantized ? settings : nil, forKey: name) }
            default: throw reader.fail(key, "an option that is not known")
            }
        }
        self.ofLayers = ofLayers
    }

    private static func settings(_ reader: ConfigurationReader) throws -> Settings {
        let name = try reader.text("mode", default: "affine")
        guard let mode = Settings.Mode(rawValue: name) else {
            let known = Settings.Mode.allCases.map(\.rawValue).joined(separator: ", ")
            throw reader.fail("mode", "\(reader.shown(.string(name))) is not supported; known are \(known)")
        }
        let usual: (groupSize: Int, bits: Int) =
            switch mode {
            case .affine: (64, 4)
            case .mxfp4: (32, 4)
            case .mxfp8: (32, 8)
            case .nvfp4: (16, 4)
            }
        let bits = try reader.count("bits", default: usual.bits)
        let groupSize = try reader.count("group_size", default: usual.groupSize)
        guard mode == .affine ? GroupedCodes.Code.widths.contains(bits) : bits == usual.bits else {
            throw reader.fail("bits", "\(bits) is not supported in the mode \(name)")
        }
        guard mode == .affine ? [32, 64, 128].contains(groupSize) : groupSize == usual.groupSize else {
            throw reader.fail("group_size", "\(groupSize) is not supported in the mode \(name)")
        }
        return Settings(mode: mode, bits: bits, groupSize: groupSize)
    }

    func matrix(of layer: QuantizedLayer) throws -> GroupedCodes? {
        // The package goes by the scales, too.
        guard try layer.part("scales") != nil, let own = ofLayers[layer.name] ?? settings else { return nil }
        guard try layer.part("global_scale") == nil else {
            throw layer.fail("global_scale", "a scale of the whole matrix is not supported")
        }
        try layer.checkGroups(of: own.groupSize)
        let codes = try layer.part("weight", [layer.rows, layer.width * own.bits / 32], .uint32)
        let shape = [layer.rows, layer.width / own.groupSize]
        func scaled(_ code: GroupedCodes.Code, by type: ElementType) throws -> GroupedCodes {
            let scales = try layer.scales("scales", shape, .uint8, seenAs: type)
            return GroupedCodes(
                code, width: layer.width, codes: codes, scales: scales, group: (1, own.groupSize), rounding: .bfloat16)
        }
        switch own.mode {
        case .mxfp4: return try scaled(.float4, by: .powerOfTwo)
        case .mxfp8: return try scaled(.float8, by: .powerOfTwo)
        case .nvfp4: return try scaled(.float4, by: .float8)
        case .affine:
            let scales = try layer.scales("scales", shape)
            let offsets = try layer.scales("biases", shape, scales.elementType)
            return GroupedCodes(
                .unsigned(bits: own.bits), width: layer.width, codes: codes, scales: scales, offsets: offsets,
                group: (1, own.groupSize), rounding: scales.elementType)
        }
    }
}
