import Activations
import Autoencoder
import Claims
import Evaluation
import Foundation
import JSON
import LanguageModel
import Runs
import Statistics
import Teaching
import Tensors
import TestSupport
import Testing

/// The committed pair, another on the same target, and activations of that target.
private struct TwoPairs {
    let golden = goldens.appending(path: "pairs/qwen2")
    let fresh: URL
    let store: ActivationStore
    let rows: [Int]

    init(in scratch: URL) throws {
        let target = golden.appending(path: "target")
        fresh = scratch.appending(path: "fresh")
        try FileManager.default.createDirectory(at: fresh, withIntermediateDirectories: false)
        let folders = Pair.folders(fresh)
        try Verbalizer.fresh(from: target, Recipe(layer: 2)).write(to: folders.verbalizer)
        try Reconstructor.fresh(from: target, Recipe(layer: 2)).write(to: folders.reconstructor)
        let documents = (0..<12).map { index in
            let animal = ["dog", "cat", "hen"][index % 3],
                text = "The \(animal) found key \(index) in the mill. It ran."
            return LabelledDocument(
                id: "d\(index)", kind: "animals", text: text,
                truths: [.init(Fact("the finder", "kind", animal), from: 0, statedFrom: 4 + animal.utf8.count)],
                moments: [
                    .init(
                        offset: 3, kind: "finder", question: Question(subject: "the finder", relation: "kind"),
                        answer: " \(animal)")
                ])
        }
        let place = scratch.appending(path: "store")
        try ActivationStoreBuilder(
            model: target, layer: 2, positions: .init(perDocument: 4, includeMoments: true)
        ).build(documents.map { StoredDocument($0, split: "held-out") }, into: place)
        store = try ActivationStore(folder: place)
        rows = store.rows()
    }

    func compare(
        _ candidates: [PairComparison.Candidate], _ options: PairEvaluation.Options, taught: TaughtRows? = nil
    ) throws -> PairComparison {
        try PairComparison(
            candidates, store, split: "held-out", grammar: PlainGrammar(), probes: nil, taught: taught, options,
            precision: .float32)
    }
}

@Suite("Comparing pairs")
struct PairComparisonTests {
    private let options = {
        var options = PairEvaluation.Options()
        options.rows = 40
        options.maximumTokens = 12
        return options
    }()

    @Test("The scores of some rows are those of all rows at their places")
    func subsets() throws {
        try withScratch { scratch in
            let two = try TwoPairs(in: scratch)
            let judge = ExplanationJudge(
                try Reconstructor(folder: two.golden.appending(path: "ar"), precision: .float32),
                try two.store.rawVariance(ofSplit: "held-out"))
            let texts = two.rows.map { ["reads the mill. It ends.", "reads key", ""][$0 % 3] }
            let readings = try judge.readings(texts, two.store, rows: two.rows)
            let places = two.rows.indices.filter { $0 % 4 == 1 }
            let some = try judge.scores(places.map { texts[$0] }, two.store, rows: places.map { two.rows[$0] })
            for reading in [ExplanationJudge.Reading.written, .empty] {
                let value = try #require(readings.scores(at: places).value(reading))
                #expect(abs(value - (try #require(some.value(reading)))) < 1e-5)
            }
            #expect(abs(readings.scores(at: places).cosine - some.cosine) < 1e-6)
            // Each reading is what the reconstructor makes of its text.
            let partners = try #require(two.store.partners(of: two.rows))
            let other = try judge.scores(partners.map { texts[$0] }, two.store, rows: two.rows)
            let all = readings.scores()
            #expect(abs(try #require(all.value(.other)) - #require(other.value(.written))) < 1e-5)
            #expect(all.value(.shuffled) != all.value(.written))
        }
    }

    @Test("A pair beside itself differs in nothing, and beside another by what each has alone")
    func beside() throws {
        try withScratch { scratch in
            let two = try TwoPairs(in: scratch)
            let taught = TaughtRows(
                rows: two.rows.filter { $0 % 2 == 0 }, explanations: two.rows.filter { $0 % 2 == 0 }.map { "key \($0)" }
            )
            let comparison = try two.compare(
                [.init("one", two.golden), .init("again", two.golden), .init("fresh", two.fresh)], options,
                taught: taught)
            #expect(comparison.documents == 12 && comparison.results.map(\.evaluation.rows) == [40, 40, 40])
            let (one, again, fresh) = (comparison.results[0], comparison.results[1], comparison.results[2])
            #expect(!again.entries.isEmpty && one.entries.allSatisfy { $0.difference == nil })
            for entry in again.entries where entry.measure.name != "kl" {
                #expect(entry.difference?.value == 0 && entry.difference?.interval == 0...0)
                #expect(entry.estimate == one[entry.measure.name]?.estimate)
            }
            for (name, value) in [
                ("fve", fresh.evaluation.explanations.value(.written)),
                ("fve_other", fresh.evaluation.explanations.value(.other)),
                ("fve_empty", fresh.evaluation.explanations.value(.empty)),
                ("fve_moment", fresh.evaluation.explanationsByPlace[.moment]?.value(.written)),
                ("fve_where_taught", fresh.evaluation.explanationsWhereTaught?.value(.written)),
                ("fve_teacher", fresh.evaluation.teacher?.value(.written)), ("words", fresh.evaluation.words),
                ("complete", fresh.evaluation.extracted),
                (
                    "recall_deciding_latent",
                    fresh.evaluation.claims?.recall { $0.decides && $0.standing == .latent }.share
                ),
            ] {
                let entry = try #require(fresh[name], "\(name)"), interval = try #require(entry.estimate.interval)
                #expect(abs(entry.estimate.value - (try #require(value))) < 1e-9, "\(name)")
                #expect(interval.contains(entry.estimate.value), "\(name)")
                let difference = try #require(entry.difference?.value)
                #expect(abs(difference - (entry.estimate.value - (try #require(one[name]?.estimate.value)))) < 1e-12)
            }
            // A verbalizer that nobody trained says other things than one that was.
            #expect(one["kl"] == nil && again["kl"]?.estimate.value == 0)
            #expect(try #require(fresh["kl"]?.estimate.value) > 0.5)
        }
    }

