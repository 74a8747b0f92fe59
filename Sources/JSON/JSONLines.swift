import Foundation

/// JSON Lines: a JSON value on each line.
public enum JSONLines {
    /// A line's value and where it stands.
    public struct Line {
        /// The value.
        public let json: JSONValue
        /// Its number, from 1.
        public let number: Int
        /// Where it lies in the data, without its line break.
        public let bytes: Range<Int>
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
        var begin = data.startIndex, number = 0
        while begin < data.endIndex {
            let end = data[begin...].firstLineBreak ?? data.endIndex, bytes = data[begin..<end]
            defer { begin = end + 1 }
            number += 1
            if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { continue }
            let place = "\(source): line \(number)"
            let json: JSONValue
            do { json = try JSONValue.parse(Data(bytes)) } catch let error as JSONError {
                throw failure("\(place), column \(error.column): invalid JSON: \(error.reason)")
            }
            try body(Line(json: json, number: number, bytes: begin..<end, place: place))
        }
    }
}

extension Data {
    /// The index of the first line feed.
    fileprivate var firstLineBreak: Index? {
        withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, let found = memchr(base, 0x0A, bytes.count) else { return nil }
            return startIndex + base.distance(to: UnsafeRawPointer(found))
        }
    }
}
