import Foundation
import JSON
import Runs
import Tensors

/// A finished case of an experiment: a line of its file.
package protocol ExperimentRecord: Codable, Sendable {
    /// The key that no other case has.
    var name: String { get }
}

/// The folder of an experiment, held by one process.
///
///     run.yaml      every option, effective
///     inputs.json   what it reads, by content
///     cases.jsonl   a line for each finished case
///     result.json   what came of it
///     report.html   the same on a page
///
/// A killed process leaves whole lines, and perhaps a torn one at the end, without its end of line, which is dropped: the next one
/// goes on with the cases that are missing. A whole line that cannot be read is somebody's result, written by another version: it is
/// refused, and left as it is.
package final class ExperimentFolder<Record: ExperimentRecord> {
    /// The folder.
    package let url: URL
    /// Finished cases by their name.
    package private(set) var finished: [String: Record] = [:]
    private let file: FileHandle
    private let lock: FileLock

    /// Creates the folder, or opens that of an earlier run with the same options. Throws a ``TrainingError`` if it holds something
    /// else, if its run had other options that the result depends on or read something else, if its cases are of another version, or if
    /// another process works there.
    ///
    /// - Parameter inputs: what the experiment reads, by content.
    package init<Options: RunOptions>(_ url: URL, _ options: Options, _ inputs: RunInputs) throws {
        self.url = url
        let files = FileManager.default, runFile = url.appending(path: ExperimentFiles.options)
        // What a kill left before the options were written is no reason to refuse.
        let present = ((try? files.contentsOfDirectory(atPath: url.path)) ?? []).filter {
            $0 != ExperimentFiles.lock && !$0.hasPrefix(".") && !$0.hasSuffix(AtomicFolder.unfinishedSuffix)
        }
        if files.fileExists(atPath: runFile.path) {
            var earlier = Options()
            try earlier.read(runFile: runFile)
            let others = options.differences(to: earlier).filter(\.field.isFixed)
            guard others.isEmpty else {
                let list = others.map { "\($0.field.name) \($0.here) here, \($0.there) there" }
                throw TrainingError(
                    "\(runFile.path): the experiment in this folder has other options (\(list.joined(separator: "; "))); resume it with its own, or name a new folder"
                )
            }
        } else if !present.isEmpty {
            throw TrainingError("\(url.path): holds something that is no experiment of this kind; name a new folder")
        }
        do { try Disk.makeFolder(url) } catch { throw TrainingError("\(error)") }
        lock = try FileLock(ExperimentFiles.lock, in: url, for: "working in")
        try AtomicFile.write(options.runFile(), to: runFile)
        let cases = url.appending(path: ExperimentFiles.cases)
        let old = files.contents(atPath: cases.path) ?? Data()
        finished = try ExperimentFolder.records(old, cases)
        if !finished.isEmpty { try RunInputs(folder: url).check(inputs, of: url) }
        try inputs.write(to: url)
        let kept = old.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? old.startIndex
        do {
            if kept < old.endIndex || old.isEmpty { try Disk.write(old[..<kept], to: cases) }
            file = try FileHandle(forWritingTo: cases)
            try file.seekToEnd()
        } catch { throw TrainingError("\(Disk.Failure(error, writing: cases.path))") }
    }

    /// The records of every whole line. Throws a ``TrainingError`` with the line that is none.
    private static func records(_ data: Data, _ file: URL) throws -> [String: Record] {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        var records: [String: Record] = [:]
        let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast()
        for (index, line) in lines.enumerated() {
            do {
                let record = try decoder.decode(Record.self, from: Data(line))
                records[record.name] = record
            } catch {
                throw TrainingError(
                    "\(file.path): line \(index + 1) is no case of this version; name a new folder, or go on with the version that wrote it"
                )
            }
        }
        return records
    }

    /// Keeps a finished case: when this returns, it is on disk. Throws a ``TrainingError``.
    package func append(_ record: Record) throws {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let cases = url.appending(path: ExperimentFiles.cases).path
        do {
            try file.write(contentsOf: encoder.encode(record) + Data("\n".utf8))
            try Disk.synchronize(file.fileDescriptor, cases)
        } catch { throw TrainingError("\(Disk.Failure(error, writing: cases)); the same command goes on") }
        finished[record.name] = record
    }

    /// Writes the result and its page. Throws a one-line error.
    package func write(_ result: some ExperimentResult) throws {
        try AtomicFile.write(result.json.serialized(indent: 2) + "\n", to: url.appending(path: ExperimentFiles.result))
        try AtomicFile.write(result.page, to: url.appending(path: ExperimentFiles.page))
    }
}

/// The names of an experiment's files.
package enum ExperimentFiles {
    package static let options = "run.yaml", cases = "cases.jsonl", result = "result.json", page = "report.html"
    package static let lock = "lock"
}

extension UInt64 {
    /// The seeds of an experiment that is repeated: this one and those behind it.
    func consecutive(_ count: Int) -> [UInt64] { (0..<count).map { self &+ UInt64($0) } }
}
