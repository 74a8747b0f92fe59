import Foundation
import JSON

/// Files that are handed to developers but are no part of the project; tests that need them skip without.
enum SharedFiles {
    /// The folder: `$INTERLINEAR_SHARED`, or `shared` beside the package.
    static let folder: URL = {
        if let path = ProcessInfo.processInfo.environment["INTERLINEAR_SHARED"] { return URL(filePath: path) }
        return packageFolder.deletingLastPathComponent().appending(path: "shared")
    }()

    static let packageFolder = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static func exist(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: folder.appending(path: path).path)
    }

    static func document(_ path: String) throws -> JSONValue {
        try JSONValue.parse(Data(contentsOf: folder.appending(path: path)))
    }

    static func text(_ path: String) throws -> String {
        String(decoding: try Data(contentsOf: folder.appending(path: path)), as: UTF8.self)
    }
}

/// Our own goldens, which Tests/Goldens/tokenization/make_goldens.py wrote.
enum Goldens {
    static func document(_ name: String) throws -> JSONValue {
        try JSONValue.parse(
            Data(contentsOf: SharedFiles.packageFolder.appending(path: "Tests/Goldens/tokenization/\(name)")))
    }
}
