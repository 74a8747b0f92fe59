import Claims
import Evaluation
import Teaching
import Tensors

/// What is done to an explanation's words before a reconstructor reads them. What the score loses says what carried it.
public enum WordChange: String, CaseIterable, Sendable {
    /// Nothing.
    case written
    /// Its sentences come in another order.
    case shuffled
    /// Other words say the same.
    case paraphrased
    /// Words stand in another language.
    case translated
    /// Only what stands in quotes is left.
    case quotesOnly = "quotes_only"
    /// What stands in quotes is taken out.
    case withoutQuotes = "without_quotes"
    /// It is the explanation of a row of another document.
    case other
    /// No words are left.
    case empty

    /// What tables call the changed text.
    var title: String {
        switch self {
        case .written: "as written"
        case .shuffled: "sentences shuffled"
        case .paraphrased: "paraphrased"
        case .translated: "translated"
        case .quotesOnly: "quotes only"
        case .withoutQuotes: "everything but quotes"
        case .other: "another document's"
        case .empty: "nothing"
        }
    }
}

/// Says the same in other words, text by text; nil where it cannot. May ask a language model, and throw what comes of that.
public typealias Rewording = @Sendable (_ texts: [String]) throws -> [String?]

/// Where paraphrases and translations come from.
public struct Rewordings: Sendable {
    /// Other words for the same claims; nil leaves paraphrases out.
    public var paraphrase: Rewording?
    /// The same in another language; nil leaves translations out.
    public var translate: Rewording?

    /// Rewordings.
    public init(paraphrase: Rewording? = nil, translate: Rewording? = nil) {
        self.paraphrase = paraphrase
        self.translate = translate
    }

    /// Those that need no model: every claim in another of the grammar's sentences for it (its synonyms and word orders), and in
    /// another language where the grammar can translate.
    public init(_ grammar: any ClaimGrammar, seed: UInt64) {
        paraphrase = { texts in texts.map { Rewordings.paraphrased($0, grammar, seed: seed) } }
        guard let grammar = grammar as? any TranslatingGrammar else { return }
        translate = { texts in texts.map { grammar.translated($0) } }
    }

    /// Those that stand in a file, by the text that they reword.
    public static func listed(_ pairs: [String: String]) -> Rewording { { texts in texts.map { pairs[$0] } } }

    /// A text with every claim in another sentence, the same whenever it is asked for; nil if it has none that can be said otherwise.
    package static func paraphrased(_ text: String, _ grammar: any ClaimGrammar, seed: UInt64) -> String? {
        var random = Random(seed: seed, Random.key(text), Random.key("paraphrase"))
        return grammar.paraphrased(text, using: &random)
    }
}

/// Explanations of rows, and what becomes of them under each change.
package struct ChangedTexts {
    /// For each change the rows' texts; nil where the change does not apply, or changes nothing.
    package private(set) var texts: [WordChange: [String?]] = [:]

    /// - Parameter partners: for each text that of another document; nil if there is only one.
    package init(_ written: [String], partners: [Int]?, _ rewordings: Rewordings) throws {
        func changed(_ others: [String?]) -> [String?] {
            zip(written, others).map { own, other in
                // A blank is no rewording; what no words carry is measured by itself.
                other == own || other?.allSatisfy(\.isWhitespace) ?? true ? nil : other
            }
        }
        texts[.written] = written
        texts[.shuffled] = changed(written.indices.map { Sentences.shuffled(written[$0], seed: UInt64($0)) })
        if let paraphrase = rewordings.paraphrase { texts[.paraphrased] = changed(try paraphrase(written)) }
        if let translate = rewordings.translate { texts[.translated] = changed(try translate(written)) }
        texts[.quotesOnly] = changed(written.map { Quotations($0).inside })
        texts[.withoutQuotes] = changed(written.map { Quotations($0).outside })
        texts[.other] = partners.map { $0.map { Optional(written[$0]) } }
        texts[.empty] = written.map { _ in "" }
    }
}
