import Foundation
import Testing

/// The memory of tensors is opaque but in the folder `Kernels`, so that a device with memory of its own can be a second implementation of
/// what stands there. `Buffer` and `MemoryPool` own this machine's memory; `Machine` asks the kernels about the computer.
@Suite("The seam between operations and memory")
struct SeamTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// `path:line` of the lines, without comments, in which an expression is found, of Swift files outside `allowed`: files, or folders with a
    /// slash.
    private static func places(_ expression: String, in folders: [String], allowed: [String]) throws -> [String] {
        let expression = try NSRegularExpression(pattern: expression)
        func holds(_ text: String) -> Bool {
            expression.firstMatch(in: text, range: NSRange(text.startIndex..., in: text)) != nil
        }
        var found: [String] = []
        for folder in folders {
            let url = root.appendingPathComponent(folder)
            for case let file as URL in try #require(
                FileManager.default.enumerator(at: url, includingPropertiesForKeys: nil))
            {
                let path = String(file.path.dropFirst(root.path.count + 1))
                guard file.pathExtension == "swift",
                    !allowed.contains(where: { $0.hasSuffix("/") ? path.hasPrefix($0) : path == $0 })
                else { continue }
                let text = try String(contentsOf: file, encoding: .utf8)
                // Few files have any.
                guard holds(text) else { continue }
                for (number, line) in text.components(separatedBy: "\n").enumerated()
                where holds(line.components(separatedBy: "//")[0]) {
                    found.append("\(path):\(number + 1)")
                }
            }
        }
        return found
    }

    @Test("Kernels are called in one folder")
    func kernels() throws {
        let allowed = [
            "Sources/Tensors/Kernels/", "Sources/Tensors/Machine.swift", "Sources/Tensors/MemoryPool.swift",
        ]
        let found = try Self.places(
            #"\bimport\s+CKernels\b"#, in: ["Sources", "Benchmarks", "Examples"], allowed: allowed)
        #expect(found == [])
        // The search finds what is there.
        #expect(try Self.places(#"\bimport\s+CKernels\b"#, in: ["Sources/Tensors"], allowed: []).count >= allowed.count)
    }

    @Test("The address of a tensor's memory is used in one folder")
    func addresses() throws {
        let expression = #"\.address\b|\bfloatAddress\b|Unsafe\w*Pointer|assumingMemoryBound|unsafeBitCast"#
        let allowed = [
            "Sources/Tensors/Kernels/", "Sources/Tensors/Buffer.swift", "Sources/Tensors/MemoryPool.swift",
            // Bytes on their way into a file, of whatever they are.
            "Sources/Tensors/SafetensorsFile+Writing.swift",
        ]
        #expect(try Self.places(expression, in: ["Sources/Tensors"], allowed: allowed) == [])
        #expect(try Self.places(expression, in: ["Sources/Tensors"], allowed: []).count > 50)
    }

    @Test("What gives the address of a tensor's memory stays inside its module")
    func access() throws {
        let expression = #"\b(public|package|open)\b.*(Unsafe\w*Pointer|OpaquePointer)"#
        // A file takes bytes, and knows no tensors.
        let allowed = ["Sources/Tensors/SafetensorsFile+Writing.swift"]
        #expect(try Self.places(expression, in: ["Sources/Tensors"], allowed: allowed) == [])
        #expect(try Self.places(expression, in: ["Sources/Tensors"], allowed: []).count == 1)
    }

    /// CONTRIBUTING.md, "How to add a storage": a file that is named is there, and so is a name in its table.
    @Test("The page on storages names what there is")
    func page() throws {
        let text = try String(contentsOf: Self.root.appendingPathComponent("CONTRIBUTING.md"), encoding: .utf8)
        let section = try #require(text.components(separatedBy: "\n## ").first { $0.hasPrefix("How to add a storage") })
        // Names stand between backquotes: every second piece.
        let names = section.components(separatedBy: "`").enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
        #expect(names.count > 40)
        var files: [String] = [], sources = ""
        for folder in ["Sources", "Tests", "Scripts", "docs"] {
            let url = Self.root.appendingPathComponent(folder)
            for case let file as URL in try #require(
                FileManager.default.enumerator(at: url, includingPropertiesForKeys: nil))
            {
                files.append(file.path)
                guard
                    [
                        "CKernels", "Tensors", "GGUF", "Quantization", "KernelChecks", "TensorsTests",
                        "LanguageModelTests",
                    ]
                    .contains(file.deletingLastPathComponent().lastPathComponent)
                        || file.lastPathComponent == "CKernels.h",
                    ["swift", "c", "h"].contains(file.pathExtension)
                else { continue }
                sources += try String(contentsOf: file, encoding: .utf8)
            }
        }
        for name in names where !name.contains("Name.") {
            if ["swift", "c", "h", "py", "sh", "md", "json"].contains((name as NSString).pathExtension) {
                #expect(files.contains { $0.hasSuffix("/" + name) }, "no file \(name)")
            } else {
                // `make api`, `init`, `matrix(of:)`, `CK_IQ4_NL_CODES = 2`, `Quantization.known`.
                let word = name.components(separatedBy: "(")[0].components(separatedBy: ".").last ?? name
                #expect(name.hasPrefix("make ") || sources.contains(word), "nothing called \(name)")
            }
        }
    }
}