    @Test("Tables, CSV and JSON hold the same numbers; of one pair the table is its evaluation with intervals")
    func output() throws {
        try withScratch { scratch in
            let two = try TwoPairs(in: scratch)
            let both = try two.compare([.init("one", two.golden), .init("the, \"other\"", two.fresh)], options)
            let lines = both.csv.split(separator: "\n").map(String.init)
            #expect(lines[0] == "pair,measure,value,low,high,difference,difference_low,difference_high")
            let entry = try #require(both.results[1]["fve"]), difference = try #require(entry.difference)
            #expect(lines.contains { $0.hasPrefix("\"the, \"\"other\"\"\",fve,\(entry.estimate.value),") })
            let json = try #require(both.json["pairs"]?[1])
            #expect(json["name"] == "the, \"other\"")
            #expect(json["measures"]?["fve"]?["value"]?.double == entry.estimate.value)
            #expect(abs(try #require(json["explanations"]?["fve"]?.double) - entry.estimate.value) < 1e-9)
            #expect(json["measures"]?["fve"]?["difference"]?["low"]?.double == difference.interval?.lowerBound)
            #expect(both.table.contains("| FVE of the explanation | ") && both.table.contains("More than one:"))
            // By what claims and facts are about, too.
            #expect(both.table.contains("| facts said, about to matter | kind | place | standing | of | one | the, "))
            #expect(both.table.contains("| the finder: kind | animals | moment | latent | "))
            #expect(both.table.contains(String(format: "%+.3f [", difference.value)))

            let alone = try two.compare([.init("one", two.golden)], options)
            #expect(alone.table.hasPrefix(alone.results[0].evaluation.table))
            #expect(alone.json["explanations"] == both.json["pairs"]?[0]?["explanations"])
            #expect(alone.json["measures"]?["tokens"]?["low"]?.double != nil)
        }
    }

    @Test("Pairs are named by hand or by the end of their paths, and two of one name are refused")
    func names() throws {
        func names(_ arguments: String...) throws -> [String] {
            try PairComparison.Candidate.read(arguments).map(\.name)
        }
        #expect(try names("/runs/a/pair") == ["pair"])
        #expect(try names("/runs/a/pair", "/runs/b/pair", "warm=/runs/b/pair") == ["a/pair", "b/pair", "warm"])
        #expect(try names("/runs/beta=0.1/pair", "x=/runs/beta=0.2/pair") == ["pair", "x"])
        let places = try PairComparison.Candidate.read(["runs/pair", "warm=/runs/b/pair"]).map(\.place)
        #expect(places == ["runs/pair", "/runs/b/pair"])
        let error = #expect(throws: TrainingError.self) { try names("x=/a", "x=/b") }
        #expect(error?.description.contains("same name") == true)
    }

    @Test("A pair of another target or layer is refused before anything is computed")
    func foreign() throws {
        try withScratch { scratch in
            let two = try TwoPairs(in: scratch)
            let sidecars = [Pair.folders(two.fresh).verbalizer, Pair.folders(two.fresh).reconstructor].map {
                $0.appending(path: "nla_meta.yaml")
            }
            for sidecar in sidecars {
                let text = try String(contentsOf: sidecar, encoding: .utf8)
                // How the target is stored may stand there already.
                let other =
                    text.contains("\ntarget:\n")
                    ? text.replacing("\ntarget:\n", with: "\ntarget:\n  sha256: \"00ff\"\n")
                    : text + "target: {sha256: \"00ff\"}\n"
                try Data(other.utf8).write(to: sidecar)
            }
            let error = #expect(throws: ModelError.self) {
                try two.compare([.init("one", two.golden), .init("fresh", two.fresh)], options)
            }
            #expect(error?.description.contains("reads the model 00ff") == true)
        }
    }
}
