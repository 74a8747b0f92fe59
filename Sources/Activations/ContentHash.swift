import Digests
import Foundation
import LanguageModel
import Tokenization

/// SHA-256 of what lies on disk, in hexadecimal: how a store knows its files again.
package enum ContentHash {
    /// Of a file's bytes. Throws a `ModelError` if it cannot be read.
    package static func file(_ url: URL) throws -> String {
        guard let handle = FileHandle(forReadingAtPath: url.path) else {
            throw ModelError("\(url.path): cannot be read")
        }
        defer { try? handle.close() }
        var hash = Digest(.sha256)
        do {
            while let data = try handle.read(upToCount: 4 << 20), !data.isEmpty { hash.update(data) }
        } catch {
            throw ModelError("\(url.path): cannot be read: \(error.localizedDescription)")
        }
        return hash.finalize().hexadecimal
    }

    /// Of the bytes of files that are read as one: of one file its own hash. Throws a `ModelError` if one cannot be read.
    package static func files(_ urls: [URL]) throws -> String {
        let hashes = try urls.map(file)
        return hashes.count == 1 ? hashes[0] : Digest.of(hashes.joined().utf8).hexadecimal
    }

    /// Of the tokenizer.json of a model folder, or of what a GGUF file's tokenizer makes of it.
    package static func tokenizer(_ folder: URL) throws -> String {
        guard let made = try Tokenizer.files(ofGGUF: folder)?.first(where: { $0.name == "tokenizer.json" }) else {
            return try file(folder.appendingPathComponent("tokenizer.json"))
        }
        return Digest.of(made.contents).hexadecimal
    }
}
