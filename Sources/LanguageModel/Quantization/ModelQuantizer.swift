import Foundation
import JSON
import Tensors

/// Writes a model with its matrices quantized, in MLX's affine layout: a folder that mlx-lm opens, and this package.
///
/// Every matrix of a linear layer and the embedding become codes with a scale and an offset for each group of columns; norms and biases stay
/// numbers, and so does a matrix whose columns are no whole groups. Codes are the nearest ones, or, with a text to calibrate on, those with
/// which each layer's outputs come nearest to what they were.
///
/// Memory holds one matrix, or with a text one block, beside the codes of one file of the folder.
public struct ModelQuantizer {
    /// How to quantize.
    public struct Options: Sendable {
        /// Bits of a code.
        public var bits = 4
        /// Columns that share a scale.
        public var groupSize = 64
        /// Names of matrices that stay numbers: whole ones (`layers.3.mlp.down_proj`), their ends (`down_proj`) or beginnings (`layers.3`).
        public var kept: [String] = []
        /// The type of scales and of what stays numbers; nil for that of the model's own numbers, bfloat16 where it has none.
        public var type: ElementType?
        /// The ids of a text to calibrate on; nil for the nearest codes.
        public var calibrationText: [Int32]?
        /// Tokens of it that are read.
        public var calibrationTokens = 16384
        /// What the text is read with.
        public var precision = Precision.native
        /// Bytes of a file of the folder, about.
        public var shardBytes = 1_000_000_000

        /// Four bits in groups of 64, to the nearest.
        public init() {}
    }

    /// What became of a tensor.
    public struct Row: Sendable, Equatable {
        /// Its family-independent name.
        public let name: String
        public let shape: [Int]
        /// Bits of a code; nil for one that stayed numbers.
        public let bits: Int?
        /// Bytes that it took and takes.
        public let bytesBefore: Int, bytesAfter: Int
        /// ‖written − original‖ / ‖original‖
        public let relativeError: Double
        /// Whether its codes were fitted to a text.
        public let isCalibrated: Bool
    }

    private let checkpoint: Checkpoint
    private let decoder: TransformerDecoder
    private let options: Options
    private let format: CodeFormat

    /// Prepares to quantize a model. Throws a one-line error where an option fits nothing in it.
    public init(_ checkpoint: Checkpoint, _ options: Options = Options()) throws {
        self.checkpoint = checkpoint
        self.options = options
        decoder = try TransformerDecoder(checkpoint)
        format = CodeFormat(
            bits: options.bits, groupSize: options.groupSize, type: try options.type ?? checkpoint.numberType())
        let matrices = decoder.parameters.filter { $0.storage.shape.count == 2 }
        for name in options.kept where !matrices.contains(where: { ModelQuantizer.covers(name, $0.name) }) {
            throw ModelError("--keep \(name): no matrix of the model has this name, such as \(matrices[1].name)")
        }
        guard decoder.parameters.contains(where: isQuantized) else {
            throw ModelError(
                "\(checkpoint.folder.path): no matrix is left to quantize in groups of \(options.groupSize); its widths are \(Set(matrices.map(\.storage.width)).sorted())"
            )
        }
        guard let text = options.calibrationText else { return }
        let vocabulary = decoder.configuration.vocabularySize
        if let id = text.first(where: { $0 < 0 || Int($0) >= vocabulary }) {
            throw ModelError("the token id \(id) is outside the model's vocabulary of \(vocabulary)")
        }
        guard text.count > 1 else {
            throw ModelError("the text to calibrate on has \(text.count) tokens; some thousands are needed")
        }
    }

    private static func covers(_ wanted: String, _ weight: String) -> Bool {
        let name = weight.hasSuffix(".weight") ? String(weight.dropLast(".weight".count)) : weight
        let own = wanted.hasSuffix(".weight") ? String(wanted.dropLast(".weight".count)) : wanted
        let canonical = Quantization.layerName(own) ?? own
        return [own, canonical].contains { name == $0 || name.hasSuffix(".\($0)") || name.hasPrefix("\($0).") }
    }

    private func isQuantized(_ parameter: Parameter) -> Bool {
        let storage = parameter.storage
        return storage.shape.count == 2 && storage.width % format.groupSize == 0
            && !options.kept.contains { ModelQuantizer.covers($0, parameter.name) }
    }

    // MARK: Writing

