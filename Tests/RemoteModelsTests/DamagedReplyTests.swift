import Foundation
import JSON
import RemoteModels
import TestSupport
import Testing

@Suite("Damaged replies")
struct DamagedReplyTests {
    @Test("Any reply is an answer or is of no use, and its counts can be added up", arguments: RemoteProtocol.allCases)
    func replies(wire: RemoteProtocol) {
        let reply: JSONValue =
            wire == .anthropicMessages
            ? [
                "content": [["type": "text", "text": "words"], ["type": "thinking", "thinking": "…"]],
                "usage": ["input_tokens": 12, "output_tokens": 7], "stop_reason": "end_turn",
            ]
            : [
                "choices": [["message": ["role": "assistant", "content": "words"], "finish_reason": "stop"]],
                "usage": ["prompt_tokens": 12, "completion_tokens": 7],
            ]
        var answers = 0, useless = 0, tokens = 0
        for number in 0..<Damage.cases(1000) {
            var damage = Damage(seed: 21, number)
            do throws(UnusableAnswer) {
                let completion = try wire.completion(damage.damaged(reply))
                tokens += (completion.inputTokens ?? 0) + (completion.outputTokens ?? 0)
                answers += 1
            } catch { useless += 1 }
        }
        #expect(answers > 0 && useless > 0 && tokens > 0)
    }

    @Test(
        "A wait that a server asks for lies between nothing and thirty years, whatever it says",
        arguments: [
            "1e300", "-1e300", "-5", "nan", "inf", "-inf", "99999999999999999999999", "0x1p900", "", " 7 ",
            "Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 0001 00:00:00 GMT",
        ])
    func waits(text: String) {
        for wait in [
            Backoff.wait(milliseconds: text, retryAfter: nil),
            Backoff.wait(milliseconds: nil, retryAfter: text),
        ].compactMap({ $0 }) { #expect((.zero ... .seconds(1e9)).contains(wait), "\(wait)") }
    }
}
