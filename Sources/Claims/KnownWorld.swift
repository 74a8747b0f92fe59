import Synchronization

/// Texts without end of which it is known what is true: something to train and to measure on where no documents are at hand.
///
/// A world is a plug-in. Whatever trains, verifies or serves knows worlds by this protocol and by name alone; a program registers
/// those that it has when it starts (``KnownWorlds/register(_:)``).
public protocol KnownWorld: Sendable {
    /// What options call it, among files and grammars: `tiny-world`.
    var name: String { get }
    /// What a sentence calls it: "the tiny world".
    var title: String { get }
    /// What the names of targets that were trained on it begin with.
    var targetName: String { get }
    /// Kinds of its texts.
    var kinds: [String] { get }
    /// How its claims are said.
    var grammar: any ClaimGrammar { get }
    /// Its questions, each with every value that it can have, where these can be listed.
    var values: [Question: [String]] { get }
    /// The questions whose answers a text may show before it says them.
    var shownQuestions: Set<Question> { get }
    /// Document number `index`: the same for the same seed, side, index and kind.
    ///
    /// - Parameters:
    ///   - isHeldOut: whether it is of the side that nothing learns from.
    ///   - kind: one of ``kinds``; nil takes them in turn.
    func document(_ index: Int, seed: UInt64, isHeldOut: Bool, kind: String?) -> LabelledDocument
}

/// A grammar that can put the words of its claims into another language.
public protocol TranslatingGrammar: ClaimGrammar {
    /// A text in another language; nil where no word of it has a translation.
    func translated(_ text: String) -> String?
}

/// The worlds that a program has plugged in.
public enum KnownWorlds {
    private static let worlds = Mutex<[any KnownWorld]>([])

    /// The world that options name where nobody says another.
    public static let standardName = "tiny-world"

    /// Plugs a world in; again, it takes the place of the one of its name.
    public static func register(_ world: any KnownWorld) {
        worlds.withLock { worlds in
            if let index = worlds.firstIndex(where: { $0.name == world.name }) {
                worlds[index] = world
            } else {
                worlds.append(world)
            }
        }
    }

    /// Those plugged in, in order.
    public static var all: [any KnownWorld] { worlds.withLock { $0 } }

    /// Names that are kept for worlds, also while none is plugged in.
    public static var names: [String] {
        let known = all.map(\.name)
        return known.contains(standardName) ? known : [standardName] + known
    }

    /// The world of a name; nil if none is plugged in.
    public static func named(_ name: String) -> (any KnownWorld)? { all.first { $0.name == name } }
}
