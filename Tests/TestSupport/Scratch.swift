import Foundation

/// A folder that is removed when the last use of it ends.
public final class Scratch {
    /// The folder.
    public let url: URL

    /// Makes a folder of its own.
    public init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "nla-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// A path inside it.
    public func path(_ name: String) -> URL { url.appending(path: name) }

    /// A copy of a folder, to be damaged.
    public func copy(_ folder: URL) throws -> URL {
        let copy = path(folder.lastPathComponent)
        try FileManager.default.copyItem(at: folder, to: copy)
        return copy
    }
}

/// Calls `body` with a new folder and removes it afterwards.
@discardableResult
public func withScratch<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let scratch = try Scratch()
    return try withExtendedLifetime(scratch) { try body(scratch.url) }
}
