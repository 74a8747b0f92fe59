import Foundation
import JSON
import Tensors

/// How the weights of a checkpoint are quantized, as its `config.json` says: what turns the tensors of a layer into one matrix.
///
/// The matrix is computed with where it lies. Its values are those that the method's own package makes of it, bit for bit; activations are
/// not quantized, whatever the file says of them.
struct Quantization: Sendable {
    /// The method, as in ``known``.
    let name: String
    private let method: any QuantizationMethod
    /// What the file has quantized beside weights, and is not here: the keys that say so.
    let leftOut: [String]

    /// The method and its main settings, in words: `mlx 4-bit group 64`.
    var summary: String { method.detail.isEmpty ? name : "\(name) \(method.detail)" }

    /// Where a `config.json` says it.
    static let keys = ["quantization", "quantization_config", "compression_config"]
    /// Names of the methods that are read, for messages.
    static let known = "MLX's (mlx), compressed-tensors, fp8, gptq, awq and bitsandbytes"

    /// What a `config.json` says; nil where it says nothing of quantization.
    ///
    /// Throws a ``ModelError`` that names the method, format or option that is not read.
    ///
    /// - Parameters:
    ///   - json: the parsed file.
    ///   - source: its path, for messages.
    ///   - layerName: the family-independent name of a layer by the one that settings of single layers have for it; nil for what is no
    ///     part of the text model.
    init?(json: JSONValue, source: String, layerName: (String) -> String? = Quantization.layerName) throws {
        var settings: [(key: String, place: String, value: JSONValue)] = []
        for (object, place) in [(json, source), (json["text_config"] ?? .null, "\(source): text_config")] {
            for key in Quantization.keys {
                if let value = object[key], !value.isNull { settings.append((key, place, value)) }
            }
        }
        guard let first = settings.first else { return nil }
        let source = "\(first.place): \(first.key)"
        // MLX writes its settings under both keys; the wrapped and the wrapping part may repeat each other.
        for other in settings.dropFirst() where !(other.value == first.value) {
            throw ModelError("\(source) and \(other.key) differ; which of the two holds cannot be told, remove one")
        }
        guard let object = first.value.object else { throw ModelError("\(source): not an object") }
        let reader = try ConfigurationReader(first.value, source: source)
        let isMLX = object["quant_method"] == nil && MLXQuantization.isDescribed(by: object, key: first.key)
        guard
            let method = isMLX ? "mlx" : try reader.value("quant_method").map({ _ in try reader.text("quant_method") })
        else {
            throw ModelError(
                "\(source): \(reader.shown(first.value)) is not supported: it names no quant_method, and has not the group_size and bits of MLX"
            )
        }
        switch method {
        case "mlx": self.method = try MLXQuantization(reader, layerName: layerName)
        case "compressed-tensors": self.method = try CompressedTensors(reader, layerName: layerName)
        case "fp8": self.method = try BlockFloat8(reader)
        case "gptq": self.method = try GPTQ(reader)
        case "awq": self.method = try AWQ(reader)
        case "bitsandbytes": self.method = try BitsAndBytes(reader)
        default:
            throw reader.fail(
                "quant_method", "\(reader.shown(.string(method))) is not supported; read are \(Quantization.known)")
        }
        leftOut = Quantization.leftOut(method, object)
        name = (self.method as? GPTQ)?.storesOneLess == false ? "gptq_v2" : method
    }

    /// The keys by which activations, keys or values are quantized.
    private static func leftOut(_ method: String, _ settings: JSONObject) -> [String] {
        func isSet(_ value: JSONValue?) -> Bool { value.map { !$0.isNull } ?? false }
        switch method {
        case "compressed-tensors":
            let groups = settings["config_groups"]?.object ?? JSONObject()
            let keys = ["input_activations", "output_activations"].filter { key in
                groups.contains { isSet($1[key]) }
            }
            return keys + (isSet(settings["kv_cache_scheme"]) ? ["kv_cache_scheme"] : [])
        case "fp8": return isSet(settings["activation_scheme"]) ? ["activation_scheme"] : []
        case "bitsandbytes":
            return ["load_in_8bit", "_load_in_8bit"].filter { settings[$0]?.bool == true }.prefix(1).map { $0 }
        default: return []
        }
    }

    /// The family-independent name of a layer whose files have transformers' names.
    static func layerName(_ name: String) -> String? {
        Checkpoint.canonicalName("\(name).weight").map { String($0.dropLast(".weight".count)) }
    }

    /// A weight of this shape where the checkpoint holds it quantized; nil where it does not. Throws a ``ModelError`` if a part is missing
    /// or contradicts the settings.
    func weight(_ name: String, _ shape: [Int], _ checkpoint: Checkpoint) throws -> Parameter? {
        guard shape.count == 2, name.hasSuffix(".weight") else { return nil }
        let layer = QuantizedLayer(
            name: String(name.dropLast(".weight".count)), rows: shape[0], width: shape[1], checkpoint: checkpoint)
        return try method.matrix(of: layer).map { Parameter(name: name, .stored(StoredMatrix($0))) }
    }
}

extension Checkpoint {
    /// How its weights are quantized, by the method's name (`mlx`, `compressed-tensors`, `fp8`, `gptq`, `gptq_v2`, `awq`, `bitsandbytes`); nil
    /// where `config.json` names no method.
    public var quantizationMethod: String? { quantization?.name }
}

extension Checkpoint {
    /// What the model's own programs compute otherwise, a line each: its `config.json` has activations, keys or values quantized too, and
    /// here they are not.
    public var quantizationRemarks: [String] {
        guard let quantization, !quantization.leftOut.isEmpty else { return [] }
        let keys = quantization.leftOut.joined(separator: ", ")
        return [
            "\(folder.path): config.json quantizes more than weights (\(keys)); here only weights are, and results are those of the weights alone"
        ]
    }
}

/// A way to quantize, with the settings that a file has for it.
protocol QuantizationMethod: Sendable {
    /// What follows the method's name where the storage is named: `4-bit group 64`.
    var detail: String { get }
    /// The matrix of a layer; nil where the checkpoint holds its weight as numbers.
    func matrix(of layer: QuantizedLayer) throws -> GroupedCodes?
}
