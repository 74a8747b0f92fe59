import Crypto
import Foundation
import LanguageModel
import Synchronization
import Tensors

/// The content hash of a target: what guarantees that an autoencoder reads the model it was trained on.
///
/// SHA-256 over the names (family-independent, sorted), element types, shapes and bytes of the weights that the decoder uses, and
/// over the settings that steer its computation. How the weights are spread over files does not matter, nor the order in them.
public enum TargetHash {
    /// The hash in lower-case hexadecimal digits. Reads every weight once, about as fast as the cores hash.
    ///
    /// - Parameter progress: called now and then with the share that is done, from any thread.
    public static func compute(
        _ checkpoint: Checkpoint, progress: @escaping @Sendable (Double) -> Void = { _ in }
    ) throws -> String {
        let ties = checkpoint.configuration.tiesEmbeddings
        let tensors = try checkpoint.fileNames.keys.sorted().compactMap { name -> (name: String, tensor: Tensor)? in
            // A tied output matrix is a copy that nothing reads.
            if ties && name.hasPrefix("lm_head.") { return nil }
            return try checkpoint.tensor(name).map { (name, $0) }
        }
        let total = tensors.reduce(0) { $0 + $1.tensor.byteCount }
        let state = Mutex((digests: [[UInt8]](repeating: [], count: tensors.count), done: 0))
        DispatchQueue.concurrentPerform(iterations: tensors.count) { index in
            var hash = SHA256()
            let tensor = tensors[index].tensor
            for begin in stride(from: 0, to: tensor.byteCount, by: 1 << 20) {
                let end = min(tensor.byteCount, begin + 1 << 20)
                hash.update(data: tensor.bytes(begin..<end))
                let done = state.withLock { state in
                    state.done += end - begin
                    return state.done
                }
                if total >= 1 << 30, done >> 28 != (done - (end - begin)) >> 28 {
                    progress(Double(done) / Double(total))
                }
            }
            let digest = Array(hash.finalize())
            state.withLock { $0.digests[index] = digest }
        }
        var hash = SHA256()
        hash.update(data: Data("interlinear target 1\n\(settings(checkpoint.configuration))\n".utf8))
        for ((name, tensor), digest) in zip(tensors, state.withLock { $0.digests }) {
            hash.update(data: Data("\(name) \(tensor.elementType.rawValue) \(tensor.shape)\n".utf8))
            hash.update(data: digest)
        }
        return hash.finalize().map { String(format: "%02x", $0) }.joined()
    }

    /// What steers the computation, in a text that must never change for one and the same model.
    private static func settings(_ c: DecoderConfiguration) -> String {
        let rotaries = c.rotaries.map { rotary in
            switch rotary.scaling {
            case .none: "\(rotary.base)"
            case .linear(let factor): "\(rotary.base) linear \(factor)"
            case .llama3(let factor, let low, let high, let length):
                "\(rotary.base) llama3 \(factor) \(low) \(high) \(length)"
            }
        }
        let blocks = c.blocks.map { "\($0.window.map(String.init) ?? "all")/\($0.rotary)" }
        return """
            heads \(c.headCount) \(c.keyValueHeadCount) \(c.headWidth) epsilon \(c.normEpsilon) offset \(c.normOffset) \
            activation \(c.activation) tied \(c.tiesEmbeddings) scaled \(c.scalesEmbeddings) attention \(c.attentionScale) \
            rotary \(rotaries.joined(separator: ", ")) blocks \(blocks.joined(separator: " "))
            """
    }
}

extension TargetHash {
    /// Files that steer a verbalizer or a reconstructor beside its decoder.
    private static let companions = [Reconstructor.headFile, Sidecar.fileName, "tokenizer.json"]

    /// The hash of a verbalizer's or a reconstructor's folder: its decoder's with those of its value head, sidecar and tokenizer, as
    /// far as it has them. Throws a one-line error.
    public static func compute(autoencoder folder: URL) throws -> String {
        var hash = SHA256()
        hash.update(data: Data("interlinear autoencoder 1\n\(try compute(Checkpoint(folder: folder)))\n".utf8))
        for name in companions {
            let file = folder.appending(path: name)
            guard FileManager.default.fileExists(atPath: file.path) else { continue }
            hash.update(data: Data("\(name)\n".utf8))
            do { hash.update(data: Data(SHA256.hash(data: try Data(contentsOf: file, options: .alwaysMapped)))) } catch
            {
                throw ModelError("\(file.path): cannot be read: \(error.localizedDescription)")
            }
        }
        return hash.finalize().map { String(format: "%02x", $0) }.joined()
    }
}
