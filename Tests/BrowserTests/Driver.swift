import Foundation
import HTTP
import JSON
import Synchronization
import TestSupport
import Testing

/// A chromedriver, and where Chromium is.
final class Driver: Sendable {
    private static let http: HTTPClient = {
        var settings = HTTPClient.Settings()
        settings.connectTimeout = .seconds(Patience.seconds)
        settings.readTimeout = .seconds(Patience.seconds)
        return HTTPClient(settings)
    }()

    /// The two programs, or nil where one of them is missing.
    static let installed: (chromium: String, driver: String)? = {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin").split(separator: ":")
        func find(_ names: [String]) -> String? {
            names.lazy.flatMap { name in folders.map { "\($0)/\(name)" } }
                .first { FileManager.default.isExecutableFile(atPath: $0) }
        }
        guard let chromium = find(["chromium", "chromium-browser", "google-chrome"]),
            let driver = find(["chromedriver"])
        else { return nil }
        return (chromium, driver)
    }()

    /// Where pictures of pages go on which a test has failed: `INTERLINEAR_PICTURES`, or a folder for all.
    static let pictures =
        ProcessInfo.processInfo.environment["INTERLINEAR_PICTURES"].map { URL(fileURLWithPath: $0) }
        ?? FileManager.default.temporaryDirectory.appending(path: "nla-pages")

    /// Whose window it is. What one has stored the other does not know.
    enum Profile: Hashable { case visitor, stranger }

    /// Where windows save files.
    let downloads: URL
    /// The browsers that run, each with a profile of its own.
    private let sessions = Mutex<[Profile: String]>([:])
    private let scratch: URL
    private let process: RunningProgram
    private let port: Int

    init() async throws {
        guard let installed = Driver.installed else {
            throw Browser.Failure(description: "no chromium or no chromedriver")
        }
        scratch = FileManager.default.temporaryDirectory.appending(path: "nla-browser-\(UUID().uuidString)")
        downloads = scratch.appending(path: "downloads")
        try FileManager.default.createDirectory(at: downloads, withIntermediateDirectories: true)
        process = try RunningProgram(installed.driver, ["--port=0"])
        port = try await process.port { $0.contains("successfully") }
    }

    /// Ends the driver and its windows.
    func stop() {
        process.stop()
        try? FileManager.default.removeItem(at: scratch)
    }

    /// Opens a window, in a browser that runs or in a new one. The last window of the profile is closed for it, and what it
    /// has saved and complained about is forgotten.
    ///
    /// - Returns: the path of the session, which from now on is about this window.
    func openWindow(_ profile: Profile) async throws -> String {
        let files = try FileManager.default.contentsOfDirectory(at: downloads, includingPropertiesForKeys: nil)
        if profile == .visitor { for file in files { try FileManager.default.removeItem(at: file) } }
        guard let session = sessions.withLock({ $0[profile] }) else {
            let session = try await openBrowser()
            sessions.withLock { $0[profile] = session }
            return session
        }
        let new = try await ask("POST", session + "/window/new", ["type": "window"])["handle"] ?? .null
        _ = try await ask("DELETE", session + "/window", nil)
        _ = try await ask("POST", session + "/window", ["handle": new])
        _ = try await ask("POST", session + "/se/log", ["type": "browser"])
        return session
    }

    private func openBrowser() async throws -> String {
        let options: JSONValue = [
            "binary": .string(Driver.installed?.chromium ?? ""),
            "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                "--disable-background-timer-throttling", "--disable-renderer-backgrounding",
            ],
            "prefs": ["download.default_directory": .string(downloads.path), "download.prompt_for_download": false],
        ]
        let patience = JSONValue.number(1000 * Patience.seconds)
        let asked: JSONValue = [
            "capabilities": [
                "alwaysMatch": [
                    "goog:chromeOptions": options, "goog:loggingPrefs": ["browser": "ALL"],
                    "timeouts": ["script": patience, "pageLoad": patience],
                ]
            ]
        ]
        guard let session = try await ask("POST", "/session", asked)["sessionId"]?.string else {
            throw Browser.Failure(description: "the driver opened no session")
        }
        return "/session/\(session)"
    }

    /// Closes every window that is still open.
    func closeWindows() async { _ = try? await ask("GET", "/shutdown", nil) }

    /// Asks the driver; what it says went wrong is thrown.
    func ask(_ method: String, _ path: String, _ body: JSONValue?) async throws -> JSONValue {
        var request = HTTPRequest(method, "http://127.0.0.1:\(port)\(path)")
        if let body {
            request.headers = [(name: "content-type", value: "application/json")]
            request.body = Array(body.serialized().utf8)
        }
        let (head, bytes) = try await Driver.http.fetch(request, limit: 1 << 27)
        let value = try JSONValue.parse(bytes)["value"] ?? .null
        guard head.status == 200 else {
            throw Browser.Failure(description: value["message"]?.string ?? "the driver answered \(head.status)")
        }
        return value
    }
}

extension Driver {
    /// The file with this ending that a window saved, once it is whole.
    func download(_ ending: String) async throws -> URL {
        func find() throws -> URL? {
            try FileManager.default.contentsOfDirectory(at: downloads, includingPropertiesForKeys: nil)
                .first { $0.lastPathComponent.hasSuffix(ending) }
        }
        try await wait(until: "a file \(ending) is saved") { try find() != nil }
        guard let file = try find() else { throw Browser.Failure(description: "a saved file has gone again") }
        return file
    }
}

/// Starts a driver for a suite, whose tests share its browsers: to start one takes longer than most tests.
struct SharedDriver: SuiteTrait, TestScoping {
    /// The suite's driver.
    @TaskLocal static var current: Driver?

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        guard Driver.installed != nil else { return try await function() }
        let driver = try await Driver()
        defer { driver.stop() }
        do {
            try await SharedDriver.$current.withValue(driver) { try await function() }
            await driver.closeWindows()
        } catch {
            await driver.closeWindows()
            throw error
        }
    }
}

extension Trait where Self == SharedDriver {
    /// The tests of the suite share a browser.
    static var sharesBrowser: Self { SharedDriver() }
}
