import Foundation
import JSON

/// What stands before the weights in a GGUF file: metadata by key, and the tensors' names, types, shapes and places.
///
/// Versions 2 and 3, little-endian. The header is believed only as far as it can be checked: counts against the bytes that are there,
/// tensors against the data, alignment and each other. Lists, such as a vocabulary, stay in the file until they are asked for.
/// Format: ggml/docs/gguf.md.
package struct GGUFHeader: Sendable {
    /// The file's path, for messages.
    package let source: String
    /// The format's version.
    package let version: Int
    /// The keys, in the file's order.
    package let keys: [String]
    /// The values by key.
    package let metadata: [String: GGUFValue]
    /// The tensors, in the file's order.
    package let tensors: [Entry]
    /// The tensors' data begin at multiples of it.
    package let alignment: Int
    /// The file itself.
    let bytes: Data

    /// One tensor's description.
    package struct Entry: Sendable {
        /// The name.
        package let name: String
        /// How the weights are held.
        package let type: GGMLType
        /// Lengths of the axes, outermost first: a matrix is [out, in], the reverse of the file's order.
        package let shape: [Int]
        /// Its bytes, in the file.
        package let range: Range<Int>
    }

    /// Reads the header of a file that is mapped, or lies in memory. Throws ``GGUFError``.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - source: its path, for messages.
    package init(_ bytes: Data, source: String) throws {
        self.source = source
        self.bytes = bytes
        var reader = HeaderReader(source: source)
        try bytes.withUnsafeBytes { try reader.read($0) }
        version = reader.version
        keys = reader.keys
        metadata = reader.metadata
        alignment = reader.alignment
        tensors = reader.tensors
    }

    /// Maps a file and reads its header. Throws ``GGUFError``.
    package init(_ url: URL) throws {
        // A pipe would be waited for.
        let attributes = try? FileManager.default.attributesOfItem(atPath: url.resolvingSymlinksInPath().path)
        guard attributes?[.type] as? FileAttributeType == .typeRegular else {
            throw GGUFError("\(url.path): \(attributes == nil ? "no such file" : "not a regular file")")
        }
        do {
            try self.init(Data(contentsOf: url, options: .alwaysMapped), source: url.path)
        } catch let error as GGUFError {
            throw error
        } catch {
            throw GGUFError("\(url.path): cannot be read; it must be a readable file")
        }
    }
}

// MARK: - Values

extension GGUFHeader {
    /// An error about a key.
    package func fail(_ key: String, _ reason: String) -> GGUFError { GGUFError("\(source): \(key): \(reason)") }

    /// A whole number; nil where there is none. Throws where the value is something else.
    package func integer(_ key: String) throws -> Int? {
        switch metadata[key] {
        case nil: return nil
        case .integer(let number)?: return number
        case let value?: throw fail(key, "\(value.kind), where a whole number is needed")
        }
    }

    /// A number; nil where there is none. Throws where the value is something else.
    package func number(_ key: String) throws -> Double? {
        switch metadata[key] {
        case nil: return nil
        case .integer(let number)?: return Double(number)
        case .number(let number)?: return number
        case let value?: throw fail(key, "\(value.kind), where a number is needed")
        }
    }

    /// A text; nil where there is none. Throws where the value is something else.
    package func string(_ key: String) throws -> String? {
        switch metadata[key] {
        case nil: return nil
        case .string(let text?)?: return text
        case let value?: throw fail(key, "\(value.kind), where a text is needed")
        }
    }

    /// True or false; nil where there is neither. Throws where the value is something else.
    package func bool(_ key: String) throws -> Bool? {
        switch metadata[key] {
        case nil: return nil
        case .bool(let flag)?: return flag
        case let value?: throw fail(key, "\(value.kind), where true or false is needed")
        }
    }

    private func array(_ key: String) throws -> GGUFArray? {
        switch metadata[key] {
        case nil: return nil
        case .array(let array)?: return array
        case let value?: throw fail(key, "\(value.kind), where a list is needed")
        }
    }

    /// The texts of a list as bytes, which need not be UTF-8; nil where there is no list. Throws where it holds something else.
    package func strings(_ key: String) throws -> [[UInt8]]? {
        guard let array = try array(key) else { return nil }
        guard array.type == .string else { throw fail(key, "a list of texts is needed") }
        return try bytes.withUnsafeBytes { bytes in
            var cursor = GGUFCursor(bytes, source: source, offset: array.range.lowerBound)
            return try (0..<array.count).map { _ in Array(try cursor.text(key)) }
        }
    }

    /// The numbers of a list, true counted as one; nil where there is no list. Throws where it holds texts or lists.
    package func numbers(_ key: String) throws -> [Double]? {
        guard let array = try array(key) else { return nil }
        return try bytes.withUnsafeBytes { bytes in
            var cursor = GGUFCursor(bytes, source: source, offset: array.range.lowerBound)
            return try (0..<array.count).map { _ in
                guard array.type != .string, array.type != .array else {
                    throw fail(key, "a list of numbers is needed")
                }
                switch try cursor.value(array.type, key) {
                case .integer(let number): return Double(number)
                case .number(let number): return number
                case .bool(let flag): return flag ? 1 : 0
                case .string, .array: throw fail(key, "a list of numbers is needed")
                }
            }
        }
    }

    /// Whether a key holds a list.
    package func holdsList(_ key: String) -> Bool { if case .array? = metadata[key] { true } else { false } }
}
