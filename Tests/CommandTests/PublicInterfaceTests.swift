import Foundation
import TestSupport
import Testing

@Suite("Public interface")
struct PublicInterfaceTests {
    private static let root = goldens.deletingLastPathComponent().deletingLastPathComponent()
    private static let pages = root.appending(path: "docs/api")

    /// The compiler that the lists were made with: another may write the same declaration otherwise.
    private static let compiler = pages.appending(path: "compiler")

    /// The symbol graphs of all products, from the build that this test is of.
    private func graphs(_ folder: URL) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = [Self.root.appending(path: "Scripts/symbol-graphs.sh").path, folder.path]
        let build = try builtExecutable().deletingLastPathComponent()
        process.environment = ProcessInfo.processInfo.environment.merging(["INTERLINEAR_BUILD": build.path]) { $1 }
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "no symbol graphs")
    }

    private func modules(_ folder: URL) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).compactMap { name in
            name.hasSuffix(".symbols.json") && !name.contains("@")
                ? String(name.dropLast(".symbols.json".count)) : nil
        }.sorted()
    }

    /// Written anew, in place of being compared, where INTERLINEAR_WRITE_API is set (`make api`).
    @Test("docs/api lists what the products declare publicly")
    func listsAreCurrent() throws {
        try withScratch { folder in
            try graphs(folder)
            let modules = try modules(folder), version = try compiler(of: modules[0], in: folder)
            let isWriting = ProcessInfo.processInfo.environment["INTERLINEAR_WRITE_API"] != nil
            let known = try? String(contentsOf: Self.compiler, encoding: .utf8)
            guard isWriting || known == version + "\n" else { return }
            for module in modules {
                let interface = try PublicInterface(of: module, in: folder)
                let place = Self.pages.appending(path: "\(module).txt")
                if isWriting {
                    try interface.text.write(to: place, atomically: true, encoding: .utf8)
                    continue
                }
                let listed = try String(contentsOf: place, encoding: .utf8)
                let difference = interface.lines.difference(from: listed.split(separator: "\n").map(String.init))
                let changes = difference.prefix(5).map { change in
                    switch change {
                    case .insert(_, let line, _): "+ \(line)"
                    case .remove(_, let line, _): "- \(line)"
                    }
                }
                #expect(
                    difference.isEmpty,
                    "the public API of \(module) has changed; make api writes docs/api anew: \(changes.joined(separator: "; "))"
                )
            }
            if isWriting { try (version + "\n").write(to: Self.compiler, atomically: true, encoding: .utf8) }
            let files = try FileManager.default.contentsOfDirectory(atPath: Self.pages.path)
            #expect(files.filter { $0.hasSuffix(".txt") }.sorted() == modules.map { "\($0).txt" }, "one list a product")
        }
    }

    private func compiler(of module: String, in folder: URL) throws -> String {
        let graph = try Data(contentsOf: folder.appending(path: "\(module).symbols.json"))
        let match = try #require(
            String(decoding: graph, as: UTF8.self).firstMatch(of: #/"generator":\s*"([^"]+)"/#))
        return String(match.1)
    }
}
