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

extension TransformerDecoder {
    /// The linear layers by family-independent name, such as `layers.3.mlp.up_proj`; the output layer, `lm_head`, is the last.
    public var linears: [(name: String, layer: Linear)] {
        let inner = blocks.enumerated().flatMap { index, block in
            block.linears.map { (name: "layers.\(index).\($0.name)", layer: $0.layer) }
        }
        return inner + (output.map { [(name: "lm_head", layer: $0)] } ?? [])
    }

    /// Attaches fresh trainable adapters: A random, B zero, so that nothing changes before training. Adapters that are there already
    /// become part of the weights. Throws if a target names no layer.
    public func attachAdapters(_ configuration: LoRAConfiguration, seed: UInt64, precision: Precision) throws {
        for target in configuration.targets
        where !linears.contains(where: { $0.name == target || $0.name.hasSuffix("." + target) }) {
            throw ModelError(
                "LoRA target \(target): no such layer; layers end in \((LoRAConfiguration.allLinear + ["lm_head"]).joined(separator: ", "))"
            )
        }
        try mergeAdapters(precision: precision)
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

    func attach(_ name: String, _ layer: Linear, down: Tensor, up: Tensor, _ scale: Float) {
        layer.adapter = LowRankAdapter(
            down: Parameter(name: "\(name).lora_A", down), up: Parameter(name: "\(name).lora_B", up), scale: scale)
    }

    /// Writes the adapters in PEFT's layout. `fileNames` maps family-independent names to the base checkpoint's.
    public func writeAdapters(
        _ configuration: LoRAConfiguration, baseModel: String?, fileNames: [String: String] = [:], to folder: URL
    ) throws {
        try writeAdapters(
            AdapterShape(
                rank: configuration.rank, alpha: configuration.alpha, targets: configuration.targets,
                isRankStabilized: configuration.isRankStabilized),
            baseModel: baseModel, fileNames: fileNames, to: folder)
    }

    /// Writes the adapters that are attached, whatever made them, in PEFT's layout: ranks, scales and layers are their own.
    ///
    /// - Parameter fileNames: family-independent names to the base checkpoint's.
    /// - Throws: a ``ModelError`` where none is attached.
    package func writeAdapters(fileNames: [String: String] = [:], to folder: URL) throws {
        guard let shape = AdapterShape(linears) else {
            throw ModelError("\(folder.path): cannot write: no adapter is attached")
        }
        try writeAdapters(shape, baseModel: nil, fileNames: fileNames, to: folder)
    }

    private func writeAdapters(
        _ shape: AdapterShape, baseModel: String?, fileNames: [String: String], to folder: URL
    ) throws {
        do { try Disk.makeFolder(folder) } catch { throw ModelError("\(error)") }
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
        func object<Value>(_ values: [String: Value], _ json: (Value) -> JSONValue) -> JSONValue {
            .object(JSONObject(values.sorted { $0.key < $1.key }.map { ($0.key, json($0.value)) }))
        }
        let json: JSONValue = [
            "peft_type": "LORA", "task_type": "CAUSAL_LM",
            "base_model_name_or_path": baseModel.map { .string($0) } ?? .null,
            "r": .integer(shape.rank), "lora_alpha": .number(shape.alpha), "lora_dropout": 0.0,
            "target_modules": .array(shape.targets.map { .string($0) }), "bias": "none",
            "fan_in_fan_out": false,
            "use_rslora": .bool(shape.isRankStabilized), "use_dora": false, "modules_to_save": .null,
            "inference_mode": true, "rank_pattern": object(shape.ranks) { .integer($0) },
            "alpha_pattern": object(shape.alphas) { .number($0) },
        ]
        try AtomicFile.write(
            json.serialized(indent: 2) + "\n", to: folder.appendingPathComponent("adapter_config.json"))
    }
}

/// What `adapter_config.json` says of some adapters.
private struct AdapterShape {
    var rank: Int
    var alpha: Double
    var targets: [String]
    var isRankStabilized = false
    /// Layers of another rank, and of another alpha, by their full names.
    var ranks: [String: Int] = [:]
    var alphas: [String: Double] = [:]

    init(rank: Int, alpha: Double, targets: [String], isRankStabilized: Bool) {
        (self.rank, self.alpha, self.targets, self.isRankStabilized) = (rank, alpha, targets, isRankStabilized)
    }

    /// That of the adapters that layers have; nil where none has one.
    init?(_ linears: [(name: String, layer: Linear)]) {
        let adapted = linears.compactMap { name, layer in
            layer.adapter.map { (name: name, rank: $0.down.value.rows, scale: Double($0.scale)) }
        }
        guard let first = adapted.first else { return nil }
        rank = first.rank
        alpha = first.scale * Double(first.rank)
        for adapter in adapted {
            let own = adapter.scale * Double(adapter.rank)
            if adapter.rank != rank { ranks[adapter.name] = adapter.rank }
            // A pattern holds the layer's alpha, which its own rank divides.
            if own != alpha { alphas[adapter.name] = own }
        }
        // The last part of a name stands for every layer that ends so.
        func end(_ name: String) -> String { String(name.split(separator: ".").last ?? "") }
        let names = Set(adapted.map(\.name)), ends = Set(names.map(end))
        let isWhole = linears.allSatisfy { !ends.contains(end($0.name)) || names.contains($0.name) }
        targets = isWhole ? (LoRAConfiguration.allLinear + ["lm_head"]).filter(ends.contains) : names.sorted()
    }
}
