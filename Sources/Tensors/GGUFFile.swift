import Foundation
import GGUF

/// A GGUF file, or all parts of a split one, mapped read-only.
///
/// Nothing is read until it is used, and nothing is copied: the tensors lie in the mapping.
package struct GGUFFile: Sendable {
    /// The file, or the first part.
    package let url: URL
    /// Metadata and tensors of the file, or of the first part.
    package let header: GGUFHeader
    /// The tensors by name.
    package let entries: [String: Entry]
    private let buffers: [Buffer]

    /// One tensor's place.
    package struct Entry: Sendable {
        /// How the weights are held.
        package let type: GGMLType
        /// Lengths of the axes, outermost first.
        package let shape: [Int]
        /// The file that holds it.
        package let url: URL
        let part: Int
        let range: Range<Int>
    }

    /// Maps a file, with its other parts where its name says that there are some, and checks the headers.
    ///
    /// - Throws: ``GGUFError`` or `TensorFileError`, which name the file.
    package init(_ url: URL) throws {
        try self.init(try GGUFLocation.parts(url).map { ($0, try Buffer(mapping: $0)) })
    }

    /// Reads a file that is in memory already; `source` stands for its path in messages.
    package init(bytes: [UInt8], source: String) throws {
        try self.init([(URL(fileURLWithPath: source), bytes.withUnsafeBytes { Buffer(copying: $0) })])
    }

    private init(_ parts: [(url: URL, buffer: Buffer)]) throws {
        url = parts[0].url
        buffers = parts.map(\.buffer)
        let headers = try parts.map { url, buffer in
            // The buffer lives as long as the header that reads from it.
            try GGUFHeader(buffer.data, source: url.path)
        }
        header = headers[0]
        try GGUFFile.checkParts(headers)
        var entries: [String: Entry] = [:]
        for (part, header) in headers.enumerated() {
            for tensor in header.tensors {
                let entry = Entry(
                    type: tensor.type, shape: tensor.shape, url: parts[part].url, part: part, range: tensor.range)
                guard let other = entries.updateValue(entry, forKey: tensor.name) else { continue }
                throw GGUFError("\(header.source): the tensor \(tensor.name) stands in \(other.url.path) too")
            }
        }
        self.entries = entries
    }

    /// Checks that files belong together, as far as they say so.
    private static func checkParts(_ headers: [GGUFHeader]) throws {
        for (number, header) in headers.enumerated() {
            if let count = try header.integer("split.count"), count != headers.count, count > 1 || headers.count > 1 {
                throw header.fail(
                    "split.count",
                    headers.count == 1
                        ? "the model has \(count) parts; give them their names back, NAME-00001-of-\(String(String(100_000 + min(max(count, 0), 99_999)).dropFirst())).gguf and so on, in one folder"
                        : "\(count), but the name says that there are \(headers.count) parts; they do not belong together"
                )
            }
            if headers.count > 1, let own = try header.integer("split.no"), own != number {
                throw header.fail("split.no", "it is part \(own), but its name says \(number); its name is wrong")
            }
        }
        guard headers.count > 1, let wanted = try headers[0].integer("split.tensors.count") else { return }
        let found = headers.reduce(0) { $0 + $1.tensors.count }
        guard found == wanted else {
            throw headers[0].fail(
                "split.tensors.count", "\(wanted), but the parts hold \(found) tensors; they do not belong together")
        }
    }

    /// The names of the tensors, sorted.
    package var names: [String] { entries.keys.sorted() }

    /// A tensor as it lies there; nil where the file has none of that name.
    package func tensor(_ name: String) -> GGMLTensor? {
        entries[name].map {
            GGMLTensor(type: $0.type, shape: $0.shape, buffer: buffers[$0.part], byteOffset: $0.range.lowerBound)
        }
    }
}
