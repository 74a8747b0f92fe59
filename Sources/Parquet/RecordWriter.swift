import Foundation
import JSON

/// Writes records of texts as JSON Lines or, under a name that ends in `.parquet`, as Parquet.
public enum RecordWriter {
    /// Whether a file of this name is written as Parquet.
    public static func isParquet(_ url: URL) -> Bool { url.pathExtension.lowercased() == "parquet" }

    /// Writes records, each an object with text under the names of `fields`, or nothing there.
    ///
    /// - Parameter notes: what a Parquet file notes beside the data.
    /// - Throws: a ``ParquetError`` where the file cannot be written, or a record has something else than text under a name.
    public static func write(
        _ records: [JSONValue], fields: [String], to url: URL, notes: [String: String] = [:]
    ) throws {
        guard isParquet(url) else {
            let lines = records.map { $0.serialized() + "\n" }.joined()
            do { try Disk.write(Data(lines.utf8), to: url) } catch let failure as Disk.Failure {
                throw ParquetError(url.path, failure.description.replacing("\(url.path): ", with: ""))
            }
            return
        }
        let schema = fields.map { ParquetField($0, .string) }
        try ParquetWriter.write(to: url, schema, notes: notes) { writer in
            for start in stride(from: 0, to: records.count, by: 4096) {
                let part = records[start..<min(records.count, start + 4096)]
                try writer.append(
                    schema.map { field in try ParquetColumn(field, rows: part.map { $0[field.name] ?? .null }) })
            }
        }
    }
}
