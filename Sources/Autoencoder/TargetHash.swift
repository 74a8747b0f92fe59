import Digests
import Dispatch
import Foundation
import LanguageModel
import Synchronization
import Tensors

/// The content hash of a target: what guarantees that an autoencoder reads the model it was trained on.
///
/// SHA-256 over the names (family-independent, sorted), element types, shapes and bytes of the weights that the decoder uses, and
/// over the settings that steer its computation. How the weights are spread over files does not matter, nor the order in them. Packed
/// weights are hashed as they are stored: a quantized model is not the one it was made from.
public enum TargetHash {
    /// The hash in lower-case hexadecimal digits. Reads every weight once, about as fast as the cores hash.
    ///
    /// - Parameter progress: called now and then with the share that is done, from any thread.
    public static func compute(
        _ checkpoint: Checkpoint, progress: @escaping @Sendable (Double) -> Void = { _ in }
    ) throws -> String {
        try compute(checkpoint, checkpoint.configuration, progress: progress)
    }

    private static func compute(
        _ checkpoint: Checkpoint, _ configuration: DecoderConfiguration,
        progress: @escaping @Sendable (Double) -> Void
    ) throws -> String {
        let ties = configuration.tiesEmbeddings
        let tensors = try checkpoint.fileNames.keys.sorted().compactMap {
            name -> (name: String, tensor: StoredWeight)? in
            // A tied output matrix is a copy that nothing reads.
            if ties && name.hasPrefix("lm_head.") { return nil }
            return try checkpoint.stored(name).map { (name, $0) }
        }
        let total = tensors.reduce(0) { $0 + $1.tensor.byteCount }
        let state = Mutex((digests: [[UInt8]](repeating: [], count: tensors.count), done: 0))
        DispatchQueue.concurrentPerform(iterations: tensors.count) { index in
            var hash = Digest(.sha256)
            let tensor = tensors[index].tensor
            for begin in stride(from: 0, to: tensor.byteCount, by: 1 << 20) {
                let end = min(tensor.byteCount, begin + 1 << 20)
                hash.update(tensor.bytes(begin..<end))
                let done = state.withLock { state in
                    state.done += end - begin
                    return state.done
                }
                if total >= 1 << 30, done >> 28 != (done - (end - begin)) >> 28 {
                    progress(Double(done) / Double(total))
                }
            }
            let digest = hash.finalize()
            state.withLock { $0.digests[index] = digest }
        }
        var hash = Digest(.sha256)
        hash.update(Data("interlinear target 1\n\(settings(configuration))\n".utf8))
        // The same bytes are other weights under another convention.
        if let method = checkpoint.quantizationMethod { hash.update(Data("quantized \(method)\n".utf8)) }
        for ((name, tensor), digest) in zip(tensors, state.withLock { $0.digests }) {
            hash.update(Data("\(name) \(tensor.typeName) \(PinnedText.of(tensor.shape))\n".utf8))
            hash.update(digest)
        }
        return hash.finalize().hexadecimal
    }

    /// The hash of a model that may be an adapter over a checkpoint: then of the checkpoint's hash, the adapter's weights and those of its
    /// settings that decide what it computes.
    public static func compute(
        _ source: ModelSource, progress: @escaping @Sendable (Double) -> Void = { _ in }
    ) throws -> String {
        try adapted(compute(source.checkpoint, progress: progress), source)
    }

    private static func adapted(_ base: String, _ source: ModelSource) throws -> String {
        guard let adapter = source.adapter, let settings = try source.adapterSettings else { return base }
        var hash = Digest(.sha256)
        hash.update(Data("interlinear adapted target 1\n\(base)\n\(settings)\n".utf8))
        let file = adapter.appendingPathComponent("adapter_model.safetensors")
        do { hash.update(try Data(contentsOf: file, options: .alwaysMapped)) } catch {
            throw ModelError("\(file.path): cannot be read: \(error.localizedDescription)")
        }
        return hash.finalize().hexadecimal
    }

    /// The same as of a checkpoint, of a model that may be an adapter over one.
    public static func accepted(
        _ source: ModelSource, progress: @escaping @Sendable (Double) -> Void = { _ in }
    ) throws -> [String] {
        try accepted(source.checkpoint, progress: progress).map { try adapted($0, source) }
    }

    /// The hashes under which sidecars may know this target: its own, and the one of versions that took the embedding for the output
    /// matrix wherever `config.json` ties them, also where the checkpoint stores another matrix.
    public static func accepted(
        _ checkpoint: Checkpoint, progress: @escaping @Sendable (Double) -> Void = { _ in }
    ) throws -> [String] {
        var hashes = [try compute(checkpoint, progress: progress)]
        let declared = try DecoderConfiguration(json: checkpoint.json, source: checkpoint.folder.path)
        if declared.tiesEmbeddings != checkpoint.configuration.tiesEmbeddings {
            hashes.append(try compute(checkpoint, declared, progress: progress))
        }
        return hashes
    }

