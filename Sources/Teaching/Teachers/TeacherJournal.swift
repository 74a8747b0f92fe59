import Foundation
import JSON
import Runs

/// Where answers are kept from the moment they come, so that none is paid for twice.
///
/// A file of one JSON object per line to which every answer is appended and forced to disk before anybody hears of it. A line that
/// was torn when a run was killed is dropped when the file is opened again. One process at a time may hold a journal.
public actor TeacherJournal {
    /// The file.
    public nonisolated let file: URL
    private let descriptor: Int32
    private var explanations: [String: String]

    private static let header = #"{"format": "teacher journal 1"}"#

    /// Opens a journal, or begins one. Throws a `TrainingError`.
    public init(_ file: URL) throws {
        let descriptor = open(file.path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.failure(file, "cannot be opened") }
        do {
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                throw TrainingError("\(file.path): another run is using this journal; wait for it, or end it")
            }
            let length = try Self.dropTornLine(descriptor, file)
            if length == 0 {
                try Self.append(Self.header, descriptor, file)
                do { try Disk.synchronize(folder: file.deletingLastPathComponent()) } catch {
                    throw TrainingError("\(error)")
                }
            }
            explanations = try Self.read(file)
        } catch {
            // Nothing is stored yet, so that `deinit` does not run and close another file's descriptor.
            close(descriptor)
            throw error
        }
        self.file = file
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// How many answers it holds.
    public var count: Int { explanations.count }

    /// All answers by key.
    package func all() -> [String: String] { explanations }

    /// Keeps an answer. When this returns, it is on disk.
    package func record(_ explanation: String, key: String, id: String) throws {
        guard explanations[key] == nil else { return }
        let entry: JSONValue = ["key": .string(key), "id": .string(id), "explanation": .string(explanation)]
        try Self.append(entry.serialized(), descriptor, file)
        explanations[key] = explanation
    }

    private static func failure(_ file: URL, _ what: String) -> TrainingError {
        TrainingError("\(file.path): \(what): \(String(cString: strerror(errno)))")
    }

    private static func append(_ line: String, _ descriptor: Int32, _ file: URL) throws {
        do {
            try Array((line + "\n").utf8).withUnsafeBytes { try Disk.write($0, descriptor, file.path) }
            try Disk.synchronize(descriptor, file.path)
        } catch { throw TrainingError("\(error)") }
    }

    /// Cuts the file behind its last line break and returns its length.
    private static func dropTornLine(_ descriptor: Int32, _ file: URL) throws -> Int {
        let end = Int(lseek(descriptor, 0, SEEK_END))
        guard end >= 0 else { throw failure(file, "cannot be read") }
        var length = end
        var block = [UInt8](repeating: 0, count: 4096)
        while length > 0 {
            let start = max(0, length - block.count)
            let count = block.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, length - start, off_t(start)) }
            guard count == length - start else { throw failure(file, "cannot be read") }
            if let last = block[..<count].lastIndex(of: UInt8(ascii: "\n")) {
                length = start + last + 1
                break
            }
            length = start
        }
        // A foreign file of a single line must not be emptied: only a beginning of our own header may be.
        if length == 0, end > 0 {
            let count = block.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, min(end, $0.count), 0) }
            guard count == end, header.utf8.starts(with: block[..<count]) else { throw foreign(file) }
        }
        guard length == end || ftruncate(descriptor, off_t(length)) == 0 else {
            throw failure(file, "cannot be written")
        }
        return length
    }

    private static func foreign(_ file: URL) -> TrainingError {
        TrainingError("\(file.path): not a teacher's journal; choose another output, or move this file away")
    }

    private static func read(_ file: URL) throws -> [String: String] {
        var explanations: [String: String] = [:]
        var isFirst = true
        try TeacherLines.read([file]) { json, place in
            if isFirst {
                guard json["format"]?.string == "teacher journal 1" else { throw foreign(file) }
                isFirst = false
                return
            }
            guard let key = json["key"]?.string, let explanation = json["explanation"]?.string else {
                throw TrainingError("\(place): no entry of a teacher's journal; remove the line to have it asked again")
            }
            explanations[key] = explanation
        }
        return explanations
    }
}
