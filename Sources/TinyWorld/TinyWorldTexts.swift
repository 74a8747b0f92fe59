import Claims

/// The tiny world as a plug-in: what trains, verifies and serves meets it as a ``KnownWorld`` by the name `tiny-world`.
public struct TinyWorldTexts: KnownWorld {
    /// The plug-in.
    public init() {}

    /// Makes the tiny world known to whatever asks for it by name. Once at the start of a program is enough.
    public static func register() { KnownWorlds.register(TinyWorldTexts()) }

    public var name: String { "tiny-world" }
    public var title: String { "the tiny world" }
    public var targetName: String { "TinyWorld" }
    public var kinds: [String] { TinyWorld.Kind.allCases.map(\.rawValue) }
    public var grammar: any ClaimGrammar { TinyWorldGrammar() }
    public var shownQuestions: Set<Question> { TinyWorld.shownQuestions }

    public var values: [Question: [String]] {
        Dictionary(
            uniqueKeysWithValues: TinyWorld.questions.compactMap { question in
                TinyWorld.values(of: question).map { (question, $0) }
            })
    }

    public func document(_ index: Int, seed: UInt64, isHeldOut: Bool, kind: String?) -> LabelledDocument {
        TinyWorld(seed: seed).document(
            index, split: isHeldOut ? .heldOut : .training, kind: kind.flatMap(TinyWorld.Kind.init))
    }
}

extension TinyWorldGrammar: TranslatingGrammar {
    /// The text with the words that one of the world's tongues has a word for in that tongue.
    public func translated(_ text: String) -> String? { TinyWorld.translated(text) }
}
