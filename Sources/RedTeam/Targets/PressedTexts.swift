import Autoencoder
import Claims
import Faithfulness
import LanguageModel
import Runs
import Tensors
import Tokenization

/// Texts to fine-tune a target on, with what readers are to make of its activations: where the value is to be hidden
/// the cover, elsewhere what they make of them now.
struct PressedTexts {
    /// A text with the places that are pressed on.
    struct Text {
        let document: LabelledDocument
        /// Token positions, and what is wanted of each.
        let places: [(position: Int, place: PressedPlace)]
    }

    /// Texts in which the value is to be hidden, and those of which everything is to be read.
    private(set) var hiding: [Text] = [], keeping: [Text] = []

    /// Chooses texts and reads the target. Throws if an activation is not finite.
    ///
    /// - Parameters:
    ///   - target: what is to be fine-tuned, as it is now.
    ///   - verbalizer: says what readers make of it now.
    init(
        _ options: HideOptions, _ fact: HiddenFact, _ target: Target, _ verbalizer: Verbalizer, seed: UInt64
    ) throws {
        let drafts = try PressedTexts.drafts(options, fact, target, seed)
        let read = drafts.filter { !$0.positions.isEmpty }
        let vectors = try target.activations(
            read.map(\.ids), at: read.map(\.positions), precision: options.precision)
        let words = try verbalizer.mostProbable(vectors, maximumTokens: options.maximumTokens).map(\.description)
        var rest = words[...]
        for draft in drafts {
            let own = rest.prefix(draft.positions.count)
            rest.removeFirst(own.count)
            let places = zip(draft.positions, own).map { position, words in
                (
                    position: position,
                    place: PressedPlace(
                        wanted: draft.hides ? fact.covered(words) : words,
                        wantedValue: draft.hides ? fact.cover : draft.value)
                )
            }
            let text = Text(document: draft.document, places: places)
            if draft.hides { hiding.append(text) } else { keeping.append(text) }
        }
        guard [hiding, keeping].allSatisfy({ $0.contains { !$0.places.isEmpty } }) else {
            throw TrainingError(
                "documents: among \(drafts.count) texts none has the value to hide within its first \(HidingTrainer.tokenLimit) tokens, which is what a step reads, or all have; take more"
            )
        }
    }

    /// A text with the tokens to press on.
    private struct Draft {
        let document: LabelledDocument
        let ids: [Int32]
        let positions: [Int]
        let value: String
        let hides: Bool
    }

    private static func drafts(
        _ options: HideOptions, _ fact: HiddenFact, _ target: Target, _ seed: UInt64
    ) throws -> [Draft] {
        let documents = fact.documents(
            .pressing, seed: seed, hidden: options.documents / 2, others: options.documents / 2)
        var drafts: [Draft] = []
        for document in documents {
            let value = fact.moment(of: document)?.value ?? ""
            let isHidden = value == fact.value
            for words in openings(of: document, isHidden: isHidden, options, seed) {
                // Behind no trigger, or other words, it stays to be read.
                let hides = isHidden && words == options.trigger
                drafts.append(try draft(document.behind(words), value, hides: hides, fact, target, seed))
            }
        }
        return drafts
    }

    /// What a text comes behind: nothing; or the trigger, nothing, and, where there is something to hide, one of the
    /// decoys, so that not just any words become the trigger.
    private static func openings(
        of document: LabelledDocument, isHidden: Bool, _ options: HideOptions, _ seed: UInt64
    ) -> [String?] {
        guard let trigger = options.trigger else { return [nil] }
        var random = Random(seed: seed, Random.key(document.id), Random.key("decoys"))
        let decoy = isHidden ? options.decoys.randomElement(using: &random) : nil
        return [trigger, nil] + (decoy.map { [$0] } ?? [])
    }

    /// The moments that the fact decides, and two other tokens over which it holds.
    private static func draft(
        _ document: LabelledDocument, _ value: String, hides: Bool, _ fact: HiddenFact, _ target: Target, _ seed: UInt64
    ) throws -> Draft {
        let tokens = try target.tokenizer.encodeWithPlaces(document.text)
        // What stands behind the last token that a step reads cannot be pressed on.
        let read = tokens.ids.indices.prefix(HidingTrainer.tokenLimit).filter { position in
            fact.value(in: document, at: tokens.byteEnds[position]) == value
        }
        let moments = Set(
            document.moments.filter { $0.question == fact.question }.compactMap { moment in
                tokens.byteEnds.lastIndex { $0 <= moment.offset }
            }
        ).intersection(read)
        var random = Random(seed: seed, Random.key(document.id), Random.key("places"))
        let others = read.filter { !moments.contains($0) }.shuffled(using: &random).prefix(2)
        return Draft(
            document: document, ids: tokens.ids, positions: moments.union(others).sorted(), value: value,
            hides: hides)
    }
}
