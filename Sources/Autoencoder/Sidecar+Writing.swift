import Foundation
import JSON
import LanguageModel
import Tensors

extension Sidecar {
    /// The sidecar as text: the same sidecar always gives the same bytes.
    public var yaml: String { text(isPublished: false) }

    /// The same for other programs. They take lengths that are numbers, and some look for the layer at the top.
    package var publishedYAML: String {
        var sidecar = self
        let root = Scale.norm(Double(width).squareRoot())
        if injectionScale == .rootOfWidth { sidecar.injectionScale = root }
        if lossScale == .rootOfWidth { sidecar.lossScale = root }
        return sidecar.text(isPublished: true)
    }

    private func text(isPublished: Bool) -> String {
        var lines = [
            "kind: \(role == .dataset ? "nla_dataset" : "nla_model")", "schema_version: \(Sidecar.schemaVersion)",
        ]
        if role != .dataset { lines.append("role: \(role.rawValue)") }
        lines.append("d_model: \(width)")
        if isPublished { lines.append("extraction_layer_index: \(layer)") }
        lines.append("extraction:")
        // Readers of data sets look for the width here.
        if role == .dataset { lines.append("  d_model: \(width)") }
        lines += ["  layer_index: \(layer)", "  injection_scale: \(Sidecar.text(injectionScale))"]
        lines.append("  mse_scale: \(Sidecar.text(lossScale))")
        if role != .dataset { lines.append("  injection: \(injection.rawValue)") }
        if role != .dataset, injection == .normMatchedAdd { lines.append("  injection_block: \(injectionBlock)") }
        if marker != nil || !reconstructorSuffix.isEmpty { lines.append("tokens:") }
        if let marker {
            lines.append("  injection_char: \(Sidecar.quoted(marker.text))")
            lines.append("  injection_token_id: \(marker.id)")
            lines.append("  injection_left_neighbor_id: \(marker.leftNeighbor)")
            lines.append("  injection_right_neighbor_id: \(marker.rightNeighbor)")
        }
        if !reconstructorSuffix.isEmpty {
            lines.append("  critic_suffix_ids: [\(reconstructorSuffix.map(String.init).joined(separator: ", "))]")
        }
        if verbalizerTemplate != nil || reconstructorTemplate != nil { lines.append("prompt_templates:") }
        if let verbalizerMessages {
            lines.append("  av:")
            for message in verbalizerMessages {
                lines.append("    - role: \(Sidecar.quoted(message.role))")
                lines.append("      content: \(Sidecar.quoted(message.content))")
            }
        } else if let verbalizerTemplate {
            lines.append("  av: \(Sidecar.quoted(verbalizerTemplate))")
        }
        if let reconstructorTemplate { lines.append("  ar: \(Sidecar.quoted(reconstructorTemplate))") }
        if role == .reconstructor {
            lines += ["ar:", "  num_hidden_layers: \(layer)", "critic:", "  extraction_layer_index: \(layer)"]
        }
        if target != nil || targetStorage != nil { lines.append("target:") }
        if let target {
            lines.append("  sha256: \(Sidecar.quoted(target.hash))")
            if let name = target.name { lines.append("  name: \(Sidecar.quoted(name))") }
        }
        if let targetStorage { lines.append("  storage: \(Sidecar.quoted(targetStorage))") }
        if let variance {
            lines += ["scores:", "  variance:", "    raw: \(variance.variance)"]
            if let norm = variance.squaredMeanNorm { lines.append("    squared_mean_norm: \(norm)") }
            lines.append("    set: \(Sidecar.quoted(variance.set))")
            if let count = variance.count { lines.append("    count: \(count)") }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Writes `nla_meta.yaml` into a folder; it appears when it is complete.
    public func write(to folder: URL) throws {
        try AtomicFile.write(yaml, to: folder.appendingPathComponent(Sidecar.fileName))
    }

    private static func text(_ scale: Scale) -> String {
        switch scale {
        case .norm(let norm): "\(norm)"
        case .untouched: "null"
        case .rootOfWidth: "sqrt_d_model"
        }
    }

    /// JSON's strings are YAML's double-quoted ones.
    private static func quoted(_ text: String) -> String { JSONValue.string(text).serialized() }
}
