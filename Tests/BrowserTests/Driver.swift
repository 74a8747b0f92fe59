import AsyncHTTPClient
import Foundation
import JSON
import NIOCore
import TestSupport

/// A chromedriver, and where Chromium is.
final class Driver: Sendable {
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

    /// Where windows save files.
    let downloads: URL
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

    /// Closes every window that is still open.
    func closeWindows() async { _ = try? await ask("GET", "/shutdown", nil) }

    /// Asks the driver; what it says went wrong is thrown.
    func ask(_ method: String, _ path: String, _ body: JSONValue?) async throws -> JSONValue {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = .RAW(value: method)
        if let body {
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(Array(body.serialized().utf8))
        }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(120))
        let bytes = try await response.body.collect(upTo: 1 << 27)
        let value = try JSONValue.parse(Array(bytes.readableBytesView))["value"] ?? .null
        guard response.status.code == 200 else {
            throw Browser.Failure(description: value["message"]?.string ?? "the driver answered \(response.status)")
        }
        return value
    }
}

extension Driver {
    /// The file with this ending that a window saved, once it is whole.
    func download(_ ending: String, seconds: Double = 20) async throws -> URL {
        let end = Date.now.addingTimeInterval(seconds)
        while Date.now < end {
            let files = try FileManager.default.contentsOfDirectory(at: downloads, includingPropertiesForKeys: nil)
            if let file = files.first(where: { $0.lastPathComponent.hasSuffix(ending) }) { return file }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw Browser.Failure(description: "nothing was saved")
    }
}
