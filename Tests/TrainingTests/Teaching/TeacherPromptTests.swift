import Foundation
import RemoteModels
import Runs
import Teaching
import Testing

@Suite struct TeacherPromptTests {
    private func read(_ text: String, stop: String = "end_turn") throws -> String {
        try TeacherPrompt.explanation(Completion(text: text, inputTokens: nil, outputTokens: nil, stopReason: stop))
    }

    @Test(arguments: [
        "<explanation>A tale.\nIt ends with \"upon\".</explanation>",
        "Sure!\n<explanation>\n- A tale.\r\n\r\n  * It ends with \"upon\".  \n</explanation>\nGlad to help.",
        "1. A tale.\n2) It ends with \"upon\".", "<think>Hm. <explanation>no</think>A tale.\nIt ends with \"upon\".",
        "<think>a</think><explanation>A tale.\n• It ends with \"upon\".</explanation>",
    ])
    func featuresAreALineEachHoweverTheyAreDressed(_ answer: String) throws {
        #expect(try read(answer) == "A tale.\nIt ends with \"upon\".")
    }

    @Test func aYearAtTheBeginningIsNoNumbering() throws {
        #expect(
            try read("1984 is the book.\n3.5 percent is the rate.\n-5 degrees.")
                == "1984 is the book.\n3.5 percent is the rate.\n-5 degrees.")
    }

    @Test(arguments: [
        ("<explanation>A tale.", "no closing tag"), ("<explanation> \n - \n</explanation>", "an empty explanation"),
        ("<explanation>a<explanation>b</explanation>", "tags in disorder"),
        ("A tale.</explanation>", "tags in disorder"),
        ("<think>for ever", "tags in disorder"), (String(repeating: "a ", count: 1000), "an explanation too long"),
        (String(repeating: "a\n", count: 9), "an explanation too long"),
    ])
    func whatIsNoExplanationIsRefusedWithAReason(_ answer: String, _ reason: String) {
        let error = #expect(throws: UnusableAnswer.self) { try read(answer) }
        #expect(error?.reason == reason)
    }

    @Test(arguments: ["<explanation>A tale", "A tale"])
    func anAnswerCutOffIsRefused(_ answer: String) {
        for stop in ["max_tokens", "length"] {
            let error = #expect(throws: UnusableAnswer.self) { try read(answer, stop: stop) }
            #expect(error?.reason == "cut off")
        }
    }

    @Test func aTemplateHasItsSlotOnceAndATextMayContainTheSlot() throws {
        let prompt = try TeacherPrompt(template: "Explain «{text}».", source: "prompt.txt")
        #expect(prompt.question("a {text} b", maxTokens: 5, temperature: nil).user == "Explain «a {text} b».")
        for template in ["nothing", "{text}{text}", ""] {
            let error = #expect(throws: TrainingError.self) {
                try TeacherPrompt(template: template, source: "prompt.txt")
            }
            #expect(error?.description.hasPrefix("prompt.txt: ") == true)
        }
        let ours = TeacherPrompt.standard.question("Once upon", maxTokens: 5, temperature: nil)
        #expect(ours.user.contains("\nOnce upon\n") && ours.user.contains("<explanation>"))
    }
}
