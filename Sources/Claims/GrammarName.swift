/// A grammar that facts can be said in, by name: a world's, or the plain one.
public struct GrammarName: RawRepresentable, CaseIterable, Hashable, Sendable {
    /// The name in options and files.
    public let rawValue: String

    /// A grammar by its name; nil for a name that none has.
    public init?(rawValue: String) {
        guard rawValue == GrammarName.plain.rawValue || KnownWorlds.names.contains(rawValue) else { return nil }
        self.rawValue = rawValue
    }

    private init(known name: String) { rawValue = name }

    /// That of any labelled documents.
    public static let plain = GrammarName(known: "plain")
    /// That of the world that options name where nobody says another.
    public static let standard = GrammarName(known: KnownWorlds.standardName)

    /// The worlds' grammars, then the plain one.
    public static var allCases: [GrammarName] { KnownWorlds.names.map(GrammarName.init(known:)) + [.plain] }

    /// The grammar. Throws a ``ClaimsError`` where its world is not plugged in.
    public var grammar: any ClaimGrammar {
        get throws {
            if self == .plain { return PlainGrammar() }
            guard let world else {
                throw ClaimsError("grammar: no world \(rawValue) is plugged in here; register it, or take plain")
            }
            return world.grammar
        }
    }

    /// The world whose grammar it is; nil for the plain one, and where that world is not plugged in.
    public var world: (any KnownWorld)? { KnownWorlds.named(rawValue) }

    /// The questions that some texts answer in words and others only show; nil where only the documents can tell.
    public var shown: Set<Question>? { world?.shownQuestions }
}
