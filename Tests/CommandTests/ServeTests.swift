import Foundation
import TestSupport
import Testing

/// `nla serve` as a process: its one line, its ends, and what it refuses.
@Suite("nla serve")
struct ServeTests {
    private let pair = bundledPair.path

    @Test("It prints its address, answers, and ends when asked to, with status 0", arguments: [SIGINT, SIGTERM])
    func life(signal: Int32) async throws {
        let process = Process(), output = Pipe(), errors = Pipe()
        process.executableURL = try Command.executable()
        process.arguments = ["serve", "--nla", pair, "--port", "0", "--quiet"]
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        defer { if process.isRunning { process.terminate() } }
        // The pipe gives what is there; the line is short enough to come at once.
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        #expect(line.hasPrefix("http://127.0.0.1:") && line.hasSuffix("\n") && line.count < 30, "\(line)")
        let port = try #require(line.split(separator: ":").last.flatMap { Int($0.trimmingCharacters(in: .newlines)) })
        let connection = try RawConnection(port: port)
        try await connection.send("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        let health = try await connection.receive(until: "limits").text
        #expect(health.contains("\"status\":\"ok\"") && health.contains("\"reconstructor_available\":true"))
        kill(process.processIdentifier, signal)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0 && process.terminationReason == .exit)
        #expect(errors.fileHandleForReading.readDataToEndOfFile().isEmpty)
    }

    @Test("It does not listen for other machines without a secret, nor where somebody else does")
    func refusals() throws {
        try Command.fail(
            ["serve", "--nla", pair, "--host", "0.0.0.0"], mentioning: ["0.0.0.0", "secret", "--secret-file"])
        try Command.fail(
            ["serve", "--nla", pair], mentioning: ["secret"], environment: ["NLA_SECRET_KEY": "two words"])
        try Command.fail(
            ["serve", "--nla", pair, "--secret-file", pair + "/nothing"], mentioning: ["nothing", "no such file"])
        let process = Process(), output = Pipe()
        process.executableURL = try Command.executable()
        process.arguments = ["serve", "--nla", pair, "--port", "0", "--quiet"]
        process.standardOutput = output
        try process.run()
        defer {
            process.terminate()
            process.waitUntilExit()
        }
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        let port = try #require(line.split(separator: ":").last?.trimmingCharacters(in: .newlines))
        try Command.fail(["serve", "--nla", pair, "--port", port], mentioning: [port, "cannot listen", "--port"])
        let usage = try Command.run(["serve"])
        #expect(usage.status == 64 && usage.errors.contains("--nla"))
    }
}
