import Foundation
import GRDB
import JSON

/// A row of the library on its way in. The file may be of an earlier version, or changed by hand: what could be absent and cannot be
/// what it should counts as absent, and without the rest the row is none.
struct StoredRow {
    private let values: [String: DatabaseValue]
    private let kind: String

    /// - Parameter kind: what messages call the row.
    init(_ row: Row, _ kind: String) {
        values = Dictionary(row.map { ($0.0, $0.1) }) { first, _ in first }
        self.kind = kind
    }

    /// A column's value as SQLite holds it, whatever its type; null for a column that is not there.
    private func value(_ column: String) -> DatabaseValue.Storage {
        values[column]?.storage ?? .null
    }

    private var source: String {
        if case .int64(let id) = value("id") {
            "\(kind) \(id) of the library"
        } else {
            "a row (\(kind)) of the library"
        }
    }

    func problem(_ column: String, _ what: String) -> BorderError { BorderError("\(source): \(column): \(what)") }

    func isNull(_ column: String) -> Bool {
        if case .null = value(column) { true } else { false }
    }

    func text(_ column: String) throws -> String {
        guard let text = optionalText(column) else { throw problem(column, "no text") }
        return text
    }

    func optionalText(_ column: String) -> String? {
        switch value(column) {
        case .string(let text): text.keepable
        case .int64(let number): "\(number)"
        default: nil
        }
    }

    func number(_ column: String) throws -> Int64 {
        guard case .int64(let number) = value(column) else { throw problem(column, "no whole number") }
        return number
    }

    func integer<Kind: IntegerKind>(_ column: String) throws -> BoundedInteger<Kind> {
        guard case .int64(let number) = value(column),
            let integer = Int(exactly: number).flatMap({ BoundedInteger<Kind>($0) })
        else { throw problem(column, "no \(Kind.name); those are whole numbers below \(Kind.bound)") }
        return integer
    }

    /// Nil where it is absent, no number, or not finite.
    func double(_ column: String) -> Double? {
        switch value(column) {
        case .double(let number): number.isFinite ? number : nil
        case .int64(let number): Double(number)
        default: nil
        }
    }

    func flag(_ column: String) -> Bool {
        if case .int64(let number) = value(column) { number != 0 } else { false }
    }

    func data(_ column: String) -> Data? {
        if case .blob(let data) = value(column) { data } else { nil }
    }

    /// Nil where it is absent or no JSON.
    func json(_ column: String) -> JSONValue? {
        guard case .string(let text) = value(column) else { return nil }
        return try? JSONValue.parse(text)
    }

    func neededJSON(_ column: String) throws -> ForeignJSON {
        guard let json = json(column) else { throw problem(column, "no JSON") }
        return ForeignJSON(json, source: source, path: column, .mends)
    }
}
