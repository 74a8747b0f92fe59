import Foundation
import JSON
import TestSupport
import Testing

/// One window of a real, headless Chromium, driven over the WebDriver protocol.
struct Browser: Sendable {
    /// How the window looks.
    struct Look: Sendable {
        var width = 1280
        var height = 900
        var prefersDark = false
        var prefersReducedMotion = false
        /// Pixels of the screen to one of the page.
        var scale = 1.0
    }

    /// What the driver or the page answered with instead of what was asked for.
    struct Failure: Error, CustomStringConvertible {
        let description: String

        /// What the driver says of an element that is no longer there.
        static let stale = "stale element"

        /// Whether a script was lost with the page that it ran in.
        var isAboutNavigation: Bool {
            ["unload", "navigation", "context", "detached", "script timeout"].contains { description.contains($0) }
        }
    }

    private let driver: Driver
    private let session: String
    /// The server that the page asks, whose work is waited for.
    private let server: Int32

    /// Opens a window. What another with the same profile stored of the same server is there, too.
    ///
    /// - Parameters:
    ///   - server: the process that the page asks.
    ///   - isNew: whether the visitor has never been offered the tour.
    init(
        _ driver: Driver, _ profile: Driver.Profile = .visitor, _ look: Look = Look(), server: Int32,
        isNew: Bool = false
    ) async throws {
        self.driver = driver
        self.server = server
        session = try await driver.openWindow(profile)
        if !isNew {
            let source = "try { localStorage.setItem('toured', 'yes'); } catch { /* this page has no store */ }"
            try await command("Page.addScriptToEvaluateOnNewDocument", ["source": .string(source)])
        }
        try await command(
            "Emulation.setEmulatedMedia",
            [
                "features": [
                    ["name": "prefers-color-scheme", "value": look.prefersDark ? "dark" : "light"],
                    [
                        "name": "prefers-reduced-motion",
                        "value": look.prefersReducedMotion ? "reduce" : "no-preference",
                    ],
                ]
            ])
        // A headless window is no narrower than 500 pixels; a screen can be.
        try await command(
            "Emulation.setDeviceMetricsOverride",
            [
                "width": .integer(look.width), "height": .integer(look.height),
                "deviceScaleFactor": .number(look.scale),
                "mobile": .bool(look.width < 600),
            ])
    }

    /// A command of the browser's own protocol.
    @discardableResult
    func command(_ name: String, _ parameters: JSONValue) async throws -> JSONValue {
        try await driver.ask("POST", session + "/goog/cdp/execute", ["cmd": .string(name), "params": parameters])
    }

    func open(_ address: String) async throws {
        _ = try await driver.ask("POST", session + "/url", ["url": .string(address)])
    }

    /// Loads the page again, and waits until it is there.
    func reload() async throws { _ = try await driver.ask("POST", session + "/refresh", [:]) }

    /// What a function with this body returns in the page.
    @discardableResult
    func run(_ script: String, _ arguments: JSONValue...) async throws -> JSONValue {
        try await driver.ask(
            "POST", session + "/execute/sync", ["script": .string(script), "args": .array(arguments)])
    }

    /// Waits until an expression is true in the page, however slow the machine is. Gives up where page and server have come to rest
    /// without it, and says what was there instead.
    ///
    /// - Parameters:
    ///   - what: what is waited for, as a sentence that is then true.
    ///   - expression: one that throws is not true yet.
    func wait(until what: String, _ expression: String) async throws {
        // The page looks by itself, a hundred times a second, and says once a second that there was nothing.
        let script = """
            const done = arguments[arguments.length - 1], end = performance.now() + 1000;
            const look = () => {
              let isTrue = false;
              try { isTrue = Boolean(\(expression)); } catch { /* not yet */ }
              if (isTrue || performance.now() > end) done([isTrue, location.href + document.body?.innerText]);
              else setTimeout(look, 10);
            };
            look();
            """
        var watch = IdleWatch<String>(server)
        let deadline = Date.now.addingTimeInterval(Patience.seconds)
        while true {
            var seen: JSONValue = .null
            do {
                seen = try await driver.ask(
                    "POST", session + "/execute/async", ["script": .string(script), "args": []])
            } catch let failure as Failure {
                // The page has gone meanwhile, and another is coming.
                guard failure.isAboutNavigation else { throw failure }
            }
            if seen[0]?.bool == true { return }
            guard watch.isStuck(seen[1]?.string ?? "") || Date.now > deadline else { continue }
            throw NeverHappened(what, state: "looked for: \(expression)\n\(await state())")
        }
    }