    /// What steers the computation, in a text that must never change for one and the same model. Nothing in it is left to the names
    /// of types or to the standard library's way of writing numbers.
    package static func settings(_ c: DecoderConfiguration) -> String {
        let rotaries = c.rotaries.map { rotary in
            var words = [PinnedText.of(rotary.base)]
            switch rotary.scaling {
            case .none: break
            case .linear(let factor): words += ["linear", PinnedText.of(factor)]
            case .llama3(let factor, let low, let high, let length):
                words += ["llama3"] + [factor, low, high, length].map(PinnedText.of)
            case .yarn(let factor, let amplitude, let fast, let slow, let length, let truncates):
                words += ["yarn"] + [factor, amplitude, fast, slow, length].map(PinnedText.of)
                words.append(PinnedText.of(truncates))
            }
            return words.joined(separator: " ")
        }
        let blocks = c.blocks.map { "\($0.window.map { String($0) } ?? "all")/\(String($0.rotary))" }
        let activation =
            switch c.activation {
            case .silu: "silu"
            case .gelu: "gelu"
            case .geluTanh: "geluTanh"
            }
        return [
            "heads", String(c.headCount), String(c.keyValueHeadCount), String(c.headWidth),
            "epsilon", PinnedText.of(c.normEpsilon), "offset", PinnedText.of(c.normOffset),
            "activation", activation, "tied", PinnedText.of(c.tiesEmbeddings),
            "scaled", PinnedText.of(c.scalesEmbeddings), "attention", PinnedText.of(c.attentionScale),
            "rotary", rotaries.joined(separator: ", "), "blocks", blocks.joined(separator: " "),
        ].joined(separator: " ")
    }
}

/// Numbers as text that is the same for ever: what a content hash is made of.
///
/// The shortest decimal number that reads back as the same value; with an exponent of two digits or more below 0.0001 and above the
/// largest whole numbers of the type. Swift's `description` wrote the same when this was pinned.
package enum PinnedText {
    package static func of(_ value: Bool) -> String { value ? "true" : "false" }

    package static func of(_ value: Double) -> String {
        text(value, digits: 16, isLarge: abs(value) > 0x1p53) { Double($0) == value }
    }

    package static func of(_ value: Float) -> String {
        text(Double(value), digits: 8, isLarge: abs(value) > 0x1p24) { Float($0) == value }
    }

    package static func of(_ shape: [Int]) -> String { "[" + shape.map { String($0) }.joined(separator: ", ") + "]" }

    /// - Parameters:
    ///   - digits: as many behind the first suffice for any value.
    ///   - isExact: whether a text reads back as the value.
    private static func text(_ value: Double, digits: Int, isLarge: Bool, isExact: (String) -> Bool) -> String {
        if value == 0 { return value.sign == .minus ? "-0.0" : "0.0" }
        let shortest = (0...digits).lazy.map { String(format: "%.\($0)e", value) }.first(where: isExact)
        let parts = (shortest ?? String(format: "%.\(digits)e", value)).split(separator: "e")
        guard parts.count == 2, let exponent = Int(parts[1]) else { return String(format: "%a", value) }
        let sign = value < 0 ? "-" : ""
        var mantissa = parts[0].filter(\.isNumber)
        while mantissa.count > 1, mantissa.last == "0" { mantissa.removeLast() }
        if exponent < -4 || isLarge {
            let fraction = mantissa.count > 1 ? "." + mantissa.dropFirst() : ""
            let size = String(abs(exponent))
            return
                "\(sign)\(mantissa.prefix(1))\(fraction)e\(exponent < 0 ? "-" : "+")\(size.count < 2 ? "0" : "")\(size)"
        }
        if exponent < 0 { return "\(sign)0." + String(repeating: "0", count: -exponent - 1) + mantissa }
        let whole = mantissa.prefix(exponent + 1), rest = mantissa.dropFirst(exponent + 1)
        let zeros = String(repeating: "0", count: max(0, exponent + 1 - mantissa.count))
        return "\(sign)\(whole)\(zeros).\(rest.isEmpty ? "0" : rest)"
    }
}

extension TargetHash {
    /// Files that steer a verbalizer or a reconstructor beside its decoder.
    private static let companions = [
        Reconstructor.headFile, Sidecar.fileName, "tokenizer.json", "adapter_config.json", "adapter_model.safetensors",
    ]

    /// The hash of a verbalizer's or a reconstructor's folder: its decoder's with those of its value head, sidecar and tokenizer, as
    /// far as it has them. Throws a one-line error.
    public static func compute(autoencoder folder: URL) throws -> String {
        try compute(
            autoencoder: folder, over: ModelSource(folder: folder, fallback: Pair.target(beside: folder)).checkpoint)
    }

    /// The same of an opened verbalizer, also of one that is an adapter over a base that its folder does not lead to.
    public static func compute(_ verbalizer: Verbalizer) throws -> String {
        try compute(autoencoder: verbalizer.folder, over: verbalizer.checkpoint)
    }

    /// The same of an opened reconstructor.
    public static func compute(_ reconstructor: Reconstructor) throws -> String {
        try compute(autoencoder: reconstructor.folder, over: reconstructor.checkpoint)
    }

    /// The same of a folder whose decoder, or base, is open already.
    package static func compute(autoencoder folder: URL, over checkpoint: Checkpoint) throws -> String {
        var hash = Digest(.sha256)
        hash.update(Data("interlinear autoencoder 1\n\(try compute(checkpoint))\n".utf8))
        for name in companions {
            let file = folder.appending(path: name)
            guard FileManager.default.fileExists(atPath: file.path) else { continue }
            hash.update(Data("\(name)\n".utf8))
            do { hash.update(Digest.of(try Data(contentsOf: file, options: .alwaysMapped))) } catch {
                throw ModelError("\(file.path): cannot be read: \(error.localizedDescription)")
            }
        }
        return hash.finalize().hexadecimal
    }
}
