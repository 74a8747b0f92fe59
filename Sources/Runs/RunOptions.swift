import Foundation

/// The options of one kind of run, each declared once: from its field come the key of the run file, the flag, the help, the
/// checks, and whether a resumed run may change it.
///
///     struct TargetOptions: RunOptions {
///         var steps = 4000
///         static let stage = "target"
///         static let fields: [RunField<Self>] = [
///             RunField("steps", \.steps, in: 1...1_000_000, "Optimizer steps.")
///         ]
///     }
public protocol RunOptions: Sendable {
    /// The kind of run, as `nla train` calls it.
    static var stage: String { get }
    /// Every option, in the order in which help and run files list them.
    static var fields: [RunField<Self>] { get }
    /// The defaults.
    init()
    /// Throws a ``TrainingError`` for values that do not go together.
    func check() throws
}

extension RunOptions {
    /// Nothing to check.
    public func check() throws {}

    static func field(_ name: String) -> RunField<Self>? {
        let name = name.replacing("-", with: "_")
        return fields.first { $0.name == name }
    }

    /// Sets an option from text. Throws a ``TrainingError``.
    ///
    /// - Parameters:
    ///   - source: where it was written, for the front of a message.
    ///   - spelling: how an option's name is written there.
    package mutating func set(_ name: String, to text: String, source: String = "", spelling: (String) -> String) throws
    {
        guard let field = Self.field(name) else {
            let known = Self.fields.filter { $0.isOfStage == name.contains(".") }.map(\.name)
            let hint =
                nearest(to: name.replacing("-", with: "_"), in: known).map { "did you mean \(spelling($0))?" }
                ?? "known are \(known.map(spelling).joined(separator: ", "))"
            throw TrainingError("\(source)\(spelling(name)): no such option of a \(Self.stage) run; \(hint)")
        }
        if let complaint = field.read(text, &self) {
            throw TrainingError("\(source)\(spelling(field.name)): «\(text.prefix(60))» is not \(complaint)")
        }
    }

    /// Names of the options in which two runs differ, with both values.
    package func differences(to other: Self) -> [(field: RunField<Self>, here: String, there: String)] {
        Self.fields.compactMap { field in
            let here = field.text(self), there = field.text(other)
            return here == there ? nil : (field, here, there)
        }
    }
}

/// One option of a run.
public struct RunField<Options>: Sendable {
    /// Its key in run files; its flag has hyphens for underscores.
    public let name: String
    /// What it is, in a sentence or two.
    public let help: String
    /// Whether the run's result depends on it, so that a resumed run must have the same.
    public let isFixed: Bool
    /// Whether it is written between quotes.
    let isText: Bool
    /// Whether its flag may stand without a value.
    let isFlag: Bool
    /// Whether it is an option of a stage of the run: `av.steps`.
    let isOfStage: Bool
    /// Sets it from text; returns what would have been right where that cannot be done.
    let read: @Sendable (_ text: String, _ options: inout Options) -> String?
    /// Its value as text.
    package let text: @Sendable (_ options: Options) -> String

    /// An option that lies at `path`.
    ///
    /// - Parameter fixed: whether a resumed run must have the same value; false for what decides only when and where to look.
    public init<Value: RunValue>(
        _ name: String, _ path: WritableKeyPath<Options, Value> & Sendable, fixed: Bool = true, _ help: String
    ) {
        self.init(name, path, fixed: fixed, help, expectation: Value.expectation) { _ in true }
    }

    /// An option that lies at `path`, with the values that it may have.
    public init<Value: RunValue & Comparable>(
        _ name: String, _ path: WritableKeyPath<Options, Value> & Sendable, in range: ClosedRange<Value>,
        fixed: Bool = true, _ help: String
    ) {
        let limits = "\(Value.expectation) from \(range.lowerBound.runText) to \(range.upperBound.runText)"
        self.init(name, path, fixed: fixed, help, expectation: limits) { range.contains($0) }
    }

    private init<Value: RunValue>(
        _ name: String, _ path: WritableKeyPath<Options, Value> & Sendable, fixed: Bool, _ help: String,
        expectation: String, accepts: @escaping @Sendable (Value) -> Bool
    ) {
        self.name = name
        self.help = help
        isFixed = fixed
        isText = Value.self == String.self || Value.self == String?.self || Value.self == [String].self
        isFlag = Value.self == Bool.self
        isOfStage = false
        read = { text, options in
            guard let value = Value(runText: text), accepts(value) else { return expectation }
            options[keyPath: path] = value
            return nil
        }
        text = { $0[keyPath: path].runText }
    }

    /// An option of a part of the options, under its own name.
    package init<Part>(_ field: RunField<Part>, in path: WritableKeyPath<Options, Part> & Sendable) {
        name = field.name
        help = field.help
        isFixed = field.isFixed
        isText = field.isText
        isFlag = field.isFlag
        isOfStage = field.isOfStage
        read = { text, options in field.read(text, &options[keyPath: path]) }
        text = { field.text($0[keyPath: path]) }
    }

    /// An option of a stage of the run, named `stage.option`: checked as the stage does, and kept as text under that name.
    ///
    /// It may change in a resumed run as far as the stage itself allows.
    package init<Stage: RunOptions>(
        of stage: String, _ field: RunField<Stage>, _ path: WritableKeyPath<Options, [String: String]> & Sendable
    ) {
        let name = "\(stage).\(field.name)"
        self.name = name
        help = field.help
        isFixed = false
        isText = field.isText
        isFlag = field.isFlag
        isOfStage = true
        read = { text, options in
            var scratch = Stage()
            if let complaint = field.read(text, &scratch) { return complaint }
            options[keyPath: path][name] = text
            return nil
        }
        text = { $0[keyPath: path][name] ?? "" }
    }
}

/// The known name that a person most likely meant, or nil if none is close.
func nearest(to name: String, in known: [String]) -> String? {
    let scored = known.map { (name: $0, distance: editDistance(Array(name.utf8), Array($0.utf8))) }
    guard let best = scored.min(by: { $0.distance < $1.distance }) else { return nil }
    return best.distance <= max(2, name.utf8.count / 3) ? best.name : nil
}

/// The number of single letters to insert, delete or replace (Levenshtein 1966).
private func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, y) in b.enumerated() {
            let replaced = diagonal + (x == y ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
        }
    }
    return row[b.count]
}
