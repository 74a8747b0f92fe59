import Foundation
import JSON
import Tensors

extension TransformerDecoder {
    /// Attaches the adapters of a folder in PEFT's layout: `adapter_config.json`, `adapter_model.safetensors`. They are
    /// frozen; `adapterParameters` can be made trainable. Those of DoRA become weights of the decoder at once. Weights
    /// of `modules_to_save` take the place of the decoder's own. What belongs to parts that this decoder was opened
    /// without is left aside.
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
        var decomposed: [(layer: Linear, weight: Tensor)] = []
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
            let scale = settings.scale(of: part.module)
            guard let magnitude = try magnitude(part, name, layer, settings, file) else {
                found.append((name, down, up, scale))
                continue
            }
            let weight = saved["\(name).weight"] ?? layer.operand.weight.value
            decomposed.append(
                (layer, try decomposedWeight(name, layer, weight, down: down, up: up, scale, magnitude, file)))
        }
        if let (name, part) = parts.sorted(by: { $0.key < $1.key }).first(where: { !isLeftOut($0.key) }) {
            throw fail("\(part.module) (\(name)) is no linear layer of this model")
        }
        // Only now, so that an adapter with an error in it leaves the decoder as it was.
        replaceWeights(saved)
        for (layer, weight) in decomposed { layer.operand.weight.replace(by: weight) }
        let layers = Dictionary(uniqueKeysWithValues: linears.map { ($0.name, $0.layer) })
        for (name, down, up, scale) in found {
            guard let layer = layers[name] else { trap("no layer \(name)") }
            attach(name, layer, down: down, up: up, scale)
        }
        return settings.summary
    }

    /// What a file holds for one layer: the module's name as PEFT has it, A and B, and with DoRA a magnitude for each row.
    private typealias AdapterPart = (module: String, down: Tensor?, up: Tensor?, magnitude: Tensor?)

    /// The adapters by their layers' family-independent names, and the whole weights that take the place of this decoder's, by theirs.
    /// Throws if a tensor is neither.
    private func adapterTensors(
        _ file: SafetensorsFile, _ settings: AdapterSettings
    ) throws -> (parts: [String: AdapterPart], saved: [String: Tensor]) {
        var parts: [String: AdapterPart] = [:], saved: [String: Tensor] = [:]
        for name in file.names {
            guard let tensor = try file.tensor(name) else { continue }
            let inner = name.hasPrefix("base_model.model.") ? String(name.dropFirst("base_model.model.".count)) : name
            // Older versions of PEFT kept the last word of the magnitudes' names.
            let kinds = [".lora_A.weight", ".lora_B.weight", ".lora_magnitude_vector", ".lora_magnitude_vector.weight"]
            let kind = kinds.first(where: inner.hasSuffix), module = String(inner.dropLast(kind?.count ?? 0))
            guard let kind, let layer = configuration.weightName(module + ".") else {
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
            var part: AdapterPart = parts[key] ?? (module, nil, nil, nil)
            guard part.module == module else {
                throw ModelError(
                    "\(file.url.path): \(part.module) and \(module) are two adapters of \(key); one must go")
            }
            switch kind {
            case kinds[0]: part.down = tensor
            case kinds[1]: part.up = tensor
            default: part.magnitude = tensor
            }
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

    /// The magnitudes of a layer's rows; nil where the adapter has none. Throws where the settings say otherwise.
    private func magnitude(
        _ part: AdapterPart, _ name: String, _ layer: Linear, _ settings: AdapterSettings, _ file: SafetensorsFile
    ) throws -> Tensor? {
        func fail(_ reason: String) -> ModelError {
            ModelError("\(file.url.path): the adapter of \(name) \(reason)")
        }
        guard settings.isDecomposed else {
            guard part.magnitude == nil else {
                throw fail("has magnitudes (lora_magnitude_vector), and adapter_config.json does not say use_dora")
            }
            return nil
        }
        guard let magnitude = part.magnitude else {
            throw fail("has no magnitudes (lora_magnitude_vector), which use_dora asks for")
        }
        guard magnitude.count == layer.outputSize, magnitude.elementType.isFloatingPoint,
            magnitude.firstNonFinite() == nil
        else {
            throw fail(
                "has magnitudes of shape \(magnitude.shape), \(magnitude.elementType); [\(layer.outputSize)] finite numbers are needed"
            )
        }
        return magnitude
    }

    /// The weight that DoRA stands for (Liu et al. 2024, equation 5): m·(W + s·B·A), each row of the sum with the norm 1, in the type that W
    /// has.
    private func decomposedWeight(
        _ name: String, _ layer: Linear, _ weight: Tensor, down: Tensor, up: Tensor, _ scale: Float,
        _ magnitude: Tensor, _ file: SafetensorsFile
    ) throws -> Tensor {
        guard layer.operand.weight !== embedding else {
            throw ModelError(
                "\(file.url.path): \(name) shares its weights with the embedding, which use_dora would change too; merge the adapter (merge_and_unload) and give the result as the model"
            )
        }
        let tape = Tape(recording: false)
        let columns = Parameter(name: name, down.converted(to: .float32).transposed())
        let update = tape.linear(Variable(up.converted(to: .float32)), LinearOperand(weight: columns))
        let sum = tape.sum(
            Variable(weight.converted(to: .float32).copy()), tape.scaled(update, by: scale, to: .float32)
        ).value
        var values = sum.floats()
        for (row, wanted) in magnitude.floats().enumerated() {
            let place = row * sum.width..<(row + 1) * sum.width
            let norm = values[place].reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            guard norm > 0 else {
                throw ModelError(
                    "\(file.url.path): row \(row) of \(name) with its adapter is zero, and has no direction (use_dora)")
            }
            let factor = Float(Double(wanted) / norm)
            for index in place { values[index] *= factor }
        }
        let type = weight.elementType.isFloatingPoint ? weight.elementType : .float32
        return Tensor(values, shape: sum.shape).converted(to: type)
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
