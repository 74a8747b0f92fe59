import Foundation
import JSON
import LanguageModel
import Tensors
import TestSupport
import Testing
import Training

/// Stores and probes that are not as they were written: read, or refused in one line. `INTERLINEAR_FUZZ` asks for more.
@Suite("Hostile stores")
struct HostileStoreTests {
    @Test("A store is read, or refused in a line; what is read can be used")
    func stores() throws {
        let scratch = try Scratch(), whole = scratch.path("whole"), folder = scratch.path("store")
        _ = try Small.builder(PositionPolicy(perDocument: 3, includeMoments: true)).build(Small.stored(6), into: whole)
        let names = try FileManager.default.contentsOfDirectory(atPath: whole.path).filter { !$0.hasSuffix(".lock") }
            .sorted()
        var read = 0
        for number in Hostile.numbers(otherwise: 400) {
            var random = Random(seed: Hostile.seed, 21, UInt64(number))
            try? FileManager.default.removeItem(at: folder)
            try FileManager.default.copyItem(at: whole, to: folder)
            let name = names.randomElement(using: &random) ?? "", file = folder.appending(path: name)
            let bytes = [UInt8](try Data(contentsOf: file))
            var changed = bytes
            if name.hasSuffix(".json"), number % 4 > 0 {
                changed = Hostile.text(Hostile.changed(try JSONValue.parse(bytes), &random))
            } else if name.hasSuffix(".jsonl"), number % 4 > 0 {
                changed =
                    Array(
                        bytes.split(separator: 0x0A).map { line in
                            (try? JSONValue.parse(Array(line))).map { Hostile.text(Hostile.changed($0, &random)) }
                                ?? Array(line)
                        }.joined(separator: [0x0A])) + [0x0A]
            } else {
                changed = Hostile.changed(bytes, &random)
            }
            try Data(changed).write(to: file)
            // The size is told again, so that what is inside is looked at.
            let manifest = folder.appending(path: "manifest.json")
            if name != "manifest.json", changed.count != bytes.count,
                let text = try? String(contentsOf: manifest, encoding: .utf8)
            {
                try Data(text.replacing("\"bytes\": \(bytes.count)", with: "\"bytes\": \(changed.count)").utf8).write(
                    to: manifest)
            }
            let fault = Hostile.fault {
                let store = try ActivationStore(folder: folder, verifying: number % 8 == 0)
                read += 1
                for row in 0..<store.rowCount {
                    _ = (
                        store.row(row), store.document(of: row), store.split(of: row), store.moment(of: row),
                        store.textSoFar(row)
                    )
                }
                if store.rowCount > 0 { _ = store.vectors([0, store.rowCount - 1]) }
            }
            if let fault { Issue.record("store \(number), \(name): \(fault)") }
        }
        #expect(read > 0)
    }
}
