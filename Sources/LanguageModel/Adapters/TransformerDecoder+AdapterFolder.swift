import Foundation
import JSON
import Tensors

extension TransformerDecoder {
    /// Attaches the adapters of a folder in PEFT's layout: `adapter_config.json`, `adapter_model.safetensors`. They are frozen;
    /// `adapterParameters` can be made trainable. Weights of `modules_to_save` take the place of the decoder's own. What belongs to parts
    /// that this decoder was opened without is left aside.
    ///
    /// - Returns: the settings that hold for most of its layers.
    @discardableResult
    public func attachAdapters(from folder: URL) throws -> LoRAConfiguration {
        let url = folder.appendingPathComponent("adapter_config.json")
        let settings = try AdapterSettings(Checkpoint.readJSON(url), source: url.path)
        let weights = folder.appendingPathComponent("adapter_model.safetensors")
        guard FileManager.default.fileExists(atPath: weights.path) else { throw ModelFolder.missing(weights) }
        let file = try SafetensorsFile(weights)
        func fail(_ reason: String) -> ModelError { ModelError("\(file.url.path): \(reason)") }
        var (parts, saved) = try adapterTensors(file, settings)
        guard !parts.isEmpty || !saved.isEmpty else { throw fail("no adapters in it") }
        if let name = missingWeight(saved, settings) {
            throw ModelError(
                "\(url.path): modules_to_save: \(name) is one of them, and \(weights.lastPathComponent) does not hold it; save the adapter again"
            )
        }
        var found: [(name: String, down: Tensor, up: Tensor, scale: Float)] = []
        for (name, layer) in linears {
            guard let part = parts.removeValue(forKey: name) else { continue }
            guard let down = part.down, let up = part.up else {
                throw fail("of the adapter of \(name) one of lora_A and lora_B is missing")
            }
            guard settings.cover(part.module) else {
                throw fail(
                    "holds an adapter of \(part.module), which \(url.lastPathComponent) leaves out (target_modules, layers_to_transform, exclude_modules, modules_to_save)"
                )
            }
            try check(name, layer, down, up, rank: settings.rank(of: part.module), file)
            found.append((name, down, up, settings.scale(of: part.module)))
        }
        if let (name, part) = parts.sorted(by: { $0.key < $1.key }).first(where: { !isLeftOut($0.key) }) {
            throw fail("\(part.module) (\(name)) is no linear layer of this model")
        }
        // Only now, so that an adapter with an error in it leaves the decoder as it was.
        replaceWeights(saved)
        let layers = Dictionary(uniqueKeysWithValues: linears.map { ($0.name, $0.layer) })
        for (name, down, up, scale) in found {
            guard let layer = layers[name] else { trap("no layer \(name)") }
            attach(name, layer, down: down, up: up, scale)
        }
        return settings.summary
    }

    /// What a file holds for one layer: the module's name as PEFT has it, A and B.
    private typealias AdapterPart = (module: String, down: Tensor?, up: Tensor?)

    /// The adapters by their layers' family-independent names, and the whole weights that take the place of this decoder's, by theirs.
    /// Throws if a tensor is neither.
    private func adapterTensors(
        _ file: SafetensorsFile, _ settings: AdapterSettings
    ) throws -> (parts: [String: AdapterPart], saved: [String: Tensor]) {
        var parts: [String: AdapterPart] = [:], saved: [String: Tensor] = [:]
        for name in file.names {
            guard let tensor = try file.tensor(name) else { continue }
            let inner = name.hasPrefix("base_model.model.") ? String(name.dropFirst("base_model.model.".count)) : name
            let isDown = inner.hasSuffix(".lora_A.weight"), isUp = inner.hasSuffix(".lora_B.weight")
            let module = String(inner.dropLast(".lora_A.weight".count))
            guard isDown || isUp, let layer = configuration.weightName(module + ".") else {
                if let (weight, own) = try savedWeight(name, inner, tensor, settings, file) {
                    if let own { saved[own] = weight }
                    continue
                }
                if try isOwnWeight(inner, tensor) { continue }
                throw ModelError(
                    "\(file.url.path): \(name) belongs to no linear layer of this model; adapters of embeddings, changed whole weights and other parts are not supported"
                )
            }
            let key = String(layer.dropLast())
            var part: AdapterPart = parts[key] ?? (module, nil, nil)
            guard part.module == module else {
                throw ModelError(
                    "\(file.url.path): \(part.module) and \(module) are two adapters of \(key); one must go")
            }
            if isDown { part.down = tensor } else { part.up = tensor }
            parts[key] = part
        }
        return (parts, saved)
    }

    /// Whether a tensor is a copy of a weight of this model, as PEFT stores beside adapters of the output matrix. One that differs
    /// would take its place, which is not supported.
    private func isOwnWeight(_ name: String, _ tensor: Tensor) throws -> Bool {
        guard let name = configuration.weightName(name.replacingOccurrences(of: ".base_layer.", with: ".")) else {
            return false
        }
        if name == "lm_head.weight" {
            // Of a decoder without its output matrix nothing is computed with it.
            return output.map { $0.operand.weight.value.holdsSameNumbers(as: tensor) } ?? true
        }
        return parameters.first { $0.name == name }?.value.holdsSameNumbers(as: tensor) ?? false
    }

    /// Whether a layer belongs to the model but not to what was opened of it.
    private func isLeftOut(_ name: String) -> Bool {
        if name == "lm_head" { return output == nil }
        let parts = name.split(separator: ".")
        guard parts.count == 4, parts[0] == "layers", let index = Int(parts[1]) else { return false }
        guard (blocks.count..<configuration.blockCount).contains(index) else { return false }
        return blocks.first.map { $0.linears.contains { $0.name == "\(parts[2]).\(parts[3])" } } ?? true
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
}
