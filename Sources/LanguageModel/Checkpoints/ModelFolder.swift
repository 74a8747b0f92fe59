import Foundation
import JSON

/// What a folder holds where it does not hold what is needed: what an error says of it.
enum ModelFolder {
    /// The error for a file that is not in its folder: it says what is there instead, as far as that explains it.
    static func missing(_ file: URL) -> ModelError {
        let folder = file.deletingLastPathComponent()
        if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: file.path) {
            return ModelError("\(file.path): a link to \(target), which is missing; download the file again")
        }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()) ?? []
        if let reason = reason(file.lastPathComponent, folder, Set(names)) {
            return ModelError("\(file.path): missing; \(reason)")
        }
        if let partial = partialDownload(folder, names) {
            return ModelError("\(file.path): missing; a download is not complete (\(partial)), finish it")
        }
        return ModelError("\(file.path): missing; the folder needs it")
    }

    /// The error for a model folder without safetensors.
    static func weightsMissing(_ folder: URL) -> ModelError {
        let wanted = "\(folder.path): neither model.safetensors nor model.safetensors.index.json"
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
        for name in ["model.safetensors", "model.safetensors.index.json"] {
            let file = folder.appendingPathComponent(name)
            if (try? FileManager.default.destinationOfSymbolicLink(atPath: file.path)) != nil { return missing(file) }
        }
        if let partial = partialDownload(folder, names) {
            return ModelError("\(wanted); a download is not complete (\(partial)), finish it")
        }
        let shards = names.filter { $0.hasSuffix(".safetensors") }
        if shards.contains(where: { $0.contains("-of-") }) {
            return ModelError("\(wanted), but shards such as \(shards[0]); download the index too")
        }
        if let other = foreignWeights(names) { return ModelError("\(wanted), but \(other)") }
        if !shards.isEmpty {
            return ModelError("\(wanted), but \(shards[0]); name the weights model.safetensors")
        }
        return ModelError("\(wanted), nor a GGUF file; only these are read")
    }

    private static func reason(_ name: String, _ folder: URL, _ names: Set<String>) -> String? {
        switch name {
        case "config.json":
            if names.contains("adapter_config.json") {
                let base =
                    (try? JSONValue.parse(
                        FileManager.default.contents(atPath: folder.appendingPathComponent("adapter_config.json").path)
                            ?? Data()))?["base_model_name_or_path"]?.string
                return "this is an adapter, not a model: give it with --adapter, and its base model "
                    + "\(base.map { "(\($0.prefix(200))) " } ?? "")with --model"
            }
            if names.isSuperset(of: ["av", "ar"]) {
                return "this is a pair's folder, not a model: name the folder av, ar or target in it"
            }
            if names.contains("snapshots") {
                return "this is a folder of the Hugging Face cache: give org/name, or the folder below snapshots"
            }
        case "adapter_config.json":
            if names.contains("config.json") && !names.contains("adapter_model.safetensors") {
                return "this is a model, not an adapter: give it with --model"
            }
        case "adapter_model.safetensors":
            if names.contains("adapters.safetensors") {
                return "adapters.safetensors is mlx-lm's layout; convert it to PEFT's"
            }
            if names.contains("adapter_model.bin") {
                return "adapter_model.bin is a PyTorch pickle; save the adapter again with safe_serialization=True"
            }
        default: break
        }
        return name == "config.json" ? foreignWeights(names.sorted()) : nil
    }

    /// Weights of a kind that is not read, and what to do about them.
    private static func foreignWeights(_ names: [String]) -> String? {
        let kinds: [(matches: (String) -> Bool, says: String)] = [
            (
                { $0.lowercased().hasSuffix(".gguf") },
                "a vision model's projector in GGUF; name the language model's file"
            ),
            (
                { $0.hasPrefix("consolidated.") || $0 == "params.json" },
                "the layout of the model's authors; take the Hugging Face version"
            ),
            (
                { $0.hasPrefix("pytorch_model") },
                "a PyTorch pickle; convert it in Python: AutoModelForCausalLM.from_pretrained(FOLDER).save_pretrained(NEW)"
            ),
            ({ $0 == "tf_model.h5" }, "TensorFlow's weights; take the model's safetensors version"),
            ({ $0.hasSuffix(".msgpack") }, "Flax's weights; take the model's safetensors version"),
            ({ $0.hasSuffix(".onnx") }, "an ONNX model; take the model's safetensors version"),
            ({ $0.hasSuffix(".npz") }, "NumPy arrays; take the model's safetensors version"),
            (
                { [".bin", ".pt", ".pth", ".ckpt"].contains(where: $0.hasSuffix) },
                "a PyTorch pickle; take the model's safetensors version"
            ),
        ]
        for kind in kinds {
            if let name = names.first(where: kind.matches) { return "\(name) is \(kind.says)" }
        }
        return nil
    }

    /// A file that a download has not finished: in the folder, or in the part of the Hugging Face cache that it belongs to.
    private static func partialDownload(_ folder: URL, _ names: [String]) -> String? {
        let places = [
            (folder.appendingPathComponent(".cache/huggingface/download")),
            folder.deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("blobs"),
        ]
        var candidates = names
        candidates += (try? FileManager.default.contentsOfDirectory(atPath: places[0].path)) ?? []
        if folder.deletingLastPathComponent().lastPathComponent == "snapshots" {
            candidates += (try? FileManager.default.contentsOfDirectory(atPath: places[1].path)) ?? []
        }
        let ends = [".incomplete", ".part", ".partial", ".crdownload", ".aria2", ".download"]
        return candidates.first { name in ends.contains(where: name.hasSuffix) }
    }
}
