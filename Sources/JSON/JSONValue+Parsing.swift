import struct Foundation.Data

extension JSONValue {
    /// Reads a whole document.
    ///
    /// Accepts what the JSON standard does, plus `NaN`, `Infinity` and `-Infinity` as Python writes them. Lone
    /// surrogates become U+FFFD; of equal keys the last value wins; more than 512 nested containers are refused.
    ///
    /// - Throws: `JSONError` with the place of the first offending byte.
    public static func parse(_ bytes: [UInt8]) throws -> JSONValue {
        try bytes.withUnsafeBytes { try parse($0) }
    }

    /// Reads a whole document from `Data`; see `parse(_:)`.
    public static func parse(_ data: Data) throws -> JSONValue {
        try data.withUnsafeBytes { try parse($0) }
    }

    /// Reads a whole document from text; see `parse(_:)`.
    public static func parse(_ text: String) throws -> JSONValue {
        var text = text
        return try text.withUTF8 { try parse(UnsafeRawBufferPointer($0)) }
    }

    /// Reads a whole document from borrowed memory; see `parse(_:)`.
    public static func parse(_ bytes: UnsafeRawBufferPointer) throws -> JSONValue {
        try bytes.withMemoryRebound(to: UInt8.self) { bytes in
            var reader = JSONReader(bytes)
            let value = try reader.readValue()
            try reader.expectEnd()
            return value
        }
    }
}
