import Activations
import ArgumentParser
import Autoencoder
import Claims
import Evaluation
import Faithfulness
import Foundation
import JSON
import JointTraining
import LanguageModel
import Runs
import Teaching
import Tensors

struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Find out whether explanations are true to the activations, and which of their claims to believe.",
        discussion: """
            What the words carry: the score of the explanation with its sentences shuffled, its claims removed in turn, quotes only, \
            everything but quotes, paraphrased, translated, another document's, and empty. What the vector does: the target's \
            predictions with the reconstruction in the activation's place. Which claims to believe: how much each carries, whether \
            further samples and neighbouring tokens say it too, as one confidence that is fitted to other documents than it is \
            judged on. With --second-reader, a reconstructor that never met the verbalizer, what only the pair itself understands.

            With several --nla, for instance the checkpoints of a run in order, all are verified on the same rows, and the page \
            shows how the numbers move. Without --store, texts of the tiny world are read by the target for the occasion.

            Paraphrases come from the grammar. For a language model's: --write-explanations e.jsonl, then nla data teach --texts \
            e.jsonl --api … --teacher-model NAME --prompt question.txt --output p.jsonl, then --paraphrases p.jsonl; translations likewise.
            """)

    @OptionGroup var places: PairList

    @OptionGroup var target: TargetChoice

    @Option(help: ArgumentHelp("Activations of documents that the pair was not trained on.", valueName: "dir"))
    var store: String?

    @Option(help: ArgumentHelp("Split of the store to verify on.", valueName: "name"))
    var split = "held-out"

    @Option(help: ArgumentHelp("Split that the confidence is fitted to; none leaves it out.", valueName: "name"))
    var fittingSplit = "validation"

    @Option(
        help: ArgumentHelp(
            "Probes of the store's activations; by default fitted to its split probe, if it has one.", valueName: "dir")
    )
    var probes: String?

    @Option(help: ArgumentHelp("A reconstructor that never met the verbalizer.", valueName: "dir"))
    var secondReader: String?

    @Option(
        help: ArgumentHelp(
            "The teacher's explanations of the split: what a second reader makes of words that are no code of the pair's.",
            valueName: "file.jsonl"))
    var explanations: String?

    @Option(help: ArgumentHelp("Paraphrases, as nla data teach writes them.", valueName: "file.jsonl"))
    var paraphrases: String?

    @Option(help: ArgumentHelp("Translations, as nla data teach writes them.", valueName: "file.jsonl"))
    var translations: String?

    @Option(help: ArgumentHelp("Write the explanations for others to reword, and stop.", valueName: "file.jsonl"))
    var writeExplanations: String?

    @Option(help: "How claims are said: tiny-world, or plain.")
    var grammar = GrammarName.standard

    @Option(help: ArgumentHelp("Rows to verify on, spread over the split.", valueName: "n"))
    var rows = 1000

    @Option(help: ArgumentHelp("Rows that the confidence is fitted to.", valueName: "n"))
    var fittingRows = 1000

    @Option(help: ArgumentHelp("Further samples of each activation, for recurrence.", valueName: "n"))
    var samples = 8

    @Option(help: ArgumentHelp("Tokens to read before and behind each, for recurrence.", valueName: "n"))
    var reach = 2

    @Option(help: ArgumentHelp("Tokens of an explanation at most.", valueName: "n"))
    var maxTokens = 120

    @Option(help: "Arithmetic: f32 or bf16; by default f32 for float32 weights, else what this CPU multiplies faster.")
    var dtype: Dtype?

    @Option(help: ArgumentHelp("Times that documents are drawn for the intervals.", valueName: "n"))
    var resamples = 1000

    @Option(help: ArgumentHelp("Also write a page with curves, tables and worked examples.", valueName: "file.html"))
    var report: String?

    @Option(
        help: ArgumentHelp(
            "Write the confidence model; as confidence.json in the pair's folder, nla explain uses it.",
            valueName: "file.json"))
    var writeConfidence: String?

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        for (name, value) in [("--rows", rows), ("--fitting-rows", fittingRows)] where !(2...10_000_000).contains(value)
        {
            throw ValidationError("\(name) must be between 2 and 10000000.")
        }
        if !(1...1024).contains(samples) { throw ValidationError("--samples must be between 1 and 1024.") }
        if !(0...64).contains(reach) { throw ValidationError("--reach must be between 0 and 64.") }
        if !(1...100_000).contains(maxTokens) { throw ValidationError("--max-tokens must be between 1 and 100000.") }
        if !(1...100_000).contains(resamples) { throw ValidationError("--resamples must be between 1 and 100000.") }
        if writeConfidence != nil, places.nla.count > 1 || fittingSplit == "none" {
            throw ValidationError("--write-confidence takes one pair, and a --fitting-split.")
        }
    }

    func run() throws {
        shared.apply()
        for file in [report, writeConfidence, writeExplanations].compactMap({ $0 }) {
            try AtomicFile.checkWritable(URL(fileURLWithPath: file))
        }
        let candidates = try places.candidates()
        let precision = try Dtype.asked(dtype)
        let first = try places.open(candidates[0].folder, precision, shared)
        let model = try openTarget(
            first, candidates[0].folder, target, else: startTarget(candidates[0].folder),
            base: places.opening.baseFolder(), shared)
        // Whatever can be wrong is said before anything is computed.
        let pairs =
            try [first] + candidates.dropFirst().map { try places.open($0.folder, precision, shared) }
        let second = try secondReader.map { try Reconstructor(folder: ModelLocation.resolve($0), precision: precision) }
        if writeConfidence != nil, try Pair.start(ofCheckpoint: candidates[0].folder) != nil {
            throw TrainingError(
                "\(candidates[0].folder.path): is a checkpoint; a confidence belongs to the finished pair, the run's folder model"
            )
        }
        let rewordings = try rewordings()
        try withStore(first, model, precision) { store in
            if let writeExplanations { return try write(pairs, store, to: writeExplanations) }
            var material = Verification.Inputs(first, model, store, rewordings)
            material.second = second
            material.split = split
            material.fittingSplit = fittingSplit == "none" ? nil : fittingSplit
            material.grammar = grammar
            material.precision = precision
            material.taught = try explanations.map {
                try TaughtRows(store, split: split, JSONLTeacher(DataLocation.files($0)))
            }
            // Several are measured against one denominator.
            material.variance = try first.variance ?? store.rawVariance(ofSplit: split)
            for (candidate, pair) in zip(candidates, pairs) {
                material.pair = pair
                try material.check()
                try material.checkSecondReader(of: candidate.folder)
            }
            material.probes = try probes(of: store)
            let entries = try zip(candidates, pairs).map { candidate, pair in
                material.pair = pair
                let name = candidates.count > 1 ? "\(candidate.name): " : ""
                return VerificationReport.Entry(
                    candidate, try Verification(material, options) { shared.note("\(name)\($0) …") })
            }
            try show(VerificationReport(entries, split: split, options))
            guard let writeConfidence else { return }
            guard let model = entries[0].verification.confidence else {
                throw TrainingError("\(writeConfidence): nothing is written, since no confidence could be fitted")
            }
            try model.write(to: URL(fileURLWithPath: writeConfidence))
            shared.note("\(writeConfidence): the confidence model, fitted to \(model.examples) claims")
        }
    }

    private var options: VerificationOptions {
        var options = VerificationOptions()
        options.rows = rows
        options.fittingRows = fittingRows
        options.evidence.samples = samples
        options.evidence.reach = reach
        options.evidence.maximumTokens = maxTokens
        options.maximumTokens = maxTokens
        options.seed = shared.seed
        options.resamples = resamples
        return options
    }

    /// The target of the pair that a checkpoint's run began with; nil for a pair's own folder.
    private func startTarget(_ folder: URL) throws -> String? {
        try Pair.start(ofCheckpoint: folder).map { Pair.folders($0).target.path }
    }

    private func withStore(
        _ pair: Pair, _ model: Target, _ precision: Precision?, _ body: (ActivationStore) throws -> Void
    ) throws {
        if let store { return try body(ActivationStore(folder: DataLocation.folder(store))) }
        let scratch = FileManager.default.temporaryDirectory.appending(path: "nla-verify-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: scratch) }
        shared.note("reading texts of the tiny world …")
        try body(
            VerificationTexts.store(
                for: pair, model, documents: max(16, max(rows, fittingRows) / 3), seed: shared.seed,
                precision: precision,
                in: scratch))
    }

    private func rewordings() throws -> Rewordings {
        var rewordings = try Rewordings(grammar.grammar, seed: shared.seed)
        if let paraphrases { rewordings.paraphrase = try listed(paraphrases) }
        if let translations { rewordings.translate = try listed(translations) }
        return rewordings
    }

    /// The probes asked for, or ones fitted to the store's own split for that; nil without either.
    private func probes(of store: ActivationStore) throws -> TeacherProbes? {
        if let probes { return try TeacherProbes(folder: DataLocation.folder(probes), matching: store) }
        guard store.splits.contains("probe"), split != "probe", fittingSplit != "probe" else { return nil }
        shared.note("fitting probes …")
        var settings = ProbeOptions()
        settings.seed = shared.seed
        return .apart(try ProbeSet.train(store, rows: store.rows(ofSplit: "probe"), settings))
    }

    private func listed(_ file: String) throws -> Rewording {
        let teacher = try JSONLTeacher(DataLocation.files(file))
        return { texts in texts.map { teacher[$0] } }
    }

    /// A line for each explanation that there is, under its own words as its name.
    private func write(_ pairs: [Pair], _ store: ActivationStore, to file: String) throws {
        let all = try store.rows(ofSplit: split), count = min(rows, all.count)
        let vectors = store.vectors((0..<count).map { all[$0 * all.count / count] })
        let texts = try pairs.flatMap { pair in
            try store.check(pair, named: pair.verbalizer.checkpoint.folder.path)
            return try pair.verbalizer.explain(vectors, .init(maximumTokens: maxTokens)).map { $0[0].description }
        }
        let distinct = Set(texts).sorted()
        let lines = distinct.map { (["id": .string($0), "text": .string($0)] as JSONValue).serialized() + "\n" }
        try AtomicFile.write(lines.joined(), to: URL(fileURLWithPath: file))
        shared.note("\(file): \(distinct.count) explanations")
    }

    private func show(_ result: VerificationReport) throws {
        try shared.json ? Output.line(result.json.serialized()) : Output.write(result.table)
        guard let report else { return }
        try result.writePage(to: URL(fileURLWithPath: report))
        shared.note("\(report): the verification on a page")
    }
}
