import Foundation
import Testing

/// The memory of tensors is opaque but in the folder `Kernels`, so that a device with memory of its own can be a second implementation of
/// what stands there. `Buffer` and `MemoryPool` own this machine's memory; `Machine` asks the kernels about the computer.
@Suite("The seam between operations and memory")
struct SeamTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Paths of the Swift sources, relative to the package, with their lines without comments.
    private static func sources(_ folders: [String]) throws -> [(path: String, lines: [(number: Int, text: String)])] {
        try folders.flatMap { folder in
            let url = root.appendingPathComponent(folder)
            let files = try #require(FileManager.default.enumerator(at: url, includingPropertiesForKeys: nil))
            return try files.compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }.map { file in
                let lines = try String(contentsOf: file, encoding: .utf8).split(
                    separator: "\n", omittingEmptySubsequences: false)
                return (
                    String(file.path.dropFirst(root.path.count + 1)),
                    lines.enumerated().map { ($0.offset + 1, $0.element.components(separatedBy: "//")[0]) }
                )
            }
        }
    }

    /// `path:line` of the lines that an expression is found in, of files outside `allowed`, which are files, or folders with a slash.
    private static func places(
        _ expression: String, in folders: [String], allowed: [String]
    ) throws -> [String] {
        let expression = try Regex(expression)
        return try sources(folders).filter { source in
            !allowed.contains { $0.hasSuffix("/") ? source.path.hasPrefix($0) : source.path == $0 }
        }.flatMap { source in
            source.lines.filter { $0.text.contains(expression) }.map { "\(source.path):\($0.number)" }
        }
    }

    @Test("Kernels are called in one folder")
    func kernels() throws {
        let allowed = [
            "Sources/Tensors/Kernels/", "Sources/Tensors/Machine.swift", "Sources/Tensors/MemoryPool.swift",
        ]
        let found = try Self.places(
            #"^\s*(@\w+\s+)*import\s+CKernels\b"#, in: ["Sources", "Benchmarks", "Examples"], allowed: allowed)
        #expect(found == [])
        // The search finds what is there.
        #expect(try Self.places(#"import\s+CKernels\b"#, in: ["Sources/Tensors"], allowed: []).count >= allowed.count)
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
}
