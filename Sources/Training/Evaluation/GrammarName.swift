import Claims
import TinyWorld

/// The grammars that facts can be said in.
public enum GrammarName: String, Sendable, CaseIterable, RunValue {
    /// The tiny world's.
    case tinyWorld = "tiny-world"
    /// That of any labelled documents.
    case plain

    /// The grammar.
    public var grammar: any ClaimGrammar { self == .tinyWorld ? TinyWorldGrammar() : PlainGrammar() }
    /// The questions that some texts answer in words and others only show; nil where only the documents can tell.
    public var shown: Set<Question>? { self == .tinyWorld ? TinyWorld.shownQuestions : nil }
}
