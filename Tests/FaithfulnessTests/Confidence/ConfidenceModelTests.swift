import Autoencoder
import Claims
import Faithfulness
import Foundation
import LanguageModel
import Runs
import Statistics
import Tensors
import TestSupport
import Testing
import TinyWorld

@Suite("Confidence in claims")
struct ConfidenceModelTests {
    init() { TinyWorldTexts.register() }

    @Test("A logistic regression stands where its gradient vanishes, and finds what a table of counts says")
    func regression() {
        // One feature of two values, no penalty: the log-odds of the two groups.
        let features = [[Double]](repeating: [0], count: 10) + [[Double]](repeating: [1], count: 20)
        let labels = (0..<30).map { $0 < 10 ? $0 < 3 : $0 < 25 }
        let fitted = LogisticRegression.fit(features, labels, penalty: 0)
        #expect(abs(fitted.bias - log(3.0 / 7)) < 1e-6)
        #expect(abs(fitted.bias + fitted.coefficients[0] - log(15.0 / 5)) < 1e-6)

        var random = Random(seed: 1)
        let rows = (0..<200).map { _ in (0..<3).map { _ in random.normal() } }
        let truths = rows.map { $0[0] - 2 * $0[1] + random.normal() > 0.5 }
        let held = LogisticRegression.fit(rows, truths, penalty: 2)
        for feature in 0...3 {
            var slope = feature < 3 ? -2 * held.coefficients[feature] : 0
            for (row, truth) in zip(rows, truths) {
                let logOdds = zip(row, held.coefficients).reduce(held.bias) { $0 + $1.0 * $1.1 }
                slope += ((truth ? 1 : 0) - 1 / (1 + exp(-logOdds))) * (feature < 3 ? row[feature] : 1)
            }
            #expect(abs(slope) < 1e-6)
        }
        // Labels that a line tells apart have no finite optimum without the penalty.
        let apart = LogisticRegression.fit([[-1], [-2], [1], [2]], [false, false, true, true], penalty: 0.1)
        #expect(apart.coefficients[0].isFinite && apart.coefficients[0] > 0)
    }

    private func example(
        _ samples: Double, relation: String = "colour", isTrue: Bool, document: Int = 0
    ) -> ConfidenceModel.Example {
        .init(
            ClaimEvidence(
                sentence: 0, claim: Fact("the hat", relation, "red"), weight: 0.1, secondWeight: nil, samples: samples,
                earlier: samples > 0.5 ? 1 : nil, later: nil, logProbability: -samples),
            isTrue: isTrue, document: document)
    }

    private func source(_ collecting: EvidenceCollector.Options = .init()) -> ConfidenceModel.Source {
        .init(
            collecting, .plain, RawVariance(variance: 0.5, set: "a split"),
            .init(verbalizer: "a", reconstructor: "b", second: nil))
    }

