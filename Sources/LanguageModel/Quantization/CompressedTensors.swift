import Foundation
import JSON
import Tensors

/// `quant_method: compressed-tensors` (llm-compressor, vLLM): weight = (code − zero point) · scale, rounded to the scales' type.
///
/// `pack-quantized`: whole numbers of 2 to 8 bits in words of 32, the lowest bits first, with half their range added. `int-quantized`,
/// `naive-quantized`: signed bytes. `float-quantized`: floats of eight bits (E4M3). A scale is one group's, channel's, block's or the whole
/// matrix's. A layer without codes has its weight as numbers, whatever `ignore` says.
struct CompressedTensors: QuantizationMethod {
    private static let formats = ["pack-quantized", "int-quantized", "float-quantized", "naive-quantized"]
    private let schemes: [WeightScheme]
    var detail: String {
        guard let scheme = schemes.first else { return "" }
        return "\(scheme.isFloat ? "float" : "int")\(scheme.bits)\(scheme.strategy.detail)"
    }

    init(_ reader: ConfigurationReader, layerName: (String) -> String?) throws {
        let format = try reader.text("format", default: "pack-quantized")
        guard (CompressedTensors.formats + ["mixed-precision"]).contains(format) else {
            throw reader.fail(
                "format",
                "\(reader.shown(.string(format))) is not supported; read are \(CompressedTensors.formats.joined(separator: ", "))"
            )
        }
        try reader.refuse("quantization_status") { $0.string == "compressed" }
        // What changes weights besides.
        try reader.refuse("sparsity_config") { $0.object?.isEmpty == true || $0["format"]?.string == "dense" }
        try reader.refuse("transform_config") { $0.object?.isEmpty == true }
        let groups = reader.value("config_groups")?.object ?? JSONObject()
        guard !groups.isEmpty else { throw reader.fail("config_groups", "missing, or no object") }
        schemes = try groups.compactMap { name, value in
            let own = try ConfigurationReader(value, source: "\(reader.source): config_groups: \(name)")
            try own.refuse("format") { CompressedTensors.formats.contains($0.string ?? "") }
            return try WeightScheme(own, layerName: layerName)
        }
    }

    /// What is said of a layer, by its family-independent name. As the package has it (`match_targets`): its own name counts more than a
    /// pattern, and that more than its kind; among several the first in the order of letters, and of the same target the last.
    private func scheme(of layer: String) -> WeightScheme? {
        let ways: [(WeightScheme.Target) -> Bool] = [
            { $0.isLayer(layer) }, { $0.matches(layer) }, { $0.isKind(of: layer) },
        ]
        for holds in ways {
            let found = schemes.flatMap { scheme in scheme.targets.filter(holds).map { (scheme: scheme, text: $0.text) }
            }
            guard let first = found.map(\.text).min() else { continue }
            return found.last { $0.text == first }?.scheme
        }
        return nil
    }

    func matrix(of layer: QuantizedLayer) throws -> GroupedCodes? {
        let packed = try layer.part("weight_packed") != nil
        let type = try layer.part("weight")?.elementType
        guard packed || type == .int8 || type == .float8 else {
            guard try layer.part("weight_scale") == nil else {
                throw layer.fail(
                    "weight_scale", "a scale of a weight that is not quantized; this format is not supported")
            }
            return nil
        }
        guard let scheme = scheme(of: layer.name) else {
            throw layer.fail(packed ? "weight_packed" : "weight", "quantized, but config_groups say nothing of it")
        }
        guard try layer.part("weight_global_scale") == nil else {
            throw layer.fail("weight_global_scale", "a scale of scales is not supported")
        }
        guard scheme.isFloat == (type == .float8), packed || scheme.bits == 8 else {
            throw layer.fail(
                packed ? "weight_packed" : "weight",
                "config.json says \(scheme.isFloat ? "float" : "int") of \(scheme.bits) bits; they do not belong together"
            )
        }
        return packed ? try self.packed(layer, scheme) : try bytes(layer, scheme)
    }

