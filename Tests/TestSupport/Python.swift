import Dispatch
import Foundation

/// The interpreter that INTERLINEAR_PYTHON names, or python3.
public enum Python {
    /// Whether modules are installed. Tests that need them skip without.
    public static func has(_ modules: String...) -> Bool {
        let list = modules.map { "'\($0)'" }.joined(separator: ", ")
        let script = "import sys, importlib.util as u; sys.exit(any(u.find_spec(m) is None for m in [\(list)]))"
        return (try? run(script, []))?.status == 0
    }

    /// Runs a script. Its errors go to a file, so that it never waits for a reader.
    public static func run(_ script: String, _ arguments: [String]) throws -> (status: Int32, errors: String) {
        try withScratch { folder in
            let errors = folder.appending(path: "errors")
            try Data().write(to: errors)
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            let interpreter = ProcessInfo.processInfo.environment["INTERLINEAR_PYTHON"] ?? "python3"
            process.arguments = [interpreter, "-c", script] + arguments
            process.environment = ProcessInfo.processInfo.environment.merging(["HF_HUB_OFFLINE": "1"]) { $1 }
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = FileHandle.nullDevice
            let written = try FileHandle(forWritingTo: errors)
            defer { try? written.close() }
            process.standardError = written
            let end = DispatchSemaphore(value: 0)
            process.terminationHandler = { _ in end.signal() }
            try process.run()
            process.waitUnlessStuck(end)
            return (process.terminationStatus, try String(contentsOf: errors, encoding: .utf8))
        }
    }
}
