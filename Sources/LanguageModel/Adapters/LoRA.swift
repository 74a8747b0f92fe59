import Foundation
import JSON
import Tensors

/// Which linear layers get a low-rank adapter, and of what size.
public struct LoRAConfiguration: Sendable {
    /// Rank of the update.
    public var rank: Int
    /// Its scale is alpha / rank, or alpha / √rank when rank-stabilized.
    public var alpha: Double
    /// Last parts of layer names, such as `q_proj`; or full names such as `layers.3.mlp.up_proj`.
    public var targets: [String]
    /// Whether the scale is alpha / √rank (Kalajdzievski 2023).
    public var isRankStabilized = false

    /// The factor of the update.
    public var scale: Float { Float(isRankStabilized ? alpha / Double(rank).squareRoot() : alpha / Double(rank)) }

    /// Every linear layer of a block.
    public static let allLinear = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

    /// An adapter's settings.
    public init(rank: Int, alpha: Double, targets: [String] = LoRAConfiguration.allLinear) {
        self.rank = rank
        self.alpha = alpha
        self.targets = targets
    }

    func covers(_ name: String) -> Bool {
        targets.contains { name == $0 || name.hasSuffix("." + $0) }
    }
}

extension Decoder {
    /// The linear layers by family-independent name, such as `layers.3.mlp.up_proj`; the output layer, `lm_head`, is the last.
    public var linears: [(name: String, layer: Linear)] {
        let inner = blocks.enumerated().flatMap { index, block in
            block.linears.map { (name: "layers.\(index).\($0.name)", layer: $0.layer) }
        }
        return inner + (output.map { [(name: "lm_head", layer: $0)] } ?? [])
    }

    /// Attaches fresh trainable adapters: A random, B zero, so that nothing changes before training. Throws if a target names
    /// no layer.
    public func attachAdapters(_ configuration: LoRAConfiguration, seed: UInt64, precision: Precision) throws {
        for target in configuration.targets
        where !linears.contains(where: { $0.name == target || $0.name.hasSuffix("." + target) }) {
            throw ModelError(
                "LoRA target \(target): no such layer; layers end in \((LoRAConfiguration.allLinear + ["lm_head"]).joined(separator: ", "))"
            )
        }
        for (index, (name, layer)) in linears.enumerated() where configuration.covers(name) {
            // PyTorch's default for linear layers: uniform in ±1/√in.
            let deviation = 1 / (3 * Float(layer.inputSize)).squareRoot()
            let down = Tensor.uniform(
                [configuration.rank, layer.inputSize], .float32, deviation: deviation,
                seed: seed &+ UInt64(index) &* 7919)
            attach(
                name, layer, down: down, up: Tensor(zeros: [layer.outputSize, configuration.rank]), configuration.scale)
        }
        for parameter in adapterParameters { parameter.makeTrainable(precision: precision) }
    }

    /// Adds the adapters to the weights, W + s·B·A, and removes them. Throws for an output layer that shares its weights with the
    /// embedding, which has no adapter.
    public func mergeAdapters(precision: Precision) throws {
        for (name, layer) in linears {
            guard let adapter = layer.adapter else { continue }
            let weight = layer.operand.weight
            guard weight !== embedding else {
                throw ModelError("\(name): shares its weights with the embedding; its adapter cannot be merged")
            }
            let tape = Tape(recording: false)
            let columns = Parameter(name: name, adapter.down.master.transposed())
            let update = tape.linear(Variable(adapter.up.master), LinearOperand(weight: columns))
            let sum = tape.sum(
                Variable(weight.master.copy()), tape.scaled(update, by: adapter.scale, to: .float32))
            weight.set(master: sum.value, precision: precision)
            layer.adapter = nil
        }
    }

    /// The adapters' weights, in layer order.
    public var adapterParameters: [Parameter] {
        linears.flatMap { [$0.layer.adapter?.down, $0.layer.adapter?.up].compactMap { $0 } }
    }

    /// Computes with the weights alone, as if no adapter were attached.
    public func withoutAdapters<Result>(_ body: () throws -> Result) rethrows -> Result {
        let adapters = linears.map { ($0.layer, $0.layer.adapter) }
        for (layer, _) in adapters { layer.adapter = nil }
        defer { for (layer, adapter) in adapters { layer.adapter = adapter } }
        return try body()
    }

    private func attach(_ name: String, _ layer: Linear, down: Tensor, up: Tensor, _ scale: Float) {
        layer.adapter = LowRankAdapter(
            down: Parameter(name: "\(name).lora_A", down), up: Parameter(name: "\(name).lora_B", up), scale: scale)
    }