    private func bytes(_ layer: QuantizedLayer, _ scheme: WeightScheme) throws -> GroupedCodes {
        let codes = try layer.part("weight", [layer.rows, layer.width], scheme.isFloat ? .float8 : .int8)
        let (scales, group) = try self.scales(layer, scheme)
        var zeros: Tensor?
        if try layer.part("weight_zero_point") != nil {
            let shape = try layer.part("weight_scale")?.shape ?? []
            guard !scheme.isFloat else {
                guard try layer.part("weight_zero_point", shape, .float8, .int8).floats().allSatisfy({ $0 == 0 }) else {
                    throw layer.fail("weight_zero_point", "zero points of floats are not supported")
                }
                return codes8(.float8)
            }
            zeros = try layer.part("weight_zero_point", shape, .int8).reshaped(scales.shape)
        } else if !scheme.isSymmetric {
            throw layer.fail("weight_zero_point", "the checkpoint has no such tensor, which config.json asks for")
        }
        func codes8(_ code: GroupedCodes.Code) -> GroupedCodes {
            GroupedCodes(
                code, width: layer.width, codes: codes, scales: scales, zeroPoints: zeros, group: group,
                groupOfColumn: nil, rounding: scales.elementType)
        }
        return codes8(scheme.isFloat ? .float8 : .signedByte)
    }

    private func packed(_ layer: QuantizedLayer, _ scheme: WeightScheme) throws -> GroupedCodes {
        let bits = scheme.bits
        guard GroupedCodes.Code.widths.contains(bits) else {
            throw layer.fail("weight_packed", "codes of \(bits) bits are not supported")
        }
        let shape = try layer.part("weight_shape", [2], .int64, .int32).integers()
        guard shape == [layer.rows, layer.width] else {
            throw layer.fail(
                "weight_shape",
                "it says \(shape), config.json asks for \([layer.rows, layer.width]); they do not belong together")
        }
        func words(_ count: Int) -> Int { (count * bits + 31) / 32 }
        let codes = try layer.part("weight_packed", [layer.rows, words(layer.width)], .int32)
        let (scales, group) = try self.scales(layer, scheme)
        var zeros: Tensor?
        let half = 1 << (bits - 1), shift = bits == 8 ? 128 : 0
        if !scheme.isSymmetric {
            guard group.rows == 1 else {
                throw layer.fail("weight_zero_point", "zero points of whole matrices or blocks are not supported")
            }
            // Packed along the rows.
            zeros = try layer.part("weight_zero_point", [words(layer.rows), scales.width], .int32).transposed()
                .spreadingCodes(bits: bits, count: layer.rows, adding: -shift).transposed()
        } else if try layer.part("weight_zero_point") != nil {
            throw layer.fail("weight_zero_point", "zero points, though config.json says symmetric")
        }
        return GroupedCodes(
            .unsigned(bits: bits), width: layer.width, codes: codes, scales: scales,
            zero: zeros == nil ? half : shift, zeroPoints: zeros, group: group,
            groupOfColumn: try order(layer, scheme, groups: scales.width), rounding: scales.elementType)
    }

    /// The group of each column where they were reordered; older versions of the package wrote it.
    private func order(_ layer: QuantizedLayer, _ scheme: WeightScheme, groups: Int) throws -> [Int32]? {
        guard case .group(let size) = scheme.strategy else { return nil }
        guard let part = try layer.part("weight_g_idx") else {
            guard scheme.reordersColumns else { return nil }
            throw layer.fail(
                "weight_g_idx", "the checkpoint has no such tensor, which actorder asks for; download it again")
        }
        if part.elementType == .int32, part.integers().allSatisfy({ $0 == -1 }) { return nil }
        guard let order = try layer.groupOfColumn("weight_g_idx", size: size, groups: groups) else { return nil }
        guard Set(order).count == groups,
            order.sorted().enumerated().allSatisfy({ Int($0.element) == $0.offset / size })
        else { throw layer.fail("weight_g_idx", "its groups are not of \(size) columns each") }
        return order
    }

    private func scales(
        _ layer: QuantizedLayer, _ scheme: WeightScheme
    ) throws -> (scales: Tensor, group: (rows: Int, columns: Int)) {
        let group: (rows: Int, columns: Int)
        switch scheme.strategy {
        case .tensor: group = (layer.rows, layer.width)
        case .channel: group = (1, layer.width)
        case .group(let size):
            try layer.checkGroups(of: size)
            group = (1, size)
        case .block(let rows, let columns): group = (rows, columns)
        }
        let grid = [(layer.rows + group.rows - 1) / group.rows, (layer.width + group.columns - 1) / group.columns]
        // Axes of length one may be missing.
        let given = try layer.part("weight_scale")?.shape ?? grid
        let same = given.filter { $0 != 1 } == grid.filter { $0 != 1 }
        return (try layer.scales("weight_scale", same ? given : grid).reshaped(grid), group)
    }
}

