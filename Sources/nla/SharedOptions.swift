import ArgumentParser
import Foundation
import JSON
import LanguageModel
import Tensors

/// Options that mean the same everywhere.
struct SharedOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Threads to compute with; all cores by default.", valueName: "n"))
    var threads: Int?

    @Option(help: ArgumentHelp("Seed of everything random.", valueName: "n"))
    var seed: UInt64 = 0

    @Flag(help: "Write JSON to standard output.")
    var json = false

    @Flag(help: "No progress on standard error.")
    var quiet = false

    func validate() throws {
        if let threads, !(1...64).contains(threads) { throw ValidationError("--threads must be between 1 and 64.") }
    }

    func apply() {
        if let threads { Machine.threads = threads }
    }

    /// Progress and notes, for a person.
    func note(_ text: String) {
        if !quiet { Output.note(text) }
    }
}

/// `--dtype`.
enum Dtype: String, ExpressibleByArgument, CaseIterable {
    case f32, bf16

    var precision: Precision { self == .f32 ? .float32 : .bfloat16 }

    /// The precision asked for. By default a checkpoint computes in its own: float32 weights in float32, others as the CPU
    /// does best.
    static func resolve(_ dtype: Dtype?, _ checkpoint: Checkpoint? = nil) throws -> Precision {
        guard let dtype else {
            let isFloat32 = try checkpoint?.stored("embed_tokens.weight")?.elementType == .float32
            return isFloat32 ? .float32 : .native
        }
        return dtype.precision
    }
}

/// Standard output without buffering surprises: what is printed is there.
enum Output {
    static func write(_ text: String) throws {
        guard put(text, 1) else {
            throw ModelError("standard output: cannot write: \(String(cString: strerror(errno)))")
        }
    }

    static func line(_ text: String) throws { try write(text + "\n") }

    /// Writes to standard error, where failing to write can be told to nobody.
    static func note(_ text: String) { _ = put(text + "\n", 2) }

    /// The same without ending the line.
    static func write(toStandardError text: String) { _ = put(text, 2) }

    /// Ends the process with one line: names in damaged files may hold line breaks, or be megabytes long.
    static func fail(_ message: String) -> Never {
        let line = String(
            String.UnicodeScalarView(
                message.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
        let limit = 1000
        note("Error: " + (line.count <= limit ? line : "\(line.prefix(limit / 2)) … \(line.suffix(limit / 2))"))
        exit(1)
    }

    private static func put(_ text: String, _ descriptor: Int32) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { return false }
            rest = rest.dropFirst(written)
        }
        return true
    }
}

/// A file's text, or one line about why not.
func readText(_ path: String) throws -> String {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
        throw ModelError("\(path): no such file")
    }
    guard !isFolder.boolValue else { throw ModelError("\(path): a folder, not a file") }
    // A handle reads pipes too, as in `--file <(…)`.
    guard let handle = FileHandle(forReadingAtPath: path), let data = try? handle.readToEnd() ?? Data() else {
        throw ModelError("\(path): cannot be read")
    }
    guard let text = String(data: data, encoding: .utf8) else {
        throw ModelError("\(path): \(FileFormat.complaint(of: data, wanted: .text) ?? "not UTF-8 text")")
    }
    return text
}

/// A file's JSON, or one line about why not.
func readJSON(_ path: String) throws -> JSONValue {
    let text = try readText(path)
    do { return try JSONValue.parse(text) } catch {
        throw ModelError(
            "\(path): \(FileFormat.complaint(of: Array(text.utf8.prefix(4096)), wanted: .json) ?? "\(error)")")
    }
}

/// A `config.json` that fits this machine, parsed and as it stands.
func readConfiguration(_ path: String) throws -> (json: JSONValue, configuration: DecoderConfiguration) {
    let json = try readJSON(path)
    let configuration = try DecoderConfiguration(json: json, source: path)
    // Training keeps 14 bytes per parameter; a shape that cannot fit is refused before memory is asked for.
    let billions = Double(configuration.parameterCount) / 1e9
    guard billions * 14e9 < Double(ProcessInfo.processInfo.physicalMemory) else {
        throw ModelError(
            String(format: "%@: a model of %.1f billion parameters does not fit this machine's memory", path, billions))
    }
    return (json, configuration)
}

/// A model's folder with the adapter that `--adapter` names, or an adapter's folder, whose base is then found by its name; and the
/// tokenizer that `--tokenizer` names, or the model's.
func modelSource(_ folder: URL, adapter: String?, tokenizer: String?) throws -> ModelSource {
    let source = try ModelSource(folder: folder, adapter: adapter.map { try ModelLocation.resolve($0) })
    return source.with(tokenizer: try tokenizer.map { try ModelLocation.resolve($0, need: .tokenizer) })
}
