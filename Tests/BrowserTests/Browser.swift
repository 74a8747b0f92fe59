import AsyncHTTPClient
import Foundation
import JSON
import NIOCore

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
    }

    private let driver: Driver
    private let session: String

    /// Opens a window with a profile of its own, which ends with it.
    init(_ driver: Driver, _ look: Look = Look()) async throws {
        self.driver = driver
        let options: JSONValue = [
            "binary": .string(Driver.installed?.chromium ?? ""),
            "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                .string("--window-size=\(look.width),\(look.height)"),
            ],
            "prefs": [
                "download.default_directory": .string(driver.downloads.path), "download.prompt_for_download": false,
            ],
        ]
        let asked: JSONValue = [
            "capabilities": [
                "alwaysMatch": ["goog:chromeOptions": options, "goog:loggingPrefs": ["browser": "ALL"]]
            ]
        ]
        guard let session = try await driver.ask("POST", "/session", asked)["sessionId"]?.string else {
            throw Failure(description: "the driver opened no session")
        }
        self.session = "/session/\(session)"
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

    func close() async throws { _ = try await driver.ask("DELETE", session, nil) }

    /// What a function with this body returns in the page.
    @discardableResult
    func run(_ script: String, _ arguments: JSONValue...) async throws -> JSONValue {
        try await driver.ask(
            "POST", session + "/execute/sync", ["script": .string(script), "args": .array(arguments)])
    }

    /// Waits until an expression is true in the page, and says what the page showed if it never is.
    func wait(_ expression: String, seconds: Double = 60) async throws {
        let end = Date.now.addingTimeInterval(seconds)
        while Date.now < end {
            if try await run("return Boolean(\(expression))").bool == true { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        let page = try await run("return document.body.innerText").string ?? ""
        throw Failure(description: "never true: \(expression)\nthe page: \(page.prefix(1500))")
    }

    /// The text of the first element that a selector finds, once there is one.
    func text(_ selector: String) async throws -> String {
        try await wait("document.querySelector(\(quoted(selector)))")
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
        for _ in 0..<4 {
            do { return try await body(element(selector)) } catch {
                guard "\(error)".contains("stale element") else { throw error }
            }
        }
        try await body(element(selector))
    }

    /// Clicks the button or link that says this.
    func click(saying words: String) async throws {
        let find =
            "[...document.querySelectorAll('button, a, summary')].find((one) => one.textContent.trim() === \(quoted(words)) && one.offsetParent)"
        try await wait(find)
        try await run("\(find).setAttribute('data-wanted', '')")
        try await click("[data-wanted]")
        try await run("document.querySelector('[data-wanted]')?.removeAttribute('data-wanted')")
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
        let actions: [JSONValue] = [
            try await move(from), ["type": "pointerDown", "button": 0], try await move(to),
            ["type": "pointerUp", "button": 0],
        ]
        _ = try await driver.ask(
            "POST", session + "/actions",
            [
                "actions": [
                    [
                        "type": "pointer", "id": "mouse", "parameters": ["pointerType": "mouse"],
                        "actions": .array(actions),
                    ]
                ]
            ])
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
        try await wait("document.querySelector(\(quoted(selector)))")
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
