import Foundation
import TestSupport
import Testing

/// One way for a model folder to be wrong, and what the message about it must mention.
struct Damage: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let mentions: [String]
    let apply: @Sendable (_ model: URL) throws -> Void

    init(_ name: String, mentions: [String], _ apply: @escaping @Sendable (URL) throws -> Void) {
        testDescription = name
        self.mentions = mentions
        self.apply = apply
    }

    /// Damages a copy of a model, expects an extraction from it to fail with one line, and no file to be left behind.
    func expectRefusal(of name: String = "llama") throws {
        try withScratch { folder in
            let model = try Folders.copy(of: name, into: folder)
            try apply(model)
            let results = folder.appending(path: "results")
            try FileManager.default.createDirectory(at: results, withIntermediateDirectories: false)
            let output = results.appending(path: "out.safetensors").path
            let outcome = try Command.fail(
                ["extract", "--model", model.path, "--ids", "5,7,9", "--logits", "--output", output],
                mentioning: mentions)
            #expect(outcome.output.isEmpty)
            #expect(try FileManager.default.contentsOfDirectory(atPath: results.path).isEmpty)
        }
    }
}
