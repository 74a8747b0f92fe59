import Foundation
import JSON

/// `metrics.jsonl`: one JSON object per step, `{"step": 12, "loss": 3.1, …}`, steps counted from 1 and increasing.
///
/// It is cut back to the checkpoint that a run resumes from, so it never holds a step twice, and a line that a killed process
/// left torn is dropped.
final class MetricsLog {
    private let url: URL
    private let file: FileHandle

    /// Opens or creates the file, keeping whole lines of steps up to `step`. Throws a ``TrainingError``.
    init(_ url: URL, keepingThrough step: Int) throws {
        self.url = url
        let old = FileManager.default.contents(atPath: url.path) ?? Data()
        let kept = MetricsLog.kept(old, through: step)
        do {
            if kept < old.count || !FileManager.default.fileExists(atPath: url.path) {
                try old.prefix(kept).write(to: url, options: .atomic)
            }
            file = try FileHandle(forWritingTo: url)
            try file.seekToEnd()
        } catch {
            throw TrainingError("\(url.path): cannot write: \(error.localizedDescription)")
        }
    }

    /// Bytes of whole lines before the first that is torn, out of order, or of a later step.
    private static func kept(_ data: Data, through step: Int) -> Int {
        var kept = 0, last = 0
        for line in data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            guard line.endIndex < data.endIndex, let number = try? JSONValue.parse(Data(line))["step"]?.int,
                number > last, number <= step
            else { break }
            last = number
            kept = line.endIndex + 1 - data.startIndex
        }
        return kept
    }

    /// Appends the line of a step.
    func append(step: Int, _ metrics: Metrics) throws {
        let object = JSONObject([("step", .integer(step))] + metrics.members)
        do { try file.write(contentsOf: Data((JSONValue.object(object).serialized() + "\n").utf8)) } catch {
            throw TrainingError(
                "\(url.path): cannot write: \(error.localizedDescription); the run resumes from its last checkpoint")
        }
    }

    /// Waits until all lines are on disk: before a checkpoint that counts on them.
    func synchronize() throws {
        do { try file.synchronize() } catch {
            throw TrainingError("\(url.path): cannot write: \(error.localizedDescription)")
        }
    }
}
