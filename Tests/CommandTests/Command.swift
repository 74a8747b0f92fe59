import Dispatch
import Foundation
import JSON
import TestSupport
import Testing

/// Runs the real `nla` as a process.
enum Command {
    /// What came of a run.
    struct Outcome {
        let status: Int32
        /// Nil for a process that left by itself; the signal's number for one that crashed or was stopped.
        let signal: Int32?
        let output: String
        let errors: String

        /// Standard output as one JSON document.
        func json() throws -> JSONValue { try JSONValue.parse(output) }
    }

    /// Whether there is the device on which every write meets a full disk.
    static var hasFullDevice: Bool { FileManager.default.fileExists(atPath: "/dev/full") }

    /// The executable that was built beside the test bundle.
    static func executable() throws -> URL { try builtExecutable() }

    /// Runs `nla` with arguments. Its output goes to files, so that it never waits for a reader. One that is stuck is killed; its
    /// outcome then has a signal.
    ///
    /// - Parameters:
    ///   - output: where standard output goes instead, for instance a full device.
    ///   - input: what a pipe at standard input holds; no more than a pipe takes at once.
    static func run(
        _ arguments: [String], environment: [String: String] = [:], output: URL? = nil, input: String = ""
    ) throws -> Outcome {
        try withScratch { folder in
            let files = (output: output ?? folder.appending(path: "out"), errors: folder.appending(path: "err"))
            for file in [files.output, files.errors] where file != output {
                try Data().write(to: file)
            }
            let process = Process()
            process.executableURL = try executable()
            process.arguments = arguments
            process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
            let pipe = Pipe()
            try pipe.fileHandleForWriting.write(contentsOf: Data(input.utf8))
            try pipe.fileHandleForWriting.close()
            process.standardInput = pipe
            let written = try [files.output, files.errors].map { try FileHandle(forWritingTo: $0) }
            // Left open they add up, and where 1,350 descriptors are open Foundation's next `run` reads behind its memory.
            defer { for file in written { try? file.close() } }
            process.standardOutput = written[0]
            process.standardError = written[1]
            let end = DispatchSemaphore(value: 0)
            process.terminationHandler = { _ in end.signal() }
            try process.run()
            process.waitUnlessStuck(end)
            return Outcome(
                status: process.terminationStatus,
                signal: process.terminationReason == .exit ? nil : process.terminationStatus,
                output: output == nil ? try String(contentsOf: files.output, encoding: .utf8) : "",
                errors: try String(contentsOf: files.errors, encoding: .utf8))
        }
    }

    /// Runs `nla` and expects it to succeed.
    @discardableResult
    static func succeed(
        _ arguments: [String], environment: [String: String] = [:], sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Outcome {
        let outcome = try run(arguments, environment: environment)
        #expect(outcome.status == 0 && outcome.signal == nil, "\(outcome.errors)", sourceLocation: sourceLocation)
        return outcome
    }

    /// Runs `nla` and expects one line on standard error that mentions every one of `words`, and exit status 1.
    @discardableResult
    static func fail(
        _ arguments: [String], mentioning words: [String], environment: [String: String] = [:], output: URL? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Outcome {
        let outcome = try run(arguments, environment: environment, output: output)
        #expect(outcome.signal == nil, "crashed or hung: \(outcome.errors)", sourceLocation: sourceLocation)
        #expect(outcome.status == 1, "\(outcome.errors)", sourceLocation: sourceLocation)
        #expect(outcome.errors.hasPrefix("Error: "), "\(outcome.errors)", sourceLocation: sourceLocation)
        let lineCount = outcome.errors.split(separator: "\n", omittingEmptySubsequences: false).count - 1
        #expect(lineCount == 1 && outcome.errors.hasSuffix("\n"), "\(outcome.errors)", sourceLocation: sourceLocation)
        for word in words {
            #expect(outcome.errors.contains(word), "\(word) in \(outcome.errors)", sourceLocation: sourceLocation)
        }
        return outcome
    }
}
