import Foundation
import GRDB
import HTTPTypes
import JSON
import LanguageModel
import Runs
import Synchronization

/// Everything that was ever explained, in one SQLite file.
///
/// What a method has returned from is on the disk (write-ahead log, full synchronization): no crash takes it away. What was deleted
/// is overwritten. The file belongs to one server at a time.
final class Library: Sendable {
    private let database: DatabasePool
    /// Held while the library is open, so that no other server opens it.
    private let lock: Mutex<FileLock?>

    /// Reads at once, by all requests together; further ones wait.
    private static let maximumReaders = 4

    /// Opens a library; makes the file and its folder if there are none. Throws a one-line error.
    ///
    /// - Parameter maximumBytes: what the file may grow to; nil for what the disk holds.
    init(_ file: URL, maximumBytes: Int? = nil) throws {
        do {
            try Disk.makeFolder(file.deletingLastPathComponent())
        } catch {
            throw ModelError("\(file.path): its folder cannot be made; choose another --library")
        }
        do {
            let held = try FileLock(file.appendingPathExtension("lock"), permissions: 0o600) {
                "\(file.path): nla studio has this library open already (process \($0)); end it"
            }
            lock = Mutex(held)
        } catch { throw ModelError("\(error); or choose another --library") }
        var configuration = Configuration()
        configuration.maximumReaderCount = Library.maximumReaders
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA secure_delete = ON")
            try database.execute(sql: "PRAGMA synchronous = FULL")
            // A short log: what it holds must find room in the file before a full disk can be written to again.
            try database.execute(sql: "PRAGMA wal_autocheckpoint = 100")
            if let maximumBytes {
                let size = try Int.fetchOne(database, sql: "PRAGMA page_size") ?? 4096
                try database.execute(sql: "PRAGMA max_page_count = \(max(1, maximumBytes / size))")
            }
        }
        do {
            database = try DatabasePool(path: file.path, configuration: configuration)
            try Library.migrator.migrate(database)
            // SQLite sees to what is in the file, and this to the file's name.
            try Disk.synchronize(folder: file.deletingLastPathComponent())
        } catch let error as Disk.Failure {
            throw ModelError("\(error)")
        } catch let error as DatabaseError {
            throw ModelError(
                "\(file.path): cannot be opened as a library (\(error.message ?? "SQLite error \(error.resultCode.rawValue)")); choose another --library, or move this file away"
            )
        }
    }

    /// Writes everything back into the one file and closes it; another server may open it then.
    func close() {
        try? database.close()
        lock.withLock { $0 = nil }
    }

    // MARK: Writing

    /// Writes what `body` writes, or nothing.
    private func write<Value: Sendable>(_ body: @Sendable @escaping (Database) throws -> Value) async throws -> Value {
        do {
            do { return try await database.write(body) } catch let error as DatabaseError where Library.isFull(error) {
                // The log's room may be what lacks: deleting, too, writes to it first.
                try await emptyLog()
                return try await database.write(body)
            }
        } catch let error as DatabaseError { throw Library.reply(error) } catch let error as BorderError {
            throw Library.damaged(error)
        }
    }

    /// Writes the log back into the file and cuts it to nothing, unless somebody reads; the next time does it then.
    private func emptyLog() async throws {
        do {
            try await database.writeWithoutTransaction { database in _ = try database.checkpoint(.truncate) }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {}
    }

    private static func isFull(_ error: DatabaseError) -> Bool {
        [.SQLITE_FULL, .SQLITE_IOERR].contains(error.resultCode)
    }

    func read<Value: Sendable>(_ body: @Sendable @escaping (Database) throws -> Value) async throws -> Value {
        do { return try await database.read(body) } catch let error as DatabaseError {
            throw Library.reply(error)
        } catch let error as BorderError { throw Library.damaged(error) }
    }

    private static func damaged(_ error: BorderError) -> ErrorReply {
        ErrorReply(
            .internalServerError,
            "\(error); this was stored by an earlier version, or changed by hand: mend it there, or delete it")
    }

    private static func reply(_ error: DatabaseError) -> ErrorReply {
        guard isFull(error) else {
            return ErrorReply(.internalServerError, "the library failed: \(error.message ?? "\(error.resultCode)")")
        }
        return ErrorReply(
            .init(code: 507, reasonPhrase: "Insufficient Storage"),
            "the library cannot be written: its disk is full or fails; free some space")
    }

    /// Adds a reading; returns it with its number.
    func add(_ reading: ReadingRecord) async throws -> ReadingRecord {
        try await write { database in try reading.inserted(database) }
    }

    /// Adds explanations, all or none; returns them with their numbers. Throws 404 if their reading is gone.
    func add(_ explanations: [ExplanationRecord]) async throws -> [ExplanationRecord] {
        try await write { database in
            for id in Set(explanations.map(\.readingID)) where try !ReadingRecord.exists(database, key: id) {
                throw Library.missing("reading", id)
            }
            return try explanations.map { try $0.inserted(database) }
        }
    }

    /// Adds readings with their explanations and notes, as from a file; all or nothing.
    func add(_ volumes: [Volume]) async throws -> [Int64] {
        try await write { database in
            try volumes.map { volume in
                let id = try volume.reading.inserted(database).id ?? 0
                for var explanation in volume.explanations {
                    explanation.readingID = id
                    try explanation.insert(database)
                }
                for var note in volume.notes {
                    note.readingID = id
                    try note.insert(database)
                }
                return id
            }
        }
    }

    /// Adds a note; returns it with its number. Throws 404 if there is no such reading.
    func add(_ note: NoteRecord) async throws -> NoteRecord {
        try await write { database in
            guard try ReadingRecord.exists(database, key: note.readingID) else {
                throw Library.missing("reading", note.readingID)
            }
            return try note.inserted(database)
        }
    }

    /// Gives a reading another title.
    func rename(_ id: Int64, _ title: String) async throws {
        try await write { database in
            try database.execute(sql: "UPDATE reading SET title = ? WHERE id = ?", arguments: [title.keepable, id])
            guard database.changesCount > 0 else { throw Library.missing("reading", id) }
        }
    }

    /// Changes a note; returns it.
    func change(_ id: Int64, text: String?, isHighlighted: Bool?) async throws -> NoteRecord {
        try await write { database in
            var note = try Library.known(NoteRecord.fetchOne(database, key: id), "note", id)
            note.text = text ?? note.text
            note.highlighted = isHighlighted ?? note.highlighted
            try note.update(database)
            return note
        }
    }

    /// Deletes a reading with everything about it, so that nothing of it is left in the file.
    func deleteReading(_ id: Int64) async throws {
        try await write { database in
            // The words of rows that go with their reading are taken out of the index row by row.
            _ = try NoteRecord.filter(Column("readingId") == id).deleteAll(database)
            _ = try ExplanationRecord.filter(Column("readingId") == id).deleteAll(database)
            guard try ReadingRecord.deleteOne(database, key: id) else { throw Library.missing("reading", id) }
        }
        try await erase()
    }

    /// Deletes a note.
    func deleteNote(_ id: Int64) async throws {
        try await write { database in
            guard try NoteRecord.deleteOne(database, key: id) else { throw Library.missing("note", id) }
        }
        try await erase()
    }

    /// Overwrites what was deleted: in the word indexes, which keep deleted words until they are merged, and in the log.
    ///
    /// Merging all into one adds levels to an index again and again (SQLite 3.40), and one with 2,000 levels can no longer be read;
    /// one that has some hundreds is made anew. Record 10 of an index's data lists its levels, two bytes each.
    private func erase() async throws {
        try await write { database in
            for words in Library.wordIndexes {
                try database.execute(sql: "INSERT INTO \(words)(\(words)) VALUES ('optimize')")
                let size = try Int.fetchOne(database, sql: "SELECT LENGTH(block) FROM \(words)_data WHERE id = 10")
                guard size ?? 0 > 1000 else { continue }
                try database.execute(sql: "INSERT INTO \(words)(\(words)) VALUES ('rebuild')")
            }
        }
        do { try await emptyLog() } catch let error as DatabaseError { throw Library.reply(error) }
    }

    // MARK: Reading

    /// A reading. Throws 404 if there is none.
    func reading(_ id: Int64) async throws -> ReadingRecord {
        try await read { database in
            try Library.known(ReadingRecord.fetchOne(database, key: id), "reading", id)
        }
    }

    /// Rows as what they are, without those that are nothing of the kind.
    struct Kept<Record: FetchableRecord & Sendable>: Sendable {
        private(set) var records: [Record] = []
        /// Rows that are nothing of the kind: of an earlier version, or changed by hand.
        private(set) var damagedCount = 0
        /// The number of the last row, whatever it is.
        private(set) var last: Int64?

        /// Rows read.
        var count: Int { records.count + damagedCount }

        /// No rows.
        init() {}

        /// The rows of a query.
        init(_ database: Database, sql: String, _ arguments: StatementArguments) throws {
            let rows = try Row.fetchCursor(database, sql: sql, arguments: arguments)
            while let row = try rows.next() {
                do { records.append(try Record(row: row)) } catch is BorderError { damagedCount += 1 }
                last = (try? StoredRow(row, "").number("id")) ?? last
            }
        }
    }

    /// Columns of an explanation but for its activation, which is long and seldom wanted.
    private static let explanationColumns = """
        id, readingId, created, pair, position, token, sample, text, description, complete, mse, cosine, explained, norm, temperature,
            seed, agreement, origin, claims
        """

    /// A reading's explanations without their activations, oldest first.
    func explanations(of reading: Int64) async throws -> Kept<ExplanationRecord> {
        try await read { database in
            try Kept(
                database, sql: "SELECT \(Library.explanationColumns) FROM explanation WHERE readingId = ? ORDER BY id",
                [reading])
        }
    }

    /// So many of a reading's explanations with numbers above `id`, oldest first, with their activations.
    func explanations(of reading: Int64, behind id: Int64, limit: Int) async throws -> Kept<ExplanationRecord> {
        try await read { database in
            try Kept(
                database, sql: "SELECT * FROM explanation WHERE readingId = ? AND id > ? ORDER BY id LIMIT ?",
                [reading, id, limit])
        }
    }

    /// A reading's notes, oldest first.
    func notes(of reading: Int64) async throws -> Kept<NoteRecord> {
        try await read { database in
            try Kept(database, sql: "SELECT * FROM note WHERE readingId = ? ORDER BY id", [reading])
        }
    }

    /// An explanation. Throws 404 if there is none.
    func explanation(_ id: Int64) async throws -> ExplanationRecord {
        try await read { database in
            try Library.known(ExplanationRecord.fetchOne(database, key: id), "explanation", id)
        }
    }

    /// Readings, newest first, before a number.
    func readings(before: Int64?, limit: Int) async throws -> Kept<ShelfItem> {
        try await read { database in
            try Kept(
                database,
                sql: """
                    SELECT reading.id, title, reading.created, pair,
                        (SELECT COUNT(DISTINCT position) FROM explanation WHERE readingId = reading.id) AS explained,
                        (SELECT COUNT(*) FROM note WHERE readingId = reading.id AND text <> '') AS notes
                    FROM reading WHERE reading.id < ? ORDER BY reading.id DESC LIMIT ?
                    """, [before ?? .max, limit])
        }
    }

    /// Readings by number, or all, oldest first.
    func readingIDs(_ wanted: [Int64]?) async throws -> [Int64] {
        try await read { database in
            let all = try Int64.fetchAll(database, sql: "SELECT id FROM reading ORDER BY id")
            guard let wanted else { return all }
            for id in wanted where !all.contains(id) { throw Library.missing("reading", id) }
            return wanted
        }
    }

    static func known<Value>(_ value: Value?, _ kind: String, _ id: Int64) throws -> Value {
        guard let value else { throw missing(kind, id) }
        return value
    }

    static func missing(_ kind: String, _ id: Int64) -> ErrorReply {
        ErrorReply(.notFound, "the library has no \(kind) \(id); it may have been deleted")
    }
}
