import Claims
import Foundation
import JSON
import LanguageModel
import Tokenization

/// A chat as a document: the text that a model's chat template makes of it, and what is known of it with the bytes over which it holds.
///
/// Who speaks, and in which turn, holds over the stretch of a message. What a system prompt sets up (a role, a secret word, a goal, a false
/// premise) holds behind it, what the user's first message asks for behind that; `statedFrom` is where the text has said the value's own
/// words, so that what it never says is latent.
struct ChatDocument {
    /// The messages, each with `role` and `content`.
    let messages: [JSONObject]
    /// What is known of the whole chat; values that are text, numbers or flags become facts.
    let known: JSONObject
    /// Whether the last answer was cut off: the text then ends where it does.
    let isCut: Bool

    /// The fields that a system prompt sets up.
    private static let ofSystemPrompt: Set = ["system_kind", "role", "secret", "word", "goal", "is_control", "control"]
    /// Those that name no fact of the text: names of files and groups, and the prompt itself.
    private static let ignored: Set = ["kind", "pair", "passage", "source", "system_prompt", "turns", "premise"]

    /// The text and its facts. Throws where the template cannot render the messages.
    func document(id: String, kind: String, _ tokenizer: Tokenizer) throws -> LabelledDocument {
        let text = try tokenizer.documentText(
            Conversation(messages: messages, addsGenerationPrompt: false, continuesFinalMessage: isCut))
        let starts = try starts(in: text, tokenizer)
        return LabelledDocument(
            id: id, kind: kind, text: text,
            truths: [truth("kind", kind, from: 0, nil, text)] + turns(starts, text) + setUp(starts, text))
    }

    /// The byte at which each message begins; nil where the template does not write one message after the other.
    private func starts(in text: String, _ tokenizer: Tokenizer) throws -> [Int]? {
        let bytes = Array(text.utf8)
        var starts = [0]
        for count in messages.indices.dropFirst() {
            let before = Conversation(messages: Array(messages[..<count]), addsGenerationPrompt: false)
            guard let part = try? tokenizer.documentText(before),
                part.utf8.count >= starts[count - 1], bytes.starts(with: part.utf8)
            else { return nil }
            starts.append(part.utf8.count)
        }
        return starts
    }

    private func role(_ index: Int) -> String { messages[index]["role"]?.string ?? "" }

    private func turns(_ starts: [Int]?, _ text: String) -> [LabelledDocument.Truth] {
        guard let starts else { return [] }
        var truths: [LabelledDocument.Truth] = [], turn = 0
        for (index, start) in starts.enumerated() {
            let end = index + 1 < starts.count ? starts[index + 1] : nil
            truths.append(truth("speaker", role(index), from: start, end, text, isStated: false))
            guard role(index) == "user" else { continue }
            turn += 1
            let next = starts.indices.first { $0 > index && role($0) == "user" }.map { starts[$0] }
            truths.append(truth("turn", "\(turn)", from: start, next, text, isStated: false))
        }
        return truths
    }

    private func setUp(_ starts: [Int]?, _ text: String) -> [LabelledDocument.Truth] {
        guard let starts else { return [] }
        func end(ofFirst role: String) -> Int? {
            starts.indices.first { self.role($0) == role }.map {
                $0 + 1 < starts.count ? starts[$0 + 1] : text.utf8.count
            }
        }
        let behindRequest = end(ofFirst: "user") ?? text.utf8.count
        let behindPrompt = end(ofFirst: "system") ?? behindRequest
        let isInPrompt = known["premise_in"]?.string == "system"
        return known.compactMap { name, value in
            guard !ChatDocument.ignored.contains(name), let value = ChatDocument.plain(value) else { return nil }
            let ofPrompt = ChatDocument.ofSystemPrompt.contains(name) || (isInPrompt && name.hasSuffix("_value"))
            return truth(name, value, from: ofPrompt ? behindPrompt : behindRequest, nil, text)
        }
    }

    private static func plain(_ value: JSONValue) -> String? {
        value.string ?? value.bool.map { $0 ? "yes" : "no" } ?? value.int.map { "\($0)" }
    }

    /// A fact, stated where the text has its words.
    private func truth(
        _ name: String, _ value: String, from: Int, _ until: Int?, _ text: String, isStated: Bool = true
    ) -> LabelledDocument.Truth {
        // The grammar of claims quotes values.
        let fact = Fact("the text", name.replacing("_", with: " "), value.replacing("\"", with: "'"))
        var stated: Int?
        if isStated, value.count > 1, let range = text.range(of: value, options: .caseInsensitive) {
            let end = text.utf8.distance(from: text.startIndex, to: range.upperBound)
            stated = until.map { end < $0 } ?? true ? max(from, end) : nil
        }
        return .init(fact, from: from, until: until, statedFrom: stated)
    }
}
