import Foundation
import JSON
import TestSupport
import Testing

/// The real `nla studio` on the bundled models, with a library of its own.
final class RunningStudio: Sendable {
    private let program: RunningProgram
    private let folder: URL
    let port: Int
    /// The server's process.
    var process: Int32 { program.identifier }
    /// The bundled pair.
    static var pair: URL { bundledPair }
    /// Where the page is.
    var address: String { "http://127.0.0.1:\(port)" }

    init(_ options: [String] = []) async throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "nla-studio-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let library = folder.appending(path: "library.sqlite").path
        program = try RunningProgram(
            builtExecutable().path,
            [
                "studio", "--nla", RunningStudio.pair.path, "--library", library, "--port", "0", "--no-open", "--quiet",
                "--seed", "7",
            ]
                + options)
        port = try await program.port { $0.contains("http://") }
    }

    /// Ends the server; the library goes with it.
    func stop() {
        program.stop()
        try? FileManager.default.removeItem(at: folder)
    }
}

/// Calls `body` with a window on a running studio; both end with it. Whatever the browser complained about fails the test.
/// `isNew` visitors are offered the tour; a page that is not `isReady` wants something first.
func withStudio(
    _ look: Browser.Look = Browser.Look(), _ options: [String] = [], isNew: Bool = false, isReady: Bool = true,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (Browser, RunningStudio, Driver) async throws -> Void
) async throws {
    let driver = try #require(SharedDriver.current, "the suite has the trait .sharesBrowser")
    let studio = try await RunningStudio(options)
    defer { studio.stop() }
    let browser = try await Browser(driver, .visitor, look, server: studio.process, isNew: isNew)
    // An earlier server may have had this port.
    try await browser.command(
        "Storage.clearDataForOrigin", ["origin": .string(studio.address), "storageTypes": "all"])
    do {
        try await browser.open(studio.address + "/")
        if isReady {
            try await browser.wait(
                until: "the page has a text to begin with", "document.querySelector('#text')?.value.length > 0")
        }
        try await body(browser, studio, driver)
    } catch let error as NeverHappened {
        throw error
    } catch {
        Issue.record("\(error)\n\(await browser.state())", sourceLocation: sourceLocation)
    }
    let complaints = try await browser.complaints()
    #expect(complaints.isEmpty, "\(complaints)", sourceLocation: sourceLocation)
}
