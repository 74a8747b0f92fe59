import Autoencoder
import Claims
import Faithfulness
import Foundation
import JSON
import LanguageModel
import Tensors
import TestSupport
import Testing
import Training

/// Files that a user may bring, changed at random: read, or refused in one line. `INTERLINEAR_FUZZ` asks for more.
@Suite("Hostile files")
struct HostileFileTests {
    @Test("A confidence file is read, or refused in a line; what is read gives probabilities")
    func confidences() throws {
        let scratch = try Scratch(), file = scratch.path(ConfidenceModel.fileName)
        let json = try JSONValue.parse(Data(contentsOf: bundledPair.appending(path: ConfidenceModel.fileName)))
        let claim = Fact("the hero", "motive", "greedy")
        var read = 0
        for number in Hostile.numbers(otherwise: 1500) {
            var random = Random(seed: Hostile.seed, 11, UInt64(number))
            let bytes = Hostile.text(Hostile.changed(json, times: 1 + number % 3, &random))
            try Data(number % 5 == 0 ? Hostile.changed(bytes, &random) : bytes).write(to: file)
            let fault = Hostile.fault {
                let model = try ConfidenceModel(file)
                read += 1
                for weight in [0, 1, -1e6, 1e6] {
                    let evidence = ClaimEvidence(
                        sentence: 0, claim: claim, weight: weight, secondWeight: weight, samples: weight, earlier: nil,
                        later: weight,
                        logProbability: weight)
                    guard Confidence(model.confidence(evidence)) != nil else {
                        Issue.record("file \(number): a confidence of \(model.confidence(evidence))")
                        return
                    }
                }
            }
            if let fault { Issue.record("file \(number): \(fault)") }
        }
        #expect(read > 0)
    }

    @Test("A sidecar is read, or refused in a line")
    func sidecars() throws {
        var read = 0
        let texts = try ["av", "ar"].map {
            try Data(contentsOf: bundledPair.appending(path: "\($0)/\(Sidecar.fileName)"))
        }
        for number in Hostile.numbers(otherwise: 1500) {
            var random = Random(seed: Hostile.seed, 12, UInt64(number))
            var text = String(decoding: texts[number % 2], as: UTF8.self)
            // A value replaced, as YAML has it in JSON's words too.
            if number % 3 > 0 {
                var lines = text.components(separatedBy: "\n")
                let place = Int.random(in: 0..<lines.count, using: &random)
                if let colon = lines[place].firstIndex(of: ":") {
                    lines[place] =
                        lines[place][...colon] + " "
                        + String(decoding: Hostile.text(Hostile.value(&random)), as: UTF8.self)
                }
                text = lines.joined(separator: "\n")
            } else {
                text = String(decoding: Hostile.changed(Array(text.utf8), &random), as: UTF8.self)
            }
            let fault = Hostile.fault {
                _ = try Sidecar(yaml: text, source: "sidecar")
                read += 1
            }
            if let fault { Issue.record("file \(number): \(fault)\n\(text.prefix(2000))") }
        }
        #expect(read > 0)
    }

    @Test("A labelled document is read, or refused in a line; what is read has its truth in the text")
    func documents() throws {
        let fact: JSONValue = ["subject": "s", "relation": "r", "value": "v", "from": 1, "until": 3, "stated_from": 2]
        let json: JSONValue = [
            "id": "a", "kind": "story", "text": "abcdé", "facts": [fact, fact],
            "moments": [["offset": 2, "kind": "k", "subject": "s", "relation": "r", "answer": " x"]],
        ]
        for number in Hostile.numbers(otherwise: 1500) {
            var random = Random(seed: Hostile.seed, 13, UInt64(number))
            let bytes = Hostile.text(Hostile.changed(json, times: 1 + number % 3, &random))
            let fault = Hostile.fault {
                let document = try LabelledDocument(json: JSONValue.parse(bytes), fallbackID: "x")
                for length in [0, 1, document.text.utf8.count, Int.max] {
                    for (fact, _) in document.truths(at: length) { _ = document.isTrue(fact, at: length) }
                }
                let back = try LabelledDocument(json: document.json, fallbackID: "y")
                #expect(back == document, "document \(number)")
            }
            if let fault { Issue.record("document \(number): \(fault)") }
        }
    }

    @Test("A run folder becomes a report, or is refused in a line")
    func runs() throws {
        let scratch = try Scratch()
        let metrics: JSONValue = [
            "step": 1, "loss": 0.5, "seconds": 2, "fve": 0.5, "held_out_loss": 1, "completion_tokens": 30, "entropy": 1,
            "precision": 0.5,
            "extraction_rate": 1, "repetition": 0,
        ]
        let sample: JSONValue = [
            "step": 1, "id": "a", "text": "t", "explanation": "e", "mse": 0.5, "complete": true,
            "claims": [["text": "c", "true": false]],
        ]
        var read = 0
        for number in Hostile.numbers(otherwise: 300) {
            var random = Random(seed: Hostile.seed, 14, UInt64(number))
            let stages = [
                "stage: target\nsteps: 10\n", "stage: joint\n", "stage: joint\nsteps: 9223372036854775808\n",
                "stage: \n", "",
            ]
            let stage = Array((stages.randomElement(using: &random) ?? "").utf8)
            try Data(number % 4 == 0 ? Hostile.changed(stage, &random) : stage).write(to: scratch.path("run.yaml"))
            for (name, base) in [("metrics", metrics), ("samples", sample)] {
                let lines = (0..<Int.random(in: 1...60, using: &random)).map { _ in
                    Hostile.text(Hostile.changed(base, &random))
                }
                try Data(lines.joined(separator: [0x0A]) + [0x0A]).write(to: scratch.path("\(name).jsonl"))
            }
            let fault = Hostile.fault {
                let html = try RunReport(scratch.url).html
                #expect(html.hasSuffix("</html>\n"), "folder \(number)")
                read += 1
            }
            if let fault { Issue.record("folder \(number): \(fault)") }
        }
        #expect(read > 0)
    }
}
