import Foundation
import JSON

/// Reads files of records, one JSON object each, whether they are JSON Lines or Parquet: which of the two is told by how they begin.
///
///     try RecordReader.read(url, fields: ["id", "text"], failure: { MyError($0) }) { record in
///         print(record.place, record.json["text"]?.string ?? "")
///     }
public enum RecordReader {
    /// A record and where it stands.
    public struct Record {
        /// The record.
        public let json: JSONValue
        /// The number of its line or row, from 1.
        public let number: Int
        /// Whether it is a row of a Parquet file.
        public let isRow: Bool
        /// `FILE: line N` or `FILE: row N`, for messages.
        public let place: String
        /// The file.
        public let file: URL
    }

    /// Calls `body` with each record. Lines of white space are passed over.
    ///
    /// Of a Parquet file only columns named in `fields` are read, a batch at a time: a column of activations beside texts costs nothing.
    ///
    /// - Parameters:
    ///   - fields: what the caller looks at; nil for everything.
    ///   - contents: reads the bytes of a file that is not Parquet; nil maps them.
    ///   - failure: makes the error to throw from a message of one line.
    public static func read(
        _ url: URL, fields: [String]? = nil, contents: (() throws -> Data)? = nil, failure: (String) -> any Error,
        _ body: (Record) throws -> Void
    ) throws {
        guard ParquetFile.isParquet(url) else {
            let data = try contents?() ?? lines(url, failure)
            return try JSONLines.read(data, source: url.path, failure: failure) { line in
                try body(Record(json: line.json, number: line.number, isRow: false, place: line.place, file: url))
            }
        }
        do {
            let file = try ParquetFile(url)
            let names = fields.map { wanted in file.schema.map(\.name).filter(wanted.contains) }
            if let names, names.isEmpty, let fields {
                let there = file.schema.prefix(30).map(\.name).joined(separator: ", ")
                throw failure(
                    "\(url.path): has none of the columns \(fields.joined(separator: ", ")); it has \(there.isEmpty ? "none" : there)"
                        .onOneLine)
            }
            try file.eachRow(columns: names) { row, number in
                try body(
                    Record(
                        json: row, number: number + 1, isRow: true, place: "\(url.path): row \(number + 1)", file: url))
            }
        } catch let error as ParquetError {
            throw failure(error.description)
        }
    }

    /// The same of several files, one after the other. Numbers begin anew with each.
    ///
    /// - Parameter contents: reads the bytes of a file that is not Parquet; nil maps them.
    public static func read(
        _ files: [URL], fields: [String]? = nil, contents: ((URL) throws -> Data)? = nil,
        failure: (String) -> any Error, _ body: (Record) throws -> Void
    ) throws {
        for file in files {
            try read(
                file, fields: fields, contents: contents.map { read in { try read(file) } }, failure: failure, body)
        }
    }

    private static func lines(_ url: URL, _ failure: (String) -> any Error) throws -> Data {
        // By descriptor: pipes are read too, and the system says why a file is not.
        let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw failure("\(url.path): cannot be read: \(String(cString: strerror(errno)))")
        }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        guard let data = try? handle.readToEnd() ?? Data() else {
            throw failure("\(url.path): cannot be read; is it a file?")
        }
        return data
    }
}
