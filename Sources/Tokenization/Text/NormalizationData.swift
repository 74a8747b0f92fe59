/// The tables of Unicode normalization, spread out for looking up.
final class NormalizationData: Sendable {
    static let shared = NormalizationData()

    /// What normalization may do with a character.
    private enum Flag {
        /// It is a combining mark, or may compose with what precedes it.
        static let joins: UInt8 = 1
        /// It has a canonical decomposition.
        static let decomposes: UInt8 = 2
        /// It has a compatibility decomposition.
        static let decomposesCompatibly: UInt8 = 4
        /// It has a canonical decomposition that does not compose again.
        static let vanishes: UInt8 = 8
    }

    /// No character from here on has properties of interest.
    private static let end = 0x2FA1E
    private static let syllables: ClosedRange<UInt32> = 0xAC00...0xD7A3
    private static let (leading, vowel, trailing): (UInt32, UInt32, UInt32) = (0x1100, 0x1161, 0x11A7)
    private static let (vowels, trailings): (UInt32, UInt32) = (21, 28)

    private let flagsOfCharacter: [UInt8]
    private let classOfCharacter: [UInt8]
    /// For each character with one, its decomposition in full, as a range of `parts`.
    private let canonical: [UInt32: Range<Int>]
    private let compatible: [UInt32: Range<Int>]
    private let parts: [UInt32]
    private let composites: [UInt64: UInt32]

    private init() {
        var flags = [UInt8](repeating: 0, count: Self.end)
        var classes = [UInt8](repeating: 0, count: Self.end)
        var composites: [UInt64: UInt32] = [:]
        var parts: [UInt32] = []
        func ranges(_ decompositions: [UInt32: [UInt32]]) -> [UInt32: Range<Int>] {
            decompositions.mapValues { decomposition in
                parts += decomposition
                return parts.count - decomposition.count..<parts.count
            }
        }
        let steps = UnicodeTable.lists(UnicodeTables.canonicalDecompositions)
        let exclusions = Set(UnicodeTable.numbers(UnicodeTables.compositionExclusions))
        for (character, known) in UnicodeTable.lists(UnicodeTables.combiningClasses) {
            classes[Int(character)] = UInt8(known[0])
            flags[Int(character)] |= Flag.joins
        }
        for (character, step) in steps {
            flags[Int(character)] |= Flag.decomposes
            if step.count == 2, !exclusions.contains(character) {
                composites[Self.pair(step[0], step[1])] = character
                flags[Int(step[1])] |= Flag.joins
            } else {
                flags[Int(character)] |= Flag.vanishes
            }
        }
        func full(_ character: UInt32) -> [UInt32] {
            guard let step = steps[character] else { return [character] }
            return full(step[0]) + step.dropFirst()
        }
        for jamo in Self.vowel..<Self.vowel + Self.vowels { flags[Int(jamo)] |= Flag.joins }
        for jamo in Self.trailing + 1..<Self.trailing + Self.trailings {
            flags[Int(jamo)] |= Flag.joins
        }
        for syllable in Self.syllables { flags[Int(syllable)] |= Flag.decomposes }
        let decompositions = Dictionary(uniqueKeysWithValues: steps.keys.map { ($0, full($0)) })
        for (character, decomposition) in decompositions
        where flags[Int(decomposition[0])] & Flag.joins != 0 {
            flags[Int(character)] |= Flag.joins
        }
        let compatible = UnicodeTable.lists(UnicodeTables.compatibilityDecompositions)
        for character in compatible.keys { flags[Int(character)] |= Flag.decomposesCompatibly }
        self.canonical = ranges(decompositions)
        self.compatible = ranges(compatible)
        self.parts = parts
        self.composites = composites
        flagsOfCharacter = flags
        classOfCharacter = classes
    }

    private static func pair(_ first: UInt32, _ second: UInt32) -> UInt64 {
        UInt64(first) << 32 | UInt64(second)
    }

    /// What may happen to a character; see `changing`.
    @inline(__always)
    func flags(_ character: UInt32) -> UInt8 {
        character < Self.end ? flagsOfCharacter[Int(character)] : 0
    }

    /// The flags of characters that a form may change, or join with what precedes them.
    func changing(_ form: NormalizationForm) -> UInt8 {
        switch form {
        case .composed: Flag.joins | Flag.vanishes
        case .decomposed: Flag.joins | Flag.decomposes
        case .compatibilityComposed: Flag.joins | Flag.vanishes | Flag.decomposesCompatibly
        case .compatibilityDecomposed: Flag.joins | Flag.decomposes | Flag.decomposesCompatibly
        }
    }

    func combiningClass(_ character: UInt32) -> UInt8 {
        character < Self.end ? classOfCharacter[Int(character)] : 0
    }

    /// Calls `body` with the characters that this one decomposes into, in full; often itself only.
    @inline(__always)
    func decompose(_ character: UInt32, isCompatibility: Bool, _ body: (UInt32) -> Void) {
        if Self.syllables.contains(character) {
            let index = character - Self.syllables.lowerBound
            body(Self.leading + index / (Self.vowels * Self.trailings))
            body(Self.vowel + index % (Self.vowels * Self.trailings) / Self.trailings)
            if index % Self.trailings > 0 { body(Self.trailing + index % Self.trailings) }
            return
        }
        let flags = flags(character)
        if isCompatibility, flags & Flag.decomposesCompatibly != 0, let range = compatible[character] {
            for part in range { body(parts[part]) }
        } else if flags & Flag.decomposes != 0, let range = canonical[character] {
            for part in range { body(parts[part]) }
        } else {
            body(character)
        }
    }

    /// What two characters compose to, if anything.
    func composite(_ first: UInt32, _ second: UInt32) -> UInt32? {
        if (Self.vowel..<Self.vowel + Self.vowels).contains(second) {
            guard (Self.leading..<Self.leading + 19).contains(first) else { return nil }
            return Self.syllables.lowerBound
                + ((first - Self.leading) * Self.vowels + second - Self.vowel) * Self.trailings
        }
        if (Self.trailing + 1..<Self.trailing + Self.trailings).contains(second) {
            guard Self.syllables.contains(first),
                (first - Self.syllables.lowerBound) % Self.trailings == 0
            else {
                return nil
            }
            return first + second - Self.trailing
        }
        guard flags(second) & Flag.joins != 0 else { return nil }
        return composites[Self.pair(first, second)]
    }
}
