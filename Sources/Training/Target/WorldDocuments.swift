import Claims
import TinyWorld

/// TinyWorld's documents of one split, without end.
public struct WorldDocuments: DocumentSource {
    /// Where they come from.
    public let world: TinyWorld
    /// Which of them.
    public let split: TinyWorld.Split

    /// The documents of a split.
    public init(world: TinyWorld, split: TinyWorld.Split) {
        self.world = world
        self.split = split
    }

    public var count: Int? { nil }
    public func document(_ index: Int) -> LabelledDocument { world.document(index, split: split) }
}
