import Foundation

/// A program that runs until it is stopped, and says on standard output at which port.
public final class RunningProgram: @unchecked Sendable {
    /// It did not start.
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    private let process = Process()
    private let output: URL
    /// What it wrote to standard error.
    public let errors: URL

    /// Starts it.
    public init(_ path: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        let folder = FileManager.default.temporaryDirectory
        let name = UUID().uuidString
        output = folder.appending(path: "nla-test-\(name).out")
        errors = folder.appending(path: "nla-test-\(name).err")
        for file in [output, errors] { try Data().write(to: file) }
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let written = try [output, errors].map { try FileHandle(forWritingTo: $0) }
        defer { for file in written { try? file.close() } }
        process.standardOutput = written[0]
        process.standardError = written[1]
        try RunningProgram.hearingSignals { try process.run() }
    }

    /// Calls `start` with no signal held back: threads of a pool hold back all, and what they start would inherit that.
    private static func hearingSignals(_ start: () throws -> Void) rethrows {
        var none = sigset_t()
        var before = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try start()
    }

    /// The number at the end of the first line that is the one; waits for it.
    public func port(_ isTheLine: (String) -> Bool) async throws -> Int {
        var watch = IdleWatch<String>(process.processIdentifier), looks = 0
        while true {
            let text = try String(contentsOf: output, encoding: .utf8)
            let whole = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            if let line = whole.first(where: { isTheLine(String($0)) }),
                let number = line.split(whereSeparator: { !$0.isNumber }).last.flatMap({ Int($0) })
            {
                return number
            }
            looks += 1
            guard process.isRunning, looks % 100 > 0 || !watch.isStuck(text) else { break }
            try await Task.sleep(for: .milliseconds(10))
        }
        let said = try String(contentsOf: errors, encoding: .utf8)
        throw Failure(description: "\(process.executableURL?.lastPathComponent ?? "") did not start: \(said)")
    }

    /// The process, for who watches what it does.
    public var identifier: Int32 { process.processIdentifier }

    /// Kills it, as a power cut would: it has no time to do anything.
    public func kill() {
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// Ends it and waits for its end, by force where it does not listen.
    public func stop() {
        if process.isRunning { process.terminate() }
        let patience = Date.now.addingTimeInterval(5)
        while process.isRunning, Date.now < patience { Thread.sleep(forTimeInterval: 0.01) }
        if process.isRunning { Foundation.kill(process.processIdentifier, SIGKILL) }
        for file in [output, errors] { try? FileManager.default.removeItem(at: file) }
    }
}
