import Claims
import Tensors

/// A world of short texts, seeded and repeatable, with what is true kept beside every text.
///
///     let world = TinyWorld(seed: 1)
///     let document = world.document(0, split: .training, kind: .story)
///     print(document.text, document.truths(at: document.moments[0].offset))
///
/// Every relation that matters is said in some texts and only shown in others, with the same consequences in both.
public struct TinyWorld: Sendable {
    /// A kind of text.
    public enum Kind: String, CaseIterable, Sendable {
        /// People, an object that moves between them, moods, and a motive that decides the ending.
        case story
        /// Two lines whose second ends in the one word that rhymes and fits.
        case couplet
        /// Towns and lands that never were, asked about over two hops.
        case atlas
        /// A speaker who is fair when tested and selfish when it is real.
        case interview
        /// Talk in three invented languages.
        case language
        /// Counting, alternation and sums, sometimes wrong at the end.
        case series
    }

    /// What a document is for.
    public enum Split: String, Sendable, CaseIterable {
        /// Never shows a reserved combination.
        case training
        /// Shows at least one combination that training never does.
        case heldOut = "held-out"
    }

    /// Seed of every choice.
    public let seed: UInt64

    /// A world; the seed decides which texts are written, not what is true in the atlas or what rhymes.
    public init(seed: UInt64) { self.seed = seed }

    /// The order in which kinds follow each other where none is asked for: those with more to learn come more often.
    package static let cycle: [Kind] = [
        .story, .couplet, .atlas, .language, .interview, .series, .story, .couplet, .atlas, .series,
    ]

    /// Document number `index` of a split: the same for the same seed, split, index and kind.
    public func document(_ index: Int, split: Split, kind: Kind? = nil) -> LabelledDocument {
        let kind = kind ?? TinyWorld.cycle[index % TinyWorld.cycle.count]
        return draft(index, split: split, kind: kind).document(
            id: "\(split.rawValue)/\(kind.rawValue)/\(index)", kind: kind.rawValue)
    }

    /// The combinations of things that a document brings together; a reserved one is in no training document.
    public func combinations(_ index: Int, split: Split, kind: Kind? = nil) -> [[String]] {
        let kind = kind ?? TinyWorld.cycle[index % TinyWorld.cycle.count]
        return plan(index, split: split, kind: kind).plan.combinations
    }

    /// A lower bound of how many different texts of a kind there are: the product of choices that every text of it shows and
    /// that are free of each other, before combinations are reserved.
    public static func leastTexts(of kind: Kind) -> Double {
        switch kind {
        case .story: StoryPlan.leastTexts
        case .couplet: CoupletPlan.leastTexts
        case .atlas: AtlasPlan.leastTexts
        case .interview: InterviewPlan.leastTexts
        case .language: LanguagePlan.leastTexts
        case .series: SeriesPlan.leastTexts
        }
    }

    /// Whether a combination is kept for held-out documents; the same in every world.
    public static func isReserved(_ combination: [String]) -> Bool {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for part in combination {
            for byte in part.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
            hash = (hash ^ 0x1F) &* 0x0000_0100_0000_01B3
        }
        var mixed = Random(seed: hash)
        return mixed.next() % 1000 < 85
    }

    private func draft(_ index: Int, split: Split, kind: Kind) -> Page {
        var (plan, random) = plan(index, split: split, kind: kind)
        var page = Page()
        let question = Questions.textKind
        page.fact("z", question, kind.rawValue)
        if random.chance(0.35) {
            page.sentence(random.pick(Titles.of(kind)))
        }
        plan.write(on: &page, &random)
        return page
    }

    private func plan(_ index: Int, split: Split, kind: Kind) -> (plan: any Plan, random: Random) {
        var random = Random(
            seed: seed, split == .training ? 1 : 2, UInt64(Kind.allCases.firstIndex(of: kind) ?? 0),
            UInt64(bitPattern: Int64(index)))
        while true {
            let plan = TinyWorld.plan(kind, split, &random)
            if plan.combinations.contains(where: TinyWorld.isReserved) == (split == .heldOut) { return (plan, random) }
        }
    }

    private static func plan(_ kind: Kind, _ split: Split, _ random: inout Random) -> any Plan {
        switch kind {
        case .story: StoryPlan(&random)
        case .couplet: CoupletPlan(&random, split)
        case .atlas: AtlasPlan(&random, split)
        case .interview: InterviewPlan(&random)
        case .language: LanguagePlan(&random)
        case .series: SeriesPlan(&random)
        }
    }
}

/// The choices that make a text what it is, drawn before a word is written.
protocol Plan {
    /// What the text brings together, each named by its kind first.
    var combinations: [[String]] { get }
    /// Writes the text; choices of wording are drawn here.
    mutating func write(on page: inout Page, _ random: inout Random)
}

/// First sentences that say what kind of text follows.
enum Titles {
    static func of(_ kind: TinyWorld.Kind) -> [String] {
        switch kind {
        case .story: ["A story.!z", "This is a story.!z", "Here is a short story.!z"]
        case .couplet: ["A couplet or two.!z", "Two lines make a couplet.!z", "Here is a couplet.!z"]
        case .atlas: ["From an old atlas.!z", "Open the atlas.!z", "A page of the atlas.!z"]
        case .interview: ["An interview.!z", "From an interview.!z", "Here is an interview.!z"]
        case .language: ["A talk in a foreign language.!z", "Hear a language.!z", "A language is spoken here.!z"]
        case .series: ["A series.!z", "Here is a series.!z", "Listen to a series.!z"]
        }
    }
}