    /// What the page shows, for people who look why a test failed: where it is, its text, the browser's complaints, and a picture.
    func state() async -> String {
        let address = (try? await address()) ?? "unknown"
        let text = (try? await run("return document.body.innerText").string) ?? ""
        let complaints = (try? await complaints()) ?? []
        var picture = "none could be taken"
        if let image = try? await screenshot() {
            Attachment.record([UInt8](image), named: "page.png")
            let file = Driver.pictures.appending(path: "page-\(UUID().uuidString.prefix(8)).png")
            try? FileManager.default.createDirectory(at: Driver.pictures, withIntermediateDirectories: true)
            if (try? image.write(to: file)) != nil { picture = file.path }
        }
        return """
            address: \(address)
            complaints: \(complaints.isEmpty ? "none" : complaints.joined(separator: "\n  "))
            picture: \(picture)
            page: \(text.prefix(1500))
            """
    }

    /// The text of the first element that a selector finds, once there is one.
    func text(_ selector: String) async throws -> String {
        try await wait(until: "there is \(selector)", "document.querySelector(\(quoted(selector)))")
        return try await run("return document.querySelector(arguments[0]).textContent", .string(selector)).string ?? ""
    }

    /// How many elements a selector finds.
    func count(_ selector: String) async throws -> Int {
        try await run("return document.querySelectorAll(arguments[0]).length", .string(selector)).int ?? 0
    }

    /// Clicks what a selector finds as a mouse does: in its middle, and only if nothing covers it.
    func click(_ selector: String) async throws {
        try await withElement(selector) { element in
            try await self.run(
                "document.querySelector(arguments[0])?.scrollIntoView({block: 'center'})", .string(selector))
            _ = try await self.driver.ask("POST", self.session + "/element/\(element)/click", [:])
        }
    }

    /// Does something with an element; again if the page has put another in its place meanwhile.
    private func withElement(_ selector: String, _ body: (String) async throws -> Void) async throws {
        try await retryingIfStale { try await body(element(selector)) }
    }

    /// Does something; again if the page has put other elements in the place of those that it was about.
    private func retryingIfStale<Result>(_ body: () async throws -> Result) async throws -> Result {
        for _ in 0..<20 {
            do { return try await body() } catch let failure as Failure {
                guard failure.description.contains(Failure.stale) else { throw failure }
            }
        }
        return try await body()
    }

    /// Clicks the button or link that says this.
    func click(saying words: String) async throws {
        let find =
            "[...document.querySelectorAll('button, a, summary')].find((one) => one.textContent.trim() === \(quoted(words)) && one.offsetParent)"
        try await retryingIfStale {
            try await wait(until: "something says \(words)", find)
            let found = try await run("const found = \(find); found?.scrollIntoView({block: 'center'}); return found")
            guard let element = found[Browser.elementKey]?.string else { throw Failure(description: Failure.stale) }
            _ = try await driver.ask("POST", session + "/element/\(element)/click", [:])
        }
    }

    /// Types into a field in place of what it holds.
    func type(_ text: String, into selector: String) async throws {
        try await withElement(selector) { element in
            _ = try await self.driver.ask("POST", self.session + "/element/\(element)/clear", [:])
            _ = try await self.driver.ask("POST", self.session + "/element/\(element)/value", ["text": .string(text)])
        }
    }

    /// Chooses a file for an input of files, which may be hidden behind a button.
    func choose(_ file: URL, for selector: String) async throws {
        let element = try await element(selector)
        _ = try await driver.ask("POST", session + "/element/\(element)/value", ["text": .string(file.path)])
    }

    /// Presses keys wherever the focus is; `holding` is pressed all the while.
    func press(_ keys: Key..., holding: Key? = nil) async throws {
        func action(_ type: String, _ key: Key) -> JSONValue {
            ["type": .string(type), "value": .string(key.rawValue)]
        }
        let inner = keys.flatMap { [action("keyDown", $0), action("keyUp", $0)] }
        let all =
            (holding.map { [action("keyDown", $0)] } ?? []) + inner + (holding.map { [action("keyUp", $0)] } ?? [])
        _ = try await driver.ask(
            "POST", session + "/actions", ["actions": [["type": "key", "id": "keyboard", "actions": .array(all)]]])
    }