    /// Writes the folder, which appears under its name only when it is complete.
    ///
    /// - Parameters:
    ///   - origin: the content hash of the model, which the new folder's `config.json` then names as what it was made from.
    ///   - progress: called with each tensor's row when it is done, and the share of the weights done.
    /// - Returns: a row for each tensor, in the model's order.
    public func write(
        to folder: URL, origin: String? = nil, progress: @escaping (Row, Double) -> Void = { _, _ in }
    ) throws -> [Row] {
        let settings: JSONValue = [
            "group_size": .integer(format.groupSize), "bits": .integer(format.bits), "mode": "affine",
        ]
        // What it was made from in the first place.
        let first = checkpoint.json[Checkpoint.quantizedFromKey]?.string ?? origin
        let configuration = Checkpoint.configurationText(
            try Checkpoint.tied(checkpoint.json, as: decoder), type: format.type,
            setting: [("quantization", settings), ("quantization_config", settings)]
                + (first.map { [(Checkpoint.quantizedFromKey, .string($0))] } ?? []))
        let total = decoder.parameters.reduce(0) { $0 + $1.storage.count }
        var rows: [Row] = [], done = 0
        let calibration = try calibration()
        try Checkpoint.writeFolder(folder, configuration: configuration, companions: checkpoint.folder) { partial in
            var weights = decoder.parameters.map { parameter in
                weight(parameter, calibration) { row in
                    rows.append(row)
                    done += parameter.storage.count
                    progress(row, Double(done) / Double(total))
                }
            }
            weights += try checkpoint.otherTensors().map { name, tensor in
                ShardedWeight(name, byteCount: tensor.byteCount) { .init(name, tensor) }
            }
            try ShardedWeight.write(weights, shardBytes: options.shardBytes, to: partial)
        }
        return rows
    }

    private func calibration() throws -> Calibration? {
        guard let text = options.calibrationText else { return nil }
        let own = try TransformerDecoder(checkpoint)
        return Calibration(
            own, windows: Calibration.windows(text, tokens: options.calibrationTokens),
            embedding: isQuantized(own.embedding) ? GroupedCodes(quantizing: own.embedding.storage, format) : nil,
            format, precision: options.precision, isQuantized: isQuantized)
    }

    private func fileName(_ parameter: Parameter) -> String {
        checkpoint.fileNames[parameter.name]
            ?? (parameter.name.hasPrefix("lm_head") ? parameter.name : "model." + parameter.name)
    }

    /// A weight's tensors in the file: its own, or those of its codes.
    private func weight(
        _ parameter: Parameter, _ calibration: Calibration?, _ report: @escaping (Row) -> Void
    ) -> ShardedWeight {
        let storage = parameter.storage, name = fileName(parameter)
        func row(_ bits: Int?, _ bytes: Int, _ error: Double, isCalibrated: Bool = false) throws -> Row {
            guard error.isFinite else { throw checkpoint.nonFiniteError("in \(parameter.name)") }
            return Row(
                name: parameter.name, shape: storage.shape, bits: bits, bytesBefore: storage.byteCount,
                bytesAfter: bytes, relativeError: error, isCalibrated: isCalibrated)
        }
        guard isQuantized(parameter) else {
            let bytes = storage.count * format.type.byteCount
            return ShardedWeight(name, byteCount: bytes) {
                let numbers = storage.unpacked()
                guard numbers.firstNonFinite() == nil else { throw checkpoint.nonFiniteError("in \(parameter.name)") }
                let written = numbers.converted(to: format.type)
                let isSame = numbers.elementType == format.type
                report(try row(nil, bytes, isSame ? 0 : written.relativeError(to: numbers)))
                return .init(name, written)
            }
        }
        let base = name.hasSuffix(".weight") ? String(name.dropLast(".weight".count)) : name
        let groups = storage.count / format.groupSize
        let bytes = storage.count * format.bits / 8 + 2 * groups * format.type.byteCount
        return ShardedWeight(["weight", "scales", "biases"].map { "\(base).\($0)" }, byteCount: bytes) {
            // The embedding's inputs are single words, each of which counts alike.
            let fitted = parameter === decoder.embedding ? nil : calibration
            let codes = fitted?.codes(parameter.name) ?? GroupedCodes(quantizing: storage, format)
            report(try row(format.bits, bytes, codes.relativeError(to: storage), isCalibrated: fitted != nil))
            guard let offsets = codes.offsets else { trap("affine codes without offsets") }
            return [
                .init(base + ".weight", codes.words), .init(base + ".scales", codes.scales),
                .init(base + ".biases", offsets),
            ]
        }
    }
}

extension Checkpoint {
    /// The key of a written `config.json` that names the content hash of the model that was quantized.
    package static let quantizedFromKey = "quantized_from_sha256"
}
