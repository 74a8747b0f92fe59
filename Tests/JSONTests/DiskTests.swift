import Foundation
import JSON
import Synchronization
import Testing

@Suite("What is written to disk")
struct DiskTests {
    private func withFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "disk-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }

    private final class Seen: Sendable {
        private let events = Mutex<[Disk.Event]>([])
        var all: [Disk.Event] { events.withLock { $0 } }
        func add(_ event: Disk.Event) { events.withLock { $0.append(event) } }
    }

    private func events(_ folder: URL, _ body: () throws -> Void) throws -> [Disk.Event] {
        let seen = Seen()
        try Disk.observing(folder, { seen.add($0) }, body)
        return seen.all
    }

    @Test("A file is synchronized before it gets its name, and its folder after")
    func file() throws {
        try withFolder { folder in
            let file = folder.appending(path: "file")
            let seen = try events(folder) { try Disk.write(Data("bytes".utf8), to: file) }
            #expect(seen.count == 3 && seen.first == .file(file.path) && seen.last == .folder(folder.path))
            guard case .renamed(let from, let to) = seen[1] else { Issue.record("\(seen)"); return }
            #expect(to == file.path && from.hasPrefix(file.path) && from.hasSuffix(".partial"))
            #expect(try Data(contentsOf: file) == Data("bytes".utf8))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["file"])
        }
    }

    @Test("Of folders that are made each is synchronized in the folder that it lies in")
    func folders() throws {
        try withFolder { folder in
            let root = folder.path
            let seen = try events(folder) { try Disk.makeFolder(folder.appending(path: "a/b")) }
            #expect(seen == [.made(root + "/a"), .folder(root), .made(root + "/a/b"), .folder(root + "/a")])
            #expect(try events(folder) { try Disk.makeFolder(folder.appending(path: "a/b")) }.isEmpty)
        }
    }

    @Test("A copy of a folder is on disk with all that is in it")
    func copy() throws {
        try withFolder { folder in
            let source = folder.appending(path: "source"), copy = folder.appending(path: "copy")
            try FileManager.default.createDirectory(
                at: source.appending(path: "inner"), withIntermediateDirectories: true)
            for name in ["x", "inner/y"] { try Data(name.utf8).write(to: source.appending(path: name)) }
            let seen = try events(folder) { try Disk.copy(source, to: copy) }, root = copy.path
            #expect(seen.count { if case .file = $0 { true } else { false } } == 2)
            #expect(seen.contains(.folder(root + "/inner")) && seen.last == .folder(root))
            #expect(try Data(contentsOf: copy.appending(path: "inner/y")) == Data("inner/y".utf8))
        }
    }

    @Test("What cannot be written leaves nothing behind and says where, in one line")
    func refusals() throws {
        try withFolder { folder in
            let file = folder.appending(path: "file")
            struct Stop: Error {}
            #expect(throws: Stop.self) { try Disk.write(to: file) { _ in throw Stop() } }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
            try Data().write(to: file)
            for body in [
                { try Disk.write(Data(), to: folder.appending(path: "missing/file")) },
                { try Disk.makeFolder(folder.appending(path: "file/inner")) },
                { try Disk.makeFolder(folder.appending(path: "no/inner"), withMissing: false) },
                { try Disk.copy(folder.appending(path: "nothing"), to: folder.appending(path: "copy")) },
            ] as [() throws -> Void] {
                let error = #expect(throws: Disk.Failure.self) { try body() }
                let line = error?.description ?? ""
                #expect(line.hasPrefix(folder.path) && !line.contains("\n"), "\(line)")
                // Whoever passes it on does not lose the reason.
                if let error { #expect(Disk.Failure(error, writing: "elsewhere").description == line) }
            }
        }
    }

    /// A new file, link or folder that does not go through `Disk` may be lost with the power.
    @Test("Nothing else in the sources renames, makes folders or writes files with Foundation")
    func sources() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Sources")
        let forbidden = [
            "options: .atomic", "createDirectory(", ".moveItem(", "replaceItem", "fsync(", "mkdir(", "copyItem(",
        ]
        var found: [String] = []
        for case let file as URL in try #require(
            FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil))
        where file.pathExtension == "swift" && file.lastPathComponent != "Disk.swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            for word in forbidden where text.contains(word) { found.append("\(file.lastPathComponent): \(word)") }
        }
        #expect(found.isEmpty, "\(found)")
    }
}