    @Test("What recurs is believed, as far as it was true among the examples; evidence that never varies is left out")
    func confidence() throws {
        // Of claims that all samples make 9 of 10 are true; of those that few make 2 of 10.
        let examples = (0..<400).map { index in
            example(index % 2 == 0 ? 1 : 0.25, isTrue: index % 2 == 0 ? index % 20 != 0 : index % 10 == 1)
        }
        let model = try ConfidenceModel(examples, from: source())
        #expect(!model.ingredients.contains(.weight) && !model.needsSecondReader)
        let sure = model.confidence(examples[0].evidence), unsure = model.confidence(examples[1].evidence)
        #expect(abs(sure - 0.9) < 0.02 && abs(unsure - 0.2) < 0.02, "\(sure) \(unsure)")
        #expect(throws: TrainingError.self) {
            try ConfidenceModel([example(1, isTrue: true)], from: source())
        }
        #expect(try ConfidenceModel(examples, from: source(), leavingOut: [.samples]).ingredients == [.likelihood])
    }

    @Test("A question asked in few documents has no level of its own, for it would know their answers by heart")
    func ownDocuments() throws {
        // Every document asks its own question twice, and its claims are all true or all false: the question would foretell all of them.
        var random = Random(seed: 5)
        let examples = (0..<200).flatMap { document in
            let isTrue = document % 2 == 0
            return (0..<2).map { _ in
                example(random.uniform(), relation: "r\(document)", isTrue: isTrue, document: document)
            }
        }
        let model = try ConfidenceModel(examples, from: source())
        #expect(!model.ingredients.contains(.question))
        for example in examples { #expect(abs(model.confidence(example.evidence) - 0.5) < 0.45) }
        // Where documents share questions, these tell.
        let shared = examples.map { example in
            var example = example
            example.evidence.claim = Fact("the hat", example.isTrue ? "colour" : "owner", "red")
            return example
        }
        let telling = try ConfidenceModel(shared, from: source())
        #expect(telling.ingredients.contains(.question))
        for example in shared { #expect((telling.confidence(example.evidence) > 0.9) == example.isTrue) }
    }

    @Test("Likelihood tells among the nearly certain: a tenth of the surprise counts as much there as elsewhere")
    func surprise() throws {
        // True claims are ten times less surprising than false ones, on three levels.
        let examples = (0..<300).map { index in
            let isTrue = index % 2 == 0, level = [-0.5, -0.05, -0.005][index % 3]
            var example = example(0.5, isTrue: index % 10 == 1 ? !isTrue : isTrue, document: index)
            example.evidence.logProbability = isTrue ? level / 10 : level
            return example
        }
        let model = try ConfidenceModel(examples, from: source(), leavingOut: [.samples])
        // By the surprise itself, 0.0005 and 0.005 nats beside 0.5 would be one and the same.
        let best = model.confidence(examples[2].evidence), next = model.confidence(examples[5].evidence)
        #expect(best > next + 0.1, "\(best) \(next)")
    }

    @Test(
        "A file whose numbers no fit makes is refused, and the field is named",
        arguments: [
            ("reach", "9223372036854775807"), ("reach", "-1"), ("samples", "0"), ("samples", "1000000000"),
            ("temperature", "NaN"),
            ("temperature", "1e300"), ("max_tokens", "1e18"), ("bias", "Infinity"), ("log_odds", "NaN"),
            ("examples", "-1"),
            ("terms[0].coefficient", "1e300"), ("terms[0].deviation", "0"), ("terms[0].mean", "-Infinity"),
            ("variance.raw", "0"), ("second_reader", "7"), ("questions[0].effect", "NaN"),
        ])
    func hostileFiles(_ field: String, _ value: String) throws {
        try withScratch { folder in
            let model = try ConfidenceModel(
                (0..<20).map { example(Double($0) / 20, isTrue: $0 % 3 > 0) }, from: source())
            let file = folder.appending(path: ConfidenceModel.fileName)
            try model.write(to: file)
            let key = field.split(separator: ".").last.map(String.init) ?? field
            var text = try String(contentsOf: file, encoding: .utf8)
            // The file's own numbers stand behind those of its lists.
            let isOwn = !field.contains(".")
            let place = try #require(text.range(of: "\"\(key)\": ", options: isOwn ? .backwards : []))
            let start =
                isOwn && key == "log_odds"
                ? try #require(text.range(of: "\n  \"log_odds\": ")).upperBound : place.upperBound
            let end = try #require(text[start...].firstIndex { ",\n".contains($0) })
            text.replaceSubrange(start..<end, with: value)
            try Data(text.utf8).write(to: file)
            #expect { try ConfidenceModel(file) } throws: { "\($0)".contains("(\(field): ") }
        }
    }

    @Test("A confidence comes back from its file as it was; another file is refused by name")
    func files() throws {
        try withScratch { folder in
            var collecting = EvidenceCollector.Options()
            collecting.samples = 3
            collecting.reach = 1
            let model = try ConfidenceModel(
                (0..<20).map { example(Double($0) / 20, isTrue: $0 % 3 > 0) }, from: source(collecting))
            let file = folder.appending(path: ConfidenceModel.fileName)
            try model.write(to: file)
            #expect(try ConfidenceModel(file) == model)
            for damage in ["{", "{}", #"{"format": "interlinear-confidence", "version": 1}"#] {
                try Data(damage.utf8).write(to: file)
                #expect { try ConfidenceModel(file) } throws: {
                    "\($0)".contains(file.path) && "\($0)".contains("nla verify")
                }
            }
        }
    }
}