    /// Attaches the adapters of a folder in PEFT's layout: `adapter_config.json`, `adapter_model.safetensors`. They are frozen;
    /// `adapterParameters` can be made trainable.
    ///
    /// - Returns: the settings they were made with.
    @discardableResult
    public func attachAdapters(from folder: URL) throws -> LoRAConfiguration {
        let url = folder.appendingPathComponent("adapter_config.json")
        let configuration = try LoRAConfiguration(peft: Checkpoint.readJSON(url), source: url.path)
        let file = try SafetensorsFile(folder.appendingPathComponent("adapter_model.safetensors"))
        var unused = Set(file.names)
        var tensors: [String: Tensor] = [:]
        for name in file.names {
            guard let tensor = try file.tensor(name) else { continue }
            let inner = name.hasPrefix("base_model.model.") ? String(name.dropFirst("base_model.model.".count)) : name
            if let canonical = Checkpoint.canonicalName(inner) {
                tensors[canonical] = tensor
                unused.remove(name)
            }
        }
        var found: [(name: String, layer: Linear, down: Tensor, up: Tensor)] = []
        for (name, layer) in linears {
            let down = tensors.removeValue(forKey: "\(name).lora_A.weight")
            let up = tensors.removeValue(forKey: "\(name).lora_B.weight")
            guard down != nil || up != nil else { continue }
            guard let down, let up else {
                throw ModelError("\(file.url.path): of the adapter of \(name) one of lora_A and lora_B is missing")
            }
            try check(name, layer, down, up, rank: configuration.rank, file)
            found.append((name, layer, down, up))
        }
        if let stranger = tensors.keys.sorted().first ?? unused.sorted().first {
            throw ModelError("\(file.url.path): \(stranger) belongs to no linear layer of this model")
        }
        guard !found.isEmpty else { throw ModelError("\(file.url.path): no adapters in it") }
        // Only now, so that an adapter with an error in it leaves the decoder as it was.
        for (name, layer, down, up) in found { attach(name, layer, down: down, up: up, configuration.scale) }
        return configuration
    }

    private func check(
        _ name: String, _ layer: Linear, _ down: Tensor, _ up: Tensor, rank: Int, _ file: SafetensorsFile
    ) throws {
        guard down.shape == [rank, layer.inputSize], up.shape == [layer.outputSize, rank] else {
            throw ModelError(
                "\(file.url.path): the adapter of \(name) has shapes \(down.shape) and \(up.shape), rank \(rank) on this model wants "
                    + "\([rank, layer.inputSize]) and \([layer.outputSize, rank])")
        }
        guard down.elementType.isFloatingPoint, up.elementType.isFloatingPoint else {
            throw ModelError("\(file.url.path): the adapter of \(name) holds no floating-point weights")
        }
        guard down.firstNonFinite() == nil, up.firstNonFinite() == nil else {
            throw ModelError("\(file.url.path): the adapter of \(name) holds NaN or infinity")
        }
    }

    /// Writes the adapters in PEFT's layout. `fileNames` maps family-independent names to the base checkpoint's.
    public func writeAdapters(
        _ configuration: LoRAConfiguration, baseModel: String?, fileNames: [String: String] = [:], to folder: URL
    ) throws {
        do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
            throw ModelError("\(folder.path): cannot write: \(error.localizedDescription)")
        }
        var tensors: [(name: String, tensor: Tensor)] = []
        for (name, layer) in linears {
            guard let adapter = layer.adapter else { continue }
            let fileName =
                fileNames["\(name).weight"].map { String($0.dropLast(".weight".count)) }
                ?? (name == "lm_head" ? name : "model.\(name)")
            tensors.append(("base_model.model.\(fileName).lora_A.weight", adapter.down.master))
            tensors.append(("base_model.model.\(fileName).lora_B.weight", adapter.up.master))
        }
        try SafetensorsFile.write(
            tensors, metadata: ["format": "pt"], to: folder.appendingPathComponent("adapter_model.safetensors"))
        let json: JSONValue = [
            "peft_type": "LORA", "task_type": "CAUSAL_LM",
            "base_model_name_or_path": baseModel.map { .string($0) } ?? .null,
            "r": .integer(configuration.rank), "lora_alpha": .number(configuration.alpha), "lora_dropout": 0.0,
            "target_modules": .array(configuration.targets.map { .string($0) }), "bias": "none",
            "fan_in_fan_out": false,
            "use_rslora": .bool(configuration.isRankStabilized), "use_dora": false, "modules_to_save": .null,
            "inference_mode": true, "rank_pattern": [:], "alpha_pattern": [:],
        ]
        try AtomicFile.write(
            json.serialized(indent: 2) + "\n", to: folder.appendingPathComponent("adapter_config.json"))
    }
}

extension LoRAConfiguration {
    /// Reads PEFT's `adapter_config.json`, refusing what would compute something else.
    init(peft json: JSONValue, source: String) throws {
        let reader = try ConfigurationReader(json, source: source)
        let kind = try reader.text("peft_type", default: "LORA")
        guard kind == "LORA" else { throw reader.fail("peft_type", "\(kind) is not supported; only LORA is") }
        try reader.refuse("use_dora") { $0.bool == false }
        try reader.refuse("fan_in_fan_out") { $0.bool == false }
        try reader.refuse("bias") { $0.string == "none" }
        for key in ["lora_bias", "use_qalora", "use_bdlora"] { try reader.refuse(key) { $0.bool == false } }
        for key in ["alora_invocation_tokens", "layer_replication", "trainable_token_indices", "target_parameters"] {
            try reader.refuse(key) { $0.array?.isEmpty == true }
        }
        try reader.refuse("modules_to_save") { $0.array?.isEmpty == true }
        try reader.refuse("rank_pattern") { $0.object?.isEmpty == true }
        try reader.refuse("alpha_pattern") { $0.object?.isEmpty == true }
        var targets: [String] = []
        if let list = reader.value("target_modules")?.array { targets = list.compactMap(\.string) }
        self.init(
            rank: try reader.count("r"), alpha: try reader.number("lora_alpha", default: 8, in: -1e9...1e9),
            targets: targets.isEmpty ? LoRAConfiguration.allLinear : targets)
        isRankStabilized = try reader.flag("use_rslora", default: false)
    }
}
