import Foundation
import JSON
import TestSupport
import Testing

/// What `Scripts/screenshots.sh` asks for.
private enum Pictures {
    /// Where they go.
    static let folder = ProcessInfo.processInfo.environment["INTERLINEAR_SCREENSHOTS"].map { URL(fileURLWithPath: $0) }
    /// A folder of training runs to show one of.
    static let runs = ProcessInfo.processInfo.environment["INTERLINEAR_RUNS"]
    /// None is larger, in bytes.
    static let limit = 300_000
}

/// The README's pictures, made from the running studio by `Scripts/screenshots.sh`.
@Suite(
    "Screenshots", .serialized, .sharesBrowser,
    .enabled(if: Pictures.folder != nil && Driver.installed != nil, "Scripts/screenshots.sh runs this"))
struct Screenshots {
    private func take(_ name: String, _ browser: Browser) async throws {
        let folder = try #require(Pictures.folder)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        // A caret that blinks and a mouse that rests on something belong in no picture.
        try await browser.run("document.activeElement?.blur()")
        let image = try await browser.screenshot()
        #expect(image.count < Pictures.limit, "\(name).png has \(image.count) bytes")
        try image.write(to: folder.appending(path: "\(name).png"))
    }

    /// Has the text explained that is there already, and a token chosen.
    private func readExample(_ browser: Browser) async throws {
        try await browser.click("#explain")
        try await browser.waitUntilExplained()
        try await browser.clickToken(try await browser.lastToken("kept"))
        try await browser.wait(until: "the panel shows a sample", "document.querySelector('.panel .sample')")
    }

    @Test(
        "A reading, in the light, in the dark, and on a phone", arguments: ["reading", "reading-dark", "reading-phone"])
    func reading(name: String) async throws {
        var look = Browser.Look(width: 1280, height: 860, prefersDark: name.hasSuffix("dark"))
        if name.hasSuffix("phone") { look = Browser.Look(width: 360, height: 780, scale: 2) }
        try await withStudio(look) { browser, _, _ in
            try await readExample(browser)
            if look.width > 600 {
                try await browser.click("#draw")
                try await browser.wait(
                    until: "four samples stand side by side",
                    "document.querySelector('.side-by-side')?.children.length === 4 && !document.querySelector('#stop')"
                )
                try await browser.run("scrollTo(0, 0)")
            }
            try await take(name, browser)
        }
    }

    @Test("Words that were changed, and what they do to the model")
    func steering() async throws {
        try await withStudio(Browser.Look(width: 1280, height: 1180)) { browser, _, _ in
            try await browser.explain(Browser.saddle)
            try await browser.clickToken(try await browser.lastToken("was"))
            try await browser.click("#tab-edit")
            try await browser.type(Browser.saddleChanged, into: "#edit-words")
            try await browser.wait(until: "the changed words are scored", "document.querySelector('.verdict')")
            try await browser.click("#push")
            try await browser.wait(
                until: "all four variants are written",
                "document.querySelectorAll('.variant').length === 4 && !document.querySelector('.variants[aria-busy]')")
            try await browser.run("scrollTo(0, 0)")
            try await take("steer", browser)
        }
    }

    @Test("The library, searched")
    func library() async throws {
        try await withStudio(Browser.Look(width: 1280, height: 720)) { browser, _, _ in
            try await browser.explain(Browser.story)
            try await browser.click("nav [data-view=read]")
            try await browser.explain(Browser.couplet)
            try await browser.click("nav [data-view=library]")
            try await browser.type("rhyme", into: "input[type=search]")
            try await browser.wait(
                until: "the words that were found are marked", "document.querySelector('.found mark')")
            try await take("library", browser)
        }
    }

    @Test("Two texts compared")
    func comparing() async throws {
        try await withStudio(Browser.Look(width: 1280, height: 720)) { browser, studio, _ in
            try await browser.explain(Browser.story)
            let story = try await browser.readingID()
            let hero = try await browser.lastToken("Hester")
            try await browser.click("nav [data-view=read]")
            try await browser.explain(Browser.couplet)
            let couplet = try await browser.readingID()
            let end = try await browser.lastToken("the")
            try await browser.open(
                "\(studio.address)/#/compare?reading=\(story)&position=\(hero)&other_reading=\(couplet)&other_position=\(end)"
            )
            try await browser.wait(
                until: "the difference is said of both", "document.querySelectorAll('.difference article').length === 2"
            )
            try await take("compare", browser)
        }
    }

    @Test(
        "A training run's curves",
        .enabled(if: Pictures.runs != nil, "Scripts/screenshots.sh RUNS shows the first run of a folder of runs"))
    func run() async throws {
        let runs = try #require(Pictures.runs)
        try await withStudio(Browser.Look(width: 1280, height: 860), ["--runs", runs]) { browser, _, _ in
            try await browser.click("nav [data-view=runs]")
            try await browser.click(".shelf a")
            try await browser.wait(until: "curves are drawn", "document.querySelectorAll('.curve').length > 3")
            try await take("run", browser)
        }
    }
}
