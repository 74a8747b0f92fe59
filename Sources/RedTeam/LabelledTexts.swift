import Claims
import Foundation
import Tensors
import TinyWorld
import Training

/// Texts of which it is known what holds in them: the tiny world's, or those of a file.
///
/// The world's are without end: every purpose and every seed has its own. A file's are dealt out once to a training and a held-out side,
/// whatever the seed, and each purpose and seed reads its side in an order of its own.
struct LabelledTexts: Sendable {
    /// What a text is for.
    enum Side: Sendable { case training, heldOut }

    private enum Source: Sendable {
        case world
        case file(training: DocumentList, heldOut: DocumentList)
    }

    /// The share of a file that is held out.
    private static let heldOutShare = 0.3

    private let source: Source
    private let grammarName: GrammarName
    /// Kinds of text, in alphabetical order of a file's.
    let kinds: [String]
    /// Questions that may be asked of a text, with every value that they can have.
    let values: [Question: [String]]

    /// Opens the tiny world, or a JSON Lines file of documents with `truths` and `moments`. Throws one-line errors with file and line.
    init(_ data: String, _ grammar: GrammarName) throws {
        grammarName = grammar
        guard data != LanguageDocuments.tinyWorld else {
            source = .world
            kinds = TinyWorld.Kind.allCases.map(\.rawValue)
            values = Dictionary(
                uniqueKeysWithValues: TinyWorld.questions.compactMap { question in
                    TinyWorld.values(of: question).map { (question, $0) }
                })
            return
        }
        let all = try DocumentLines.documents(URL(fileURLWithPath: data)).filter { !$0.text.isEmpty }
        let (training, heldOut) = try DocumentList(all).split(share: LabelledTexts.heldOutShare, seed: 0)
        source = .file(training: training, heldOut: heldOut)
        kinds = Set(all.map(\.kind)).sorted()
        var found: [Question: Set<String>] = [:]
        for truth in all.flatMap(\.truths) { found[truth.fact.question, default: []].insert(truth.fact.value) }
        values = found.mapValues { $0.sorted() }
    }

    /// How claims are said.
    var grammar: any ClaimGrammar { grammarName.grammar }
    /// The questions that some texts answer in words and others only show; nil where only the documents can tell.
    var shown: Set<Question>? { grammarName.shown }
    /// Whether they are the tiny world's.
    var isTinyWorld: Bool { if case .world = source { true } else { false } }

    /// Texts for a purpose.
    ///
    /// - Parameter kind: nil takes texts of every kind.
    func documents(_ purpose: String, _ side: Side, seed: UInt64, kind: String? = nil) -> any DocumentSource {
        switch source {
        case .world:
            return TinyWorldDocuments(
                TinyWorld(seed: seed &+ Random.key(purpose)), side == .training ? .training : .heldOut,
                kind: kind.flatMap(TinyWorld.Kind.init))
        case .file(let training, let heldOut):
            let list = side == .training ? training : heldOut
            var random = Random(seed: seed, Random.key(purpose))
            let all = (0..<(list.count ?? 0)).map(list.document).filter { kind == nil || $0.kind == kind }
            return DocumentList(all.shuffled(using: &random))
        }
    }
}
