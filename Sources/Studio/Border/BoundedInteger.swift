import JSON

/// What a whole number counts, and what it stays below.
protocol IntegerKind: Sendable {
    /// The first number that is none of the kind.
    static var bound: Int { get }
    /// What messages call such a number.
    static var name: String { get }
}

/// A whole number from 0 to a bound that its kind sets, so that no arithmetic on it overflows and no conversion of it fails.
struct BoundedInteger<Kind: IntegerKind>: Hashable, Sendable {
    let value: Int

    /// Nil for a number that is none of the kind.
    init?(_ value: Int) {
        guard (0..<Kind.bound).contains(value) else { return nil }
        self.value = value
    }

    private init(unchecked value: Int) { self.value = value }

    static var zero: Self { Self(unchecked: 0) }

    var json: JSONValue { .integer(value) }
}

extension BoundedInteger: Comparable {
    static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// The place of a token in its text.
typealias Position = BoundedInteger<PositionKind>
enum PositionKind: IntegerKind {
    static let bound = 1 << 20
    static let name = "position"
}

/// Which of the explanations that were drawn together.
typealias SampleIndex = BoundedInteger<SampleKind>
enum SampleKind: IntegerKind {
    static let bound = 1 << 20
    static let name = "number of a sample"
}

/// A block of a model.
typealias LayerIndex = BoundedInteger<LayerKind>
enum LayerKind: IntegerKind {
    static let bound = 10_000
    static let name = "layer"
}

/// A token of a vocabulary.
typealias TokenID = BoundedInteger<TokenKind>
enum TokenKind: IntegerKind {
    static let bound = Int(Int32.max) + 1
    static let name = "token id"
}

extension TokenID {
    /// The id as models take it.
    var id: Int32 { Int32(truncatingIfNeeded: value) }
}

/// A number that is finite; what is not counts as absent.
@propertyWrapper
struct Finite: Sendable {
    private var value: Double?

    init(wrappedValue: Double?) { value = wrappedValue.flatMap { $0.isFinite ? $0 : nil } }

    var wrappedValue: Double? {
        get { value }
        set { self = Finite(wrappedValue: newValue) }
    }
}
