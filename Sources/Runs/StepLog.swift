import Foundation
import JSON

/// A file of a run with JSON objects on its lines, each of a step: `metrics.jsonl` has one for each step, `samples.jsonl` some
/// for each evaluation.
///
/// It is cut back to the checkpoint that a run resumes from, so it never holds a step twice, and a line that a killed process
/// left torn is dropped.
final class StepLog {
    private let url: URL
    private var file: FileHandle?

    /// Opens the file, keeping whole lines of steps up to `step`; it is created with its first line. Throws a ``TrainingError``.
    ///
    /// - Parameter step: nil keeps nothing, not even what was measured before the first step.
    init(_ url: URL, keepingThrough step: Int?) throws {
        self.url = url
        let old = FileManager.default.contents(atPath: url.path) ?? Data()
        let kept = step.map { StepLog.kept(old, through: $0) } ?? 0
        try writing { if kept < old.count { try Disk.write(old.prefix(kept), to: url) } }
    }

    /// Bytes of whole lines before the first that is torn, out of order, or of a later step.
    private static func kept(_ data: Data, through step: Int) -> Int {
        var kept = 0, last = 0
        for line in data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            guard line.endIndex < data.endIndex, let number = try? JSONValue.parse(Data(line))["step"]?.int,
                number >= last, number <= step
            else { break }
            last = number
            kept = line.endIndex + 1 - data.startIndex
        }
        return kept
    }

    /// Appends the line of a step.
    func append(step: Int, _ metrics: Metrics) throws { try append(step: step, JSONObject(metrics.members)) }

    /// Appends a line of a step.
    func append(step: Int, _ object: JSONObject) throws {
        var line = JSONObject([("step", .integer(step))])
        for (key, value) in zip(object.keys, object.values) { line[key] = value }
        let data = Data((JSONValue.object(line).serialized() + "\n").utf8)
        try writing { try opened().write(contentsOf: data) }
    }

    private func opened() throws -> FileHandle {
        if let file { return file }
        if !FileManager.default.fileExists(atPath: url.path) { try Disk.write(Data(), to: url) }
        let opened = try FileHandle(forWritingTo: url)
        try opened.seekToEnd()
        file = opened
        return opened
    }

    /// Waits until all lines are on disk: before a checkpoint that counts on them.
    func synchronize() throws {
        try writing { if let file { try Disk.synchronize(file.fileDescriptor, url.path) } }
    }

    private func writing(_ body: () throws -> Void) throws {
        do { try body() } catch {
            throw TrainingError(
                "\(Disk.Failure(error, writing: url.path)); the run resumes from its last checkpoint")
        }
    }
}
