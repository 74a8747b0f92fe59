import Foundation
import TestSupport
import Testing

/// The real `nla studio` on the bundled models, with a library of its own.
final class RunningStudio: Sendable {
    private let program: RunningProgram
    private let folder: URL
    let port: Int
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
    let studio = try await RunningStudio(options)
    defer { studio.stop() }
    let driver = try await Driver()
    defer { driver.stop() }
    let browser = try await Browser(driver, look)
    try await browser.open(studio.address + "/")
    if !isNew {
        // The tour is offered once: here it was.
        try await browser.run("localStorage.setItem('toured', 'yes')")
        try await browser.run("location.reload()")
    }
    if isReady { try await browser.wait("document.querySelector('#text')?.value.length > 0") }
    let outcome: Result<Void, any Error>
    do { outcome = .success(try await body(browser, studio, driver)) } catch { outcome = .failure(error) }
    let complaints = try await browser.complaints()
    #expect(complaints.isEmpty, "\(complaints)", sourceLocation: sourceLocation)
    await driver.closeWindows()
    try outcome.get()
}
