import Foundation
import RemoteModels
import Runs

/// What a language model is asked about a text, and how its answer is read.
public struct TeacherPrompt: Sendable {
    /// Instructions before the question; nil for none.
    public let system: String?
    private let beforeText: String
    private let afterText: String

    /// Where the text so far goes in a template.
    public static let slot = "{text}"
    /// Characters beyond which an answer is no explanation of two or three features.
    public static let longestExplanation = 1500
    /// Lines beyond which it is none.
    public static let mostLines = 8

    /// A question with the slot `{text}` in it exactly once; `source` names it in errors.
    public init(template: String, system: String? = nil, source: String) throws {
        let parts = template.split(separator: Self.slot, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            throw TrainingError("\(source): \(Self.slot) must stand in it exactly once, where the text goes")
        }
        self.system = system
        beforeText = String(parts[0])
        afterText = String(parts[1])
    }

    private init(system: String, before: String, after: String) {
        self.system = system
        beforeText = before
        afterText = after
    }

    /// The question for a text.
    public func question(_ textSoFar: String, maxTokens: Int, temperature: Double?) -> RemotePrompt {
        RemotePrompt(
            system: system, user: beforeText + textSoFar + afterText, maxTokens: maxTokens, temperature: temperature)
    }

    /// The features in an answer, a line each, without bullets and numbers.
    ///
    /// They stand between `<explanation>` and `</explanation>`, or are the whole answer. Thoughts before them, as models write that
    /// reason aloud, are left out. Throws an `UnusableAnswer`.
    public static func explanation(_ completion: Completion) throws -> String {
        var text = completion.text[...]
        if let thoughts = text.ranges(of: "</think>").last { text = text[thoughts.upperBound...] }
        if let opening = text.firstRange(of: "<explanation>") {
            text = text[opening.upperBound...]
            guard let closing = text.firstRange(of: "</explanation>") else {
                throw UnusableAnswer(completion.isCutOff ? "cut off" : "no closing tag")
            }
            text = text[..<closing.lowerBound]
        } else if completion.isCutOff {
            throw UnusableAnswer("cut off")
        }
        guard !text.contains("<explanation>"), !text.contains("</explanation>"), !text.contains("<think>") else {
            throw UnusableAnswer("tags in disorder")
        }
        let lines = text.split(whereSeparator: \.isNewline).map(feature).filter { !$0.isEmpty }
        guard !lines.isEmpty else { throw UnusableAnswer("an empty explanation") }
        let explanation = lines.joined(separator: "\n")
        guard lines.count <= mostLines, explanation.count <= longestExplanation else {
            throw UnusableAnswer("an explanation too long")
        }
        return explanation
    }

    private static func feature(_ line: Substring) -> String {
        let marker = /^\s*(?:[-*•–]\s+|\(?\d{1,2}[.)]\s+)?/
        let rest = line[(line.prefixMatch(of: marker)?.range.upperBound ?? line.startIndex)...]
        return String(rest.reversed().drop(while: \.isWhitespace).reversed())
    }

    /// Ours.
    public static let standard = TeacherPrompt(
        system: "You say what a reader must have in mind at one place of a text. You answer in the form asked for and "
            + "write nothing else.",
        before: """
            Here is a text up to some place. It may stop in the middle of a sentence or a word. A language model has read it \
            this far and is about to predict what comes next.

            <text_so_far>

            """,
        after: """

            </text_so_far>

            What would the model be thinking to predict what comes next? Write two or three features of the text so far, the \
            most useful for the prediction first, each a short sentence on a line of its own. Features are things like the \
            kind of text and its voice, who or what it is about, what has been set up and not resolved, what is known without \
            being said. The last feature is about the very end: quote the last few words and say what kind of word or phrase \
            must follow them. State only what the text supports. Do not continue it, and write no introduction, no numbers \
            and no headings.

            Put the features between <explanation> and </explanation>.
            """)
}
