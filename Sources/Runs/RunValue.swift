import Foundation
import Tensors

/// A value that an option can have: one that is written in a run file or behind a flag.
public protocol RunValue: Equatable, Sendable {
    /// What a message asks for: "a whole number".
    static var expectation: String { get }
    /// The value as it is written in a run file.
    var runText: String { get }
    /// Reads what a person wrote; nil where it is no such value.
    init?(runText: String)
}

extension Int: RunValue {
    public static var expectation: String { "a whole number" }
    public var runText: String { description }
    public init?(runText: String) { self.init(runText) }
}

extension UInt64: RunValue {
    public static var expectation: String { "a whole number, not negative" }
    public var runText: String { description }
    public init?(runText: String) { self.init(runText) }
}

extension Float: RunValue {
    public static var expectation: String { "a number" }
    public var runText: String { yamlNumber(description) }
    public init?(runText: String) {
        guard let value = Float(runText), value.isFinite else { return nil }
        self = value
    }
}

extension Double: RunValue {
    public static var expectation: String { "a number" }
    public var runText: String { yamlNumber(description) }
    public init?(runText: String) {
        guard let value = Double(runText), value.isFinite else { return nil }
        self = value
    }
}

/// Some YAML readers take 1e-05 for text, and 1.0e-05 for a number.
private func yamlNumber(_ text: String) -> String {
    guard let exponent = text.firstIndex(of: "e"), !text.contains(".") else { return text }
    return text[..<exponent] + ".0" + text[exponent...]
}

extension Bool: RunValue {
    public static var expectation: String { "true or false" }
    public var runText: String { description }
    public init?(runText: String) { self.init(runText.lowercased()) }
}

extension String: RunValue {
    public static var expectation: String { "text" }
    public var runText: String { self }
    public init?(runText: String) { self = runText }
}

extension Optional: RunValue where Wrapped: RunValue {
    public static var expectation: String { Wrapped.expectation + ", or none" }
    public var runText: String { self?.runText ?? "none" }
    public init?(runText: String) {
        if ["none", "null", "~", ""].contains(runText) {
            self = .none
        } else if let value = Wrapped(runText: runText) {
            self = .some(value)
        } else {
            return nil
        }
    }
}

/// Lists are written with commas, in a run file also as a YAML sequence.
extension Array: RunValue where Element: RunValue {
    public static var expectation: String { "a list of values with commas between, each \(Element.expectation)" }
    public var runText: String { map(\.runText).joined(separator: ",") }
    public init?(runText: String) {
        guard !runText.isEmpty else {
            self = []
            return
        }
        let parts = runText.split(separator: ",", omittingEmptySubsequences: false).map {
            Element(runText: $0.trimmingCharacters(in: .whitespaces))
        }
        let values = parts.compactMap { $0 }
        guard values.count == parts.count else { return nil }
        self = values
    }
}

extension RunValue where Self: RawRepresentable & CaseIterable, RawValue == String {
    public static var expectation: String { allCases.map(\.rawValue).joined(separator: " or ") }
    public var runText: String { rawValue }
    public init?(runText: String) { self.init(rawValue: runText) }
}

extension Precision: RunValue {}
