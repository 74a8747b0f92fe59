import JSON
import Tensors

/// `quant_method: gptq` (AutoGPTQ, GPTQModel): weight = `scales`[g] · (code − zero point[g]), rounded to the scales' type, where g is the group
/// of the column, `g_idx`, or column / group_size.
///
/// Codes lie by columns, [in · bits / 32, out], and are laid by rows once, in as much memory. Zero points are stored as one less
/// (`checkpoint_format: gptq`, the usual one) or as they are (`gptq_v2`).
struct GPTQ: QuantizationMethod {
    let bits: Int
    /// Columns of a group; nil for all of them.
    let groupSize: Int?
    /// Whether a zero point is stored as one less.
    let storesOneLess: Bool
    /// Whether groups are of columns that lie apart, so that `g_idx` must say which.
    private let reordersColumns: Bool
    var detail: String { "\(bits)-bit\(groupSize.map { " group \($0)" } ?? "")" }

    init(_ reader: ConfigurationReader) throws {
        bits = try reader.count("bits")
        guard [2, 3, 4, 8].contains(bits) else {
            throw reader.fail("bits", "\(bits) is not supported; 2, 3, 4 and 8 are")
        }
        if reader.value("group_size")?.int == -1 {
            groupSize = nil
        } else {
            groupSize = try reader.count("group_size")
        }
        let key =
            reader.value("checkpoint_format") == nil && reader.value("format") != nil ? "format" : "checkpoint_format"
        let format = try reader.text(key, default: "gptq")
        guard ["gptq", "gptq_v2"].contains(format) else {
            throw reader.fail(key, "\(reader.shown(.string(format))) is not supported; gptq and gptq_v2 are")
        }
        storesOneLess = format == "gptq"
        reordersColumns = reader.value("desc_act")?.bool == true
        try reader.refuse("pack_dtype") { $0.string == "int32" }
        try reader.refuse("is_marlin_format") { $0.bool == false }
        // Settings of single layers by patterns, and what changes the activations.
        for key in ["dynamic", "rotation", "adapter"] {
            try reader.refuse(key) { $0.object?.isEmpty == true || $0.bool == false }
        }
    }

    func matrix(of layer: QuantizedLayer) throws -> GroupedCodes? {
        guard try layer.part("qweight") != nil else { return nil }
        let size = groupSize ?? layer.width, groups = (layer.width + size - 1) / size
        guard layer.width * bits % 32 == 0, layer.rows * bits % 32 == 0 else {
            throw layer.fail("qweight", "\(layer.rows) × \(layer.width) codes of \(bits) bits are no whole words")
        }
        guard try layer.part("g_idx") != nil || !reordersColumns || groups == 1 else {
            throw layer.fail("g_idx", "the checkpoint has no such tensor, which desc_act asks for; download it again")
        }
        let words = try layer.part("qweight", [layer.width * bits / 32, layer.rows], .int32)
        let scales = try layer.scales("scales", [groups, layer.rows])
        let packed = try layer.part("qzeros", [groups, layer.rows * bits / 32], .int32)
        let ones = (1 << bits) - 1
        if storesOneLess,
            packed.spreadingCodes(bits: bits, count: layer.rows).holds(Int8(truncatingIfNeeded: ones))
        {
            throw layer.fail(
                "qzeros",
                "a zero point of \(ones), which packages read differently in this checkpoint_format; convert it to gptq_v2"
            )
        }
        // Within a signed byte.
        let shift = bits == 8 ? 128 : 0
        let zeros = packed.spreadingCodes(
            bits: bits, count: layer.rows, adding: (storesOneLess ? 1 : 0) - shift)
        return GroupedCodes(
            .unsigned(bits: bits), width: layer.width, codes: words.transposed(), scales: scales.transposed(),
            zero: shift, zeroPoints: zeros.transposed(), group: (1, size),
            groupOfColumn: try layer.groupOfColumn("g_idx", size: size, groups: groups),
            rounding: scales.elementType)
    }
}
