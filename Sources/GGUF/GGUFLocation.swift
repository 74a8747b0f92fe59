import Foundation

/// Which GGUF file a path stands for, and which files are its parts.
///
/// A large model may be split over files that are called `name-00001-of-00003.gguf`; the first one has the metadata.
package enum GGUFLocation {
    /// The GGUF file behind a path: the path itself where it is one, or the only one in a folder that has no safetensors. Of a model in
    /// parts it is the first. Nil where there is none. Projectors of vision models (`mmproj…`) do not count.
    ///
    /// - Throws: ``GGUFError`` where a folder holds several.
    package static func file(_ url: URL) throws -> URL? {
        var isFolder: ObjCBool = false
        let files = FileManager.default
        guard files.fileExists(atPath: url.path, isDirectory: &isFolder) else { return nil }
        guard isFolder.boolValue else { return isGGUF(url) ? first(of: url) : nil }
        for name in ["model.safetensors", "model.safetensors.index.json"]
        where files.fileExists(atPath: url.appendingPathComponent(name).path) {
            return nil
        }
        let names = ((try? files.contentsOfDirectory(atPath: url.path)) ?? []).filter {
            let name = $0.lowercased()
            return name.hasSuffix(".gguf") && !name.hasPrefix("mmproj")
        }
        let models = Set(names.map { part($0).map { $0.name(1) } ?? $0 }).sorted()
        guard models.count <= 1 else {
            throw GGUFError(
                "\(url.path): holds \(models.count) models in GGUF (\(models.prefix(4).joined(separator: ", "))\(models.count > 4 ? ", …" : "")); name one of these files"
            )
        }
        return models.first.map { url.appendingPathComponent($0) }
    }

    /// Whether a file says that it is GGUF, by its name or its first bytes.
    private static func isGGUF(_ url: URL) -> Bool {
        if url.pathExtension.lowercased() == "gguf" { return true }
        // A pipe would be waited for.
        let type = try? FileManager.default.attributesOfItem(atPath: url.resolvingSymlinksInPath().path)[.type]
        guard type as? FileAttributeType == .typeRegular, let file = try? FileHandle(forReadingFrom: url) else {
            return false
        }
        defer { try? file.close() }
        return (try? file.read(upToCount: 4)) == Data("GGUF".utf8)
    }

    /// The first part of the model that a file is a part of; the file itself where it is all of it.
    private static func first(of url: URL) -> URL {
        guard let part = part(url.lastPathComponent) else { return url }
        return url.deletingLastPathComponent().appendingPathComponent(part.name(1))
    }

    /// All parts of a model, the first one first; the file alone where it is all of it.
    ///
    /// - Throws: ``GGUFError`` that names the parts that are missing.
    package static func parts(_ url: URL) throws -> [URL] {
        guard let part = part(url.lastPathComponent) else { return [url] }
        let folder = url.deletingLastPathComponent()
        let all = (1...part.count).map { folder.appendingPathComponent(part.name($0)) }
        let missing = all.filter { !FileManager.default.fileExists(atPath: $0.path) }.map(\.lastPathComponent)
        guard missing.isEmpty else {
            throw GGUFError(
                "\(url.path): \(missing.count) of \(part.count) parts are missing from the folder (\(missing.prefix(4).joined(separator: ", "))\(missing.count > 4 ? ", …" : "")); download them"
            )
        }
        return all
    }

    /// The parts' common name and their number, read from one part's name; nil for a file that is no part.
    private static func part(_ name: String) -> (name: (Int) -> String, count: Int)? {
        guard let match = name.wholeMatch(of: /(.*)-([0-9]{5})-of-([0-9]{5})(\.gguf)/.ignoresCase()),
            let number = Int(match.2), let count = Int(match.3), count > 0, (1...count).contains(number)
        else { return nil }
        func padded(_ number: Int) -> String { String(String(100_000 + number).dropFirst()) }
        return ({ "\(match.1)-\(padded($0))-of-\(padded(count))\(match.4)" }, count)
    }
}
