import Foundation
import JSON

/// What a module declares publicly, from its symbol graphs: a line for each declaration and conformance.
///
///     Checkpoint.init(folder:): init(folder: URL) throws
///     ModelError: Error
struct PublicInterface {
    /// Its lines, sorted.
    let lines: [String]

    /// Conformances that the compiler adds by itself, and differently from version to version.
    private static let implied: Set<String> = ["Copyable", "Escapable", "SendableMetatype", "BitwiseCopyable"]

    /// Reads the graphs of a module: its own, and those of its extensions of other modules' types.
    init(of module: String, in folder: URL) throws {
        var lines: Set<String> = []
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path)
        where name.hasPrefix("\(module).symbols") || name.hasPrefix("\(module)@") {
            let graph = try JSONValue.parse(Data(contentsOf: folder.appending(path: name)))
            var paths: [String: String] = [:]
            for symbol in graph["symbols"]?.array ?? [] {
                let path = (symbol["pathComponents"]?.array ?? []).compactMap(\.string).joined(separator: ".")
                let words = (symbol["declarationFragments"]?.array ?? []).compactMap { $0["spelling"]?.string }
                lines.insert("\(path): \(words.joined().split(whereSeparator: \.isNewline).joined(separator: " "))")
                if let identifier = symbol["identifier"]?["precise"]?.string { paths[identifier] = path }
            }
            for relation in graph["relationships"]?.array ?? [] where relation["kind"]?.string == "conformsTo" {
                guard let source = relation["source"]?.string, let path = paths[source],
                    let target = relation["target"]?.string.flatMap({ paths[$0] })
                        ?? relation["targetFallback"]?.string?.split(separator: ".").last.map(String.init),
                    !PublicInterface.implied.contains(target)
                else { continue }
                lines.insert("\(path): \(target)")
            }
        }
        self.lines = lines.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// The file.
    var text: String { lines.map { $0 + "\n" }.joined() }
}
