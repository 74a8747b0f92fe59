import Claims
import Foundation
import JSON
import Testing

@Suite("nla world")
struct WorldTests {
    @Test("Each line of JSON is a text with facts, the same for the same seed")
    func json() throws {
        let arguments = ["world", "--kind", "atlas", "--count", "3", "--seed", "7", "--json"]
        let output = try Command.succeed(arguments).output
        #expect(try Command.succeed(arguments).output == output)
        let documents = try output.split(separator: "\n").map {
            try LabelledDocument(json: JSONValue.parse(String($0)), fallbackID: "")
        }
        #expect(documents.map(\.id) == ["training/atlas/0", "training/atlas/1", "training/atlas/2"])
        #expect(documents.allSatisfy { !$0.truths.isEmpty && !$0.moments.isEmpty })
    }

    @Test("With --truth the facts stand under the text as sentences")
    func truth() throws {
        let output = try Command.succeed(["world", "--kind", "story", "--count", "1", "--truth"]).output
        #expect(output.contains("    The hero is called "))
        #expect(output.contains("stated from …") && output.contains("→"))
    }

    @Test("Held-out texts are others, and an unknown kind is wrong usage")
    func heldOut() throws {
        let output = try Command.succeed(["world", "--split", "held-out", "--count", "1", "--json"]).output
        #expect(output.contains("held-out/story/0"))
        #expect(try Command.run(["world", "--kind", "opera"]).status == 64)
    }
}
