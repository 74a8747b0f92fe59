import Foundation

/// Symbolic links that say the way from where they stand, so that what they join may be moved together.
package enum RelativeLink {
    /// Writes a link to an existing file or folder. Links on the way are followed first, so that none of them is needed later.
    ///
    /// - Throws: a `CocoaError` where no link can be written.
    package static func write(at link: URL, to destination: URL) throws {
        let folder = components(link.deletingLastPathComponent()), end = components(destination)
        let shared = zip(folder, end).prefix { $0 == $1 }.count
        let way = [String](repeating: "..", count: folder.count - shared) + end[shared...]
        try FileManager.default.createSymbolicLink(
            atPath: link.path, withDestinationPath: way.isEmpty ? "." : way.joined(separator: "/"))
    }

    private static func components(_ url: URL) -> [String] {
        // Foundation leaves a path alone whose end it cannot resolve; this one exists.
        let path = url.path.withCString { realpath($0, nil) }
        defer { free(path) }
        return (path.map { String(cString: $0) } ?? url.standardizedFileURL.path).split(separator: "/").map(String.init)
    }
}
