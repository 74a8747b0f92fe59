/// One checkable statement: of this subject, this relation has this value.
///
///     Fact("the hero", "motive", "greedy")
///
/// Subjects are roles that every document of a kind has, so a relation is a question with one answer per text, and a linear
/// reader of it is a classifier over its values.
public struct Fact: Hashable, Sendable {
    /// Whom or what it is about.
    public let subject: String
    /// What is said of the subject.
    public let relation: String
    /// The answer.
    public let value: String

    /// A statement; its truth is not implied.
    public init(_ subject: String, _ relation: String, _ value: String) {
        self.subject = subject
        self.relation = relation
        self.value = value
    }

    /// The question that the value answers.
    public var question: Question { Question(subject: subject, relation: relation) }
}

/// What a fact answers: a subject and a relation.
public struct Question: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// Whom or what it is about.
    public let subject: String
    /// What is asked of the subject.
    public let relation: String

    /// A question.
    public init(subject: String, relation: String) {
        self.subject = subject
        self.relation = relation
    }

    public static func < (left: Question, right: Question) -> Bool {
        (left.subject, left.relation) < (right.subject, right.relation)
    }

    public var description: String { "\(subject): \(relation)" }
}

/// How a fact stands at a place in a text.
public enum Standing: String, Sendable, CaseIterable {
    /// Words up to here have said it.
    case stated
    /// It follows from what happened, what comes next depends on it, and no word has said it.
    case latent
}
