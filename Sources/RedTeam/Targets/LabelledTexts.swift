import Activations
import Claims
import Foundation
import LanguageModel
import TargetTraining
import Tensors

/// Texts of which it is known what holds in them: a world's, or those of a file.
///
/// The world's are without end: every purpose and every seed has its own. A file's are dealt out once, whatever the seed: what targets
/// are trained on, what probes and readers learn from, what levels are set on and what is measured on have no text in common, and each
/// seed reads its part in an order of its own.
struct LabelledTexts: Sendable {
    /// What texts are for.
    enum Purpose: CaseIterable {
        /// To press on, and to train a target on beside.
        case pressing, tuning
        /// To fit probes to, and for readers to learn a changed target from.
        case probing, refreshing
        /// To measure a fact on, to set the thresholds of detectors on, and to measure language on.
        case testing, levels, language

        /// What keys a world's texts.
        fileprivate var key: String {
            switch self {
            case .pressing: "pressed texts"
            case .tuning: "fine-tuning"
            // Its two sides of the world are two collections.
            case .probing, .testing: "hiding"
            case .refreshing: "refresh"
            case .levels: "levels"
            case .language: "language"
            }
        }

        /// Whether they are of the side of a world that nothing learns from.
        fileprivate var isHeldOut: Bool {
            switch self {
            case .pressing, .tuning, .probing, .refreshing: false
            case .testing, .levels, .language: true
            }
        }

        /// The part of a file's shuffled texts.
        fileprivate var part: Range<Double> {
            switch self {
            case .pressing, .tuning: 0..<0.3
            case .probing: 0.3..<0.5
            case .refreshing: 0.5..<0.6
            case .levels: 0.6..<0.8
            case .testing, .language: 0.8..<1
            }
        }
    }

    private enum Source: Sendable {
        case world(any KnownWorld)
        case file(DocumentList)
    }

    private let source: Source
    /// How claims are said.
    let grammar: any ClaimGrammar
    /// The questions that some texts answer in words and others only show; nil where only the documents can tell.
    let shown: Set<Question>?
    /// Kinds of text, in alphabetical order of a file's.
    let kinds: [String]
    /// Questions that may be asked of a text, with every value that they can have.
    let values: [Question: [String]]

    /// Opens a world, or a JSON Lines file of documents with `truths` and `moments`. Throws one-line errors with file and line.
    init(_ data: String, _ grammarName: GrammarName) throws {
        shown = grammarName.shown
        // What cannot be said is complained of here.
        grammar = try grammarName.grammar
        if let world = try LanguageDocuments.world(data) {
            source = .world(world)
            kinds = world.kinds
            values = world.values
            return
        }
        let all = try DocumentLines.documents(DataLocation.files(data)).filter { !$0.text.isEmpty }
        var random = Random(seed: 0, Random.key("parts of a file"))
        source = .file(DocumentList(all.shuffled(using: &random)))
        kinds = Set(all.map(\.kind)).sorted()
        var found: [Question: Set<String>] = [:]
        for truth in all.flatMap(\.truths) { found[truth.fact.question, default: []].insert(truth.fact.value) }
        values = found.mapValues { $0.sorted() }
    }

    /// Whether they are a world's.
    var isWorld: Bool { if case .world = source { true } else { false } }

    /// Texts for a purpose.
    ///
    /// - Parameter kind: nil takes texts of every kind.
    func documents(_ purpose: Purpose, seed: UInt64, kind: String? = nil) -> any DocumentSource {
        switch source {
        case .world(let world):
            return WorldDocuments(
                world, seed: seed &+ Random.key(purpose.key), isHeldOut: purpose.isHeldOut, kind: kind)
        case .file(let list):
            let count = list.count ?? 0
            func place(_ share: Double) -> Int { Int((share * Double(count)).rounded()) }
            var random = Random(seed: seed, Random.key(purpose.key))
            let part = (place(purpose.part.lowerBound)..<place(purpose.part.upperBound)).map(list.document)
            return DocumentList(part.filter { kind == nil || $0.kind == kind }.shuffled(using: &random))
        }
    }
}
