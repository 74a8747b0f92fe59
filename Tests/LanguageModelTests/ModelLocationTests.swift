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