/// What a group of `config_groups` says of weights, and of which layers it says so.
struct WeightScheme {
    /// What shares a scale.
    enum Strategy: Equatable {
        case tensor
        case channel
        case group(Int)
        case block(Int, Int)

        /// As it follows the type where the storage is named.
        var detail: String {
            switch self {
            case .tensor: ""
            case .channel: " by channels"
            case .group(let size): " group \(size)"
            case .block(let rows, let columns): " blocks of \(rows)x\(columns)"
            }
        }
    }

    let bits: Int
    let isFloat: Bool
    let isSymmetric: Bool
    let strategy: Strategy
    /// Whether groups are of columns that lie apart.
    let reordersColumns: Bool
    /// Which layers it is for.
    let targets: [Target]

    /// Nil for a group that leaves weights as they are.
    init?(_ reader: ConfigurationReader, layerName: (String) -> String?) throws {
        guard let value = reader.value("weights") else { return nil }
        let own = try ConfigurationReader(value, source: "\(reader.source): weights")
        bits = try own.count("num_bits", default: 8)
        let type = try own.text("type", default: "int")
        guard ["int", "float"].contains(type) else {
            throw own.fail("type", "\(own.shown(.string(type))) is not supported; int and float are")
        }
        isFloat = type == "float"
        guard !isFloat || bits == 8 else { throw own.fail("num_bits", "floats of \(bits) bits are not supported") }
        guard (2...8).contains(bits) else { throw own.fail("num_bits", "\(bits) is not supported") }
        isSymmetric = try own.flag("symmetric", default: true)
        try own.refuse("dynamic") { $0.bool == false }
        let size = own.value("group_size")?.int == -1 ? nil : own.value("group_size")
        // As the package takes it where no strategy is named.
        let usual = size != nil ? "group" : own.value("group_size") != nil ? "channel" : "tensor"
        let name = own.value("strategy") == nil ? usual : try own.text("strategy")
        switch name {
        case "tensor": strategy = .tensor
        case "channel": strategy = .channel
        case "group": strategy = .group(try own.count("group_size"))
        case "block":
            let sizes = own.value("block_structure")?.array?.compactMap(\.int) ?? []
            guard sizes.count == 2, sizes.allSatisfy({ (1..<1 << 31).contains($0) }) else {
                throw own.fail("block_structure", "two lengths are needed")
            }
            strategy = .block(sizes[0], sizes[1])
        default:
            throw own.fail(
                "strategy", "\(own.shown(.string(name))) is not supported; tensor, channel, group and block are")
        }
        let known = [
            "num_bits", "type", "symmetric", "group_size", "strategy", "block_structure", "dynamic", "actorder",
            "observer",
            "observer_kwargs", "scale_dtype", "zp_dtype", "is_mx",
        ]
        for (key, value) in own.json where !known.contains(key) && !value.isNull {
            throw own.fail(key, "an option that is not known")
        }
        let targets = reader.value("targets")?.array?.compactMap(\.string) ?? []
        self.targets = targets.map { Target(text: $0, layer: layerName($0)) }
        reordersColumns =
            own.value("actorder").map { $0.bool == true || ["group", "dynamic"].contains($0.string) } ?? false
    }

    /// A layer's name, a pattern (`re:…`) or the class of layers, such as Linear.
    struct Target {
        /// As the file has it.
        let text: String
        /// The family-independent name, where it is the name of a layer.
        let layer: String?

        /// Whether it names this layer.
        func isLayer(_ name: String) -> Bool { layer == name }

        /// Whether it is a pattern that the layer's name matches.
        func matches(_ name: String) -> Bool {
            guard text.hasPrefix("re:") else { return false }
            // Python's re.match: from the beginning on, of the name with the prefix that transformers gives it.
            return ["model.\(name)", "model.language_model.\(name)", name].contains {
                $0.range(of: String(text.dropFirst(3)), options: [.regularExpression, .anchored]) != nil
            }
        }

        /// Whether it is the class of the layer.
        func isKind(of name: String) -> Bool {
            layer == nil && (name == "embed_tokens" ? text.hasSuffix("Embedding") : text == "Linear")
        }
    }
}
