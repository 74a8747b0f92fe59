import Foundation
import LanguageModel
import TestSupport
import Testing

@Suite("Finding models")
struct ModelLocationTests {
    /// A cache with org/name at a revision, below `hub`.
    private func makeCache(_ hub: URL, revision: String = "abc") throws {
        let repository = hub.appending(path: "models--org--name")
        for path in ["snapshots/abc", "refs"] {
            try FileManager.default.createDirectory(
                at: repository.appending(path: path), withIntermediateDirectories: true)
        }
        try Data(revision.utf8).write(to: repository.appending(path: "refs/main"))
    }

    @Test("A folder is taken as it is, before the cache is asked")
    func folder() throws {
        let scratch = try Scratch()
        #expect(try ModelLocation.resolve(scratch.url.path, environment: [:]).path == scratch.url.path)
    }

    @Test(
        "The cache is where the environment says",
        arguments: [
            ("HF_HUB_CACHE", ""), ("HF_HOME", "hub"), ("HOME", ".cache/huggingface/hub"),
        ])
    func cache(variable: String, hub: String) throws {
        let scratch = try Scratch()
        try makeCache(hub.isEmpty ? scratch.url : scratch.path(hub))
        let found = try ModelLocation.resolve("org/name", environment: [variable: scratch.url.path])
        #expect(found.path.hasSuffix("models--org--name/snapshots/abc"))
    }

    @Test(
        "The cache's place is the one that huggingface_hub works out",
        arguments: [
            // From huggingface_hub.constants.HF_HUB_CACHE under the same environment, with HOME=/h.
            ([:], "/h/.cache/huggingface/hub"), (["XDG_CACHE_HOME": "/x"], "/x/huggingface/hub"),
            (["HF_HOME": "~/m"], "/h/m/hub"), (["HF_HOME": "$A/m", "A": "/a"], "/a/m/hub"),
            (["HF_HOME": "/m/", "XDG_CACHE_HOME": "/x"], "/m/hub"), (["HUGGINGFACE_HUB_CACHE": "~/u"], "/h/u"),
            (["HUGGINGFACE_HUB_CACHE": "/u", "HF_HUB_CACHE": "/c"], "/c"),
            (["HF_HUB_CACHE": "${A}b/$B", "A": "/a"], "/ab/$B"),
            (["HUGGINGFACE_HUB_CACHE": "/u", "HF_HOME": "/m"], "/u"),
            (["XDG_CACHE_HOME": "~/x"], "/h/x/huggingface/hub"),
            (["HF_HUB_CACHE": "~"], "/h"), (["HF_HUB_CACHE": "/a~/b"], "/a~/b"),
            (["HF_HOME": "~nobody-here/m"], "~nobody-here/m/hub"),
        ])
    func places(variables: [String: String], place: String) {
        let found = ModelLocation.cache(environment: variables.merging(["HOME": "/h"]) { $1 }).path
        #expect(found == URL(fileURLWithPath: place).path)
    }

    @Test("Without a reference to main, a snapshot of that name is taken")
    func snapshotByName() throws {
        let scratch = try Scratch()
        let snapshot = scratch.path("models--org--name/snapshots/main")
        try FileManager.default.createDirectory(at: snapshot, withIntermediateDirectories: true)
        let found = try ModelLocation.resolve("org/name", environment: ["HF_HUB_CACHE": scratch.url.path])
        #expect(found.path.hasSuffix("snapshots/main"))
    }

    @Test(
        "A revision is a branch or tag that the cache knows, or a commit",
        arguments: ["v2", "refs/pr/3", "abc", "main"])
    func namedRevision(revision: String) throws {
        let scratch = try Scratch()
        try makeCache(scratch.url)
        for name in ["v2", "refs/pr/3"] {
            let file = scratch.path("models--org--name/refs/\(name)")
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data("abc".utf8).write(to: file)
        }
        let environment = ["HF_HUB_CACHE": scratch.url.path]
        #expect(
            try ModelLocation.resolve("org/name@\(revision)", environment: environment).path
                .hasSuffix("models--org--name/snapshots/abc"))
        for other in ["v3", "", "..", "refs/../../x", "/"] {
            let error = #expect(throws: ModelError.self) {
                try ModelLocation.resolve("org/name@\(other)", environment: environment)
            }
            #expect(error?.description.contains("org/name@\(other)") == true)
        }
    }

    @Test("A GGUF file of a repository is named behind a colon")
    func fileInCache() throws {
        let scratch = try Scratch()
        try makeCache(scratch.url)
        let environment = ["HF_HUB_CACHE": scratch.url.path]
        let file = scratch.path("models--org--name/snapshots/abc/m.Q8_0.gguf")
        try Data("GGUF".utf8).write(to: file)
        #expect(try ModelLocation.resolve("org/name:m.Q8_0.gguf", environment: environment) == file)
        for name in ["org/name:n.gguf", "org/name:../abc/m.Q8_0.gguf", "org/name:"] {
            #expect(throws: ModelError.self) { try ModelLocation.resolve(name, environment: environment) }
        }
    }

    @Test("HF_HUB_CACHE comes before HF_HOME")
    func precedence() throws {
        let scratch = try Scratch()
        try makeCache(scratch.path("a"))
        let environment = ["HF_HUB_CACHE": scratch.path("a").path, "HF_HOME": scratch.path("b").path]
        #expect(try ModelLocation.resolve("org/name", environment: environment).path.hasPrefix(scratch.path("a").path))
    }

    @Test(
        "A revision that is not there, or that leads elsewhere, is not followed",
        arguments: ["def", "../..", "", ".", ".."])
    func revision(text: String) throws {
        let scratch = try Scratch()
        try makeCache(scratch.url, revision: text)
        #expect(throws: ModelError.self) {
            try ModelLocation.resolve("org/name", environment: ["HF_HUB_CACHE": scratch.url.path])
        }
    }

    @Test(
        "Names that are no names are not looked up", arguments: ["../name", "org/..", "a/b/c", "/name", "org/", "~a/b"])
    func noName(name: String) throws {
        let error = #expect(throws: ModelError.self) {
            try ModelLocation.resolve(name, environment: ["HF_HUB_CACHE": "/none"])
        }
        #expect(error?.description.contains("/none") == false)
    }
}
