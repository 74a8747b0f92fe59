import struct Foundation.Data

/// JSON Lines: a JSON value on each line.
public enum JSONLines {
    /// A line's value and where it stands.
    public struct Line {
        /// The value.
        public let json: JSONValue
        /// Its number, from 1.
        public let number: Int
        /// `FILE: line N`, for messages.
        public let place: String
    }

    /// Calls `body` with each line; lines of white space are passed over.
    ///
    /// - Parameters:
    ///   - source: the file's name, for messages.
    ///   - failure: makes the error to throw for a line that is no JSON from a message of one line.
    public static func read(
        _ data: Data, source: String, failure: (String) -> any Error, _ body: (Line) throws -> Void
    ) throws {
        let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, bytes) in lines.enumerated() where !bytes.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) {
            let place = "\(source): line \(index + 1)"
            let json: JSONValue
            do { json = try JSONValue.parse(Data(bytes)) } catch let error as JSONError {
                throw failure("\(place), column \(error.column): invalid JSON: \(error.reason)")
            }
            try body(Line(json: json, number: index + 1, place: place))
        }
    }
}