    /// Drags the mouse from the middle of one element to that of another.
    func drag(from: String, to: String) async throws {
        func move(_ selector: String) async throws -> JSONValue {
            let origin: JSONValue = [Browser.elementKey: .string(try await element(selector))]
            return ["type": "pointerMove", "duration": 60, "origin": origin, "x": 0, "y": 0]
        }
        func act(_ actions: JSONValue...) async throws {
            let mouse: JSONValue = [
                "type": "pointer", "id": "mouse", "parameters": ["pointerType": "mouse"], "actions": .array(actions),
            ]
            _ = try await driver.ask("POST", session + "/actions", ["actions": [mouse]])
            // What follows an action is drawn before the next is aimed.
            try await frames()
        }
        try await run("document.querySelector(arguments[0]).scrollIntoView({block: 'center'})", .string(from))
        try await frames()
        try await act(move(from), ["type": "pointerDown", "button": 0])
        try await act(move(to))
        try await act(["type": "pointerUp", "button": 0])
    }

    /// Waits until the page has been drawn twice: what it does with the next frame is done.
    func frames() async throws {
        let script =
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)));"
        _ = try await driver.ask("POST", session + "/execute/async", ["script": .string(script), "args": []])
    }

    /// Where the window is.
    func address() async throws -> String { try await run("return location.href").string ?? "" }

    /// What the browser complained about since it was last asked: errors of scripts, of policies, of the network.
    func complaints() async throws -> [String] {
        let entries = try await driver.ask("POST", session + "/se/log", ["type": "browser"]).array ?? []
        return entries.filter { ["SEVERE", "WARNING"].contains($0["level"]?.string) }
            .compactMap { $0["message"]?.string }
    }

    /// The names under which assistive technology knows every control that is shown; empty for one that has none.
    func controlNames() async throws -> [(html: String, name: String)] {
        try await retryingIfStale { try await controlNamesNow() }
    }

    private func controlNamesNow() async throws -> [(html: String, name: String)] {
        let found =
            try await run(
                """
                return [...document.querySelectorAll('button, a[href], input, select, textarea, summary, [role=option], [role=tab]')]
                  .filter((one) => one.checkVisibility() && !one.closest('.unseen'))
                """
            ).array ?? []
        var names: [(String, String)] = []
        for element in found {
            guard let id = element[Browser.elementKey]?.string else { continue }
            let name = try await driver.ask("GET", session + "/element/\(id)/computedlabel", nil).string ?? ""
            let html = try await run("return arguments[0].outerHTML.slice(0, 200)", element).string ?? ""
            names.append((html, name))
        }
        return names
    }

    /// The window as a PNG.
    func screenshot() async throws -> Data {
        let encoded = try await driver.ask("GET", session + "/screenshot", nil).string ?? ""
        return Data(base64Encoded: encoded) ?? Data()
    }

    /// The key under which the protocol gives elements.
    private static let elementKey = "element-6066-11e4-a52e-4f735466cecf"

    private func element(_ selector: String) async throws -> String {
        try await wait(until: "there is \(selector)", "document.querySelector(\(quoted(selector)))")
        let found = try await driver.ask(
            "POST", session + "/element", ["using": "css selector", "value": .string(selector)])
        guard let id = found[Browser.elementKey]?.string else {
            throw Failure(description: "no element \(selector)")
        }
        return id
    }

    private func quoted(_ text: String) -> String { JSONValue.string(text).serialized() }
}

/// Keys as the protocol names them; letters are themselves.
struct Key: RawRepresentable, ExpressibleByStringLiteral, Sendable {
    let rawValue: String
    init(rawValue: String) { self.rawValue = rawValue }
    init(stringLiteral value: String) { rawValue = value }

    static let enter: Key = "\u{E007}", escape: Key = "\u{E00C}", tab: Key = "\u{E004}", shift: Key = "\u{E008}"
    static let control: Key = "\u{E009}", left: Key = "\u{E012}", up: Key = "\u{E013}", right: Key = "\u{E014}"
    static let down: Key = "\u{E015}", home: Key = "\u{E011}", end: Key = "\u{E010}"
}
