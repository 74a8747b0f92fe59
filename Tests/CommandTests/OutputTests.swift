import Foundation
import TestSupport
import Testing

@Suite("Output that cannot be written")
struct OutputTests {
    private func refuse(_ output: String, mentioning words: [String]) throws {
        try Command.fail(
            ["extract", "--model", Folders.model("llama").path, "--ids", "1", "--output", output],
            mentioning: ["cannot write"] + words)
    }

    @Test("A missing folder is named")
    func missingFolder() throws {
        try withScratch { folder in
            let missing = folder.appending(path: "none")
            try refuse(missing.appending(path: "o.safetensors").path, mentioning: [missing.path])
            #expect(!FileManager.default.fileExists(atPath: missing.path))
        }
    }

    @Test("A folder is no file to write")
    func folder() throws {
        try withScratch { folder in
            let target = folder.appending(path: "target")
            try FileManager.default.createDirectory(at: target, withIntermediateDirectories: false)
            try refuse(target.path, mentioning: [target.path, "folder"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["target"])
        }
    }

    @Test("A file is no folder to write in")
    func file() throws {
        try withScratch { folder in
            let file = folder.appending(path: "file")
            try Folders.write("kept", to: file)
            try refuse(file.appending(path: "o.safetensors").path, mentioning: [file.path])
            #expect(try String(contentsOf: file, encoding: .utf8) == "kept")
        }
    }

    @Test("A pipe is left alone: it would be replaced by a file")
    func pipe() throws {
        try withScratch { folder in
            let pipe = folder.appending(path: "pipe").path
            #expect(mkfifo(pipe, 0o600) == 0)
            try refuse(pipe, mentioning: [pipe, "regular"])
            #expect(try FileManager.default.attributesOfItem(atPath: pipe)[.type] as? FileAttributeType != .typeRegular)
        }
    }

    @Test("A read-only folder is named", .enabled(if: getuid() != 0, "root may write everywhere"))
    func readOnly() throws {
        try withScratch { folder in
            let locked = folder.appending(path: "locked")
            try FileManager.default.createDirectory(
                at: locked, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o555])
            try refuse(locked.appending(path: "o.safetensors").path, mentioning: [locked.path])
            #expect(try FileManager.default.contentsOfDirectory(atPath: locked.path).isEmpty)
        }
    }

    @Test("A name too long for the file system is refused")
    func longName() throws {
        try withScratch { folder in
            try refuse(folder.appending(path: String(repeating: "x", count: 250)).path, mentioning: ["too long"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
        }
    }

    @Test("No name is no file")
    func empty() throws { try refuse("", mentioning: []) }

    @Test("A failed extraction keeps the file that was there")
    func kept() throws {
        try withScratch { folder in
            let output = folder.appending(path: "o.safetensors")
            try Folders.write("kept", to: output)
            try Command.fail(
                ["extract", "--model", Folders.model("llama").path, "--ids", "99", "--output", output.path],
                mentioning: ["vocabulary"])
            #expect(try String(contentsOf: output, encoding: .utf8) == "kept")
        }
    }
}
