import Foundation
import Tensors

/// PEFT's `modules_to_save`: modules that were trained whole beside the low-rank adapters, such as the embedding of a model that got new
/// words. The adapter's file holds their weights under the names that the model has.
extension TransformerDecoder {
    /// A tensor of an adapter's file that takes the place of a weight, with that weight's name; nil if the settings name no module that it
    /// belongs to. Without a name it belongs to a part that this decoder was opened without.
    ///
    /// PEFT keeps such a weight in the type of the one that it replaces. So does this.
    func savedWeight(
        _ fileName: String, _ name: String, _ tensor: Tensor, _ settings: AdapterSettings, _ file: SafetensorsFile
    ) throws -> (weight: Tensor, own: String?)? {
        func fail(_ reason: String) -> ModelError { ModelError("\(file.url.path): \(fileName) \(reason)") }
        let module = name.split(separator: ".", omittingEmptySubsequences: false).dropLast().joined(separator: ".")
        guard settings.saves(module) else { return nil }
        guard let own = configuration.weightName(name) else { throw fail("is no weight of this model") }
        guard let replaced = wholeWeights[own] else {
            guard isOfMissingPart(own) else { throw fail("is no weight of this model") }
            return (tensor, nil)
        }
        guard tensor.shape == replaced.shape else {
            throw fail(
                "has shape \(tensor.shape), the weight that it replaces \(replaced.shape); a base whose vocabulary was made larger is to be saved so, and given with --base"
            )
        }
        guard tensor.elementType.isFloatingPoint else { throw fail("holds no floating-point weights") }
        guard tensor.firstNonFinite() == nil else { throw fail("holds NaN or infinity") }
        return (tensor.converted(to: replaced.elementType), own)
    }

    /// A weight that the settings announce and a file does not hold.
    func missingWeight(_ saved: [String: Tensor], _ settings: AdapterSettings) -> String? {
        wholeWeights.keys.sorted().first { name in
            let module = name.split(separator: ".").dropLast().joined(separator: ".")
            return saved[name] == nil && settings.saves(name.hasPrefix("lm_head.") ? module : "model.\(module)")
        }
    }

    /// Puts weights in the place of this decoder's. Of an embedding that is the output matrix too, PEFT replaces what is named alone.
    func replaceWeights(_ saved: [String: Tensor]) {
        if saved["embed_tokens.weight"] != nil || saved["lm_head.weight"] != nil { untieOutput() }
        for parameter in parameters {
            if let weight = saved[parameter.name] { parameter.replace(by: weight) }
        }
    }

    /// Every weight that can be replaced, by its family-independent name.
    private var wholeWeights: [String: Tensor] {
        var weights = Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0.value) })
        if let output { weights["lm_head.weight"] = output.operand.weight.value }
        return weights
    }

    /// Whether a weight belongs to the model but to no part that was opened of it.
    private func isOfMissingPart(_ name: String) -> Bool {
        switch name {
        case "lm_head.weight": return output == nil
        case "norm.weight": return finalNorm == nil
        default:
            let parts = name.split(separator: ".")
            guard parts.count > 3, parts[0] == "layers", let index = Int(parts[1]) else { return false }
            return (blocks.count..<configuration.blockCount).contains(index)
        }
    }
}
