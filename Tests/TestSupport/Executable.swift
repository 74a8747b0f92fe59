import Foundation

/// No executable lies where it is built.
public struct MissingExecutable: Error, CustomStringConvertible {
    public let description = "no executable nla beside the test bundle"
}

/// The `nla` that was built beside the test bundle.
public func builtExecutable() throws -> URL {
    let starts = [Bundle.main.bundleURL, URL(fileURLWithPath: CommandLine.arguments[0]), Bundle.main.executableURL]
    for start in starts.compactMap({ $0 }) {
        var folder = start.standardizedFileURL
        while folder.path != "/" {
            let candidate = folder.appending(path: "nla")
            var isFolder: ObjCBool = false
            let isThere = FileManager.default.fileExists(atPath: candidate.path, isDirectory: &isFolder)
            if isThere, !isFolder.boolValue, FileManager.default.isExecutableFile(atPath: candidate.path) {
                return candidate
            }
            folder.deleteLastPathComponent()
        }
    }
    throw MissingExecutable()
}
