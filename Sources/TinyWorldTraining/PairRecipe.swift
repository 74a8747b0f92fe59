import Activations
import Autoencoder
import Claims
import Evaluation
import Foundation
import JSON
import JointTraining
import LanguageModel
import Runs
import TargetTraining
import Teaching
import Tensors
import TinyWorld
import Tokenization
import WarmStart

/// The whole way from nothing to a warm-started pair, on TinyWorld: vocabulary, target, activations, probes, teacher,
/// reconstructor, verbalizer, evaluation.
///
/// Each stage leaves a folder or a file that appears under its name only when it is whole, so the same call goes on where an
/// earlier one was stopped. The pair lies in `pair/`: `target/`, `av/`, `ar/`.
public struct PairRecipe {
    private let options: PairOptions
    private let folder: RunFolder
    private let world: TinyWorld
    private let interruption: Interruption
    private let progress: (String, TrainingProgress) -> Void
    private let note: (String) -> Void

    /// Takes hold of the recipe's folder.
    ///
    /// - Parameters:
    ///   - progress: called after every training step with the stage's name.
    ///   - note: called with a line about what begins or was found.
    public init(
        _ options: PairOptions, in url: URL, interruption: Interruption = Interruption(),
        progress: @escaping (String, TrainingProgress) -> Void = { _, _ in },
        note: @escaping (String) -> Void = { _ in }
    ) throws {
        TinyWorldTexts.register()
        try options.check()
        self.options = options
        self.interruption = interruption
        self.progress = progress
        self.note = note
        folder = try RunFolder(url, options)
        world = TinyWorld(seed: options.seed)
        if let target = options.trainedTarget { _ = try Checkpoint(folder: ModelLocation.resolve(target)) }
        // A mistake in a later stage's file is found now, not in an hour.
        try targetOptions().check()
        try verbalizerOptions().check()
        try reconstructorOptions().check()
    }

    private var tokenizerFolder: URL { folder.url.appending(path: "tokenizer") }
    private var targetRun: URL { folder.url.appending(path: "target") }
    private var storeFolder: URL { folder.url.appending(path: "store") }
    private var probesFolder: URL { folder.url.appending(path: "probes") }
    private var explanationsFile: URL { folder.url.appending(path: "explanations.jsonl") }
    private var reconstructorRun: URL { folder.url.appending(path: "ar") }
    private var verbalizerRun: URL { folder.url.appending(path: "av") }
    private var reconstructorModel: URL { reconstructorRun.appending(path: "model") }
    private var verbalizerModel: URL { verbalizerRun.appending(path: "model") }
    private var reportFile: URL { folder.url.appending(path: "report.md") }
    private var pairFolder: URL { folder.url.appending(path: "pair") }

    /// Runs every stage that is not done.
    ///
    /// - Returns: the evaluation; nil if the options ask for an earlier stage as the last.
    /// - Throws: ``Interrupted`` when a signal stopped a stage.
    public func run() throws -> PairEvaluation? {
        if options.trainedTarget == nil {
            try timed("tokenizer", unless: exists(tokenizerFolder)) { try makeTokenizer() }
            try timed("target", unless: exists(targetFolder)) { try trainTarget() }
        }
        guard options.lastStage > .target else { return nil }
        let store = try timed("store", unless: exists(probesFolder)) { try makeStore() }
        let probes = try timed("probes", unless: exists(probesFolder)) { try fitProbes(store) }
        try timed("teacher", unless: exists(explanationsFile)) { try teach(store, probes) }
        guard options.lastStage > .teacher else { return nil }
        try timed("ar", unless: exists(reconstructorModel)) { try trainReconstructor() }
        try timed("av", unless: exists(verbalizerModel)) { try trainVerbalizer() }
        let evaluation = try timed("evaluation", unless: exists(reportFile)) { try evaluate(store, probes) }
        try AtomicFile.write(try report(evaluation, store, probes), to: reportFile)
        return evaluation
    }

    /// A stage was stopped by a signal.
    public struct Interrupted: Error {
        /// The stage.
        public let stage: String
        /// Its step, for a stage that has steps.
        public let step: Int?
        /// The signal.
        public let signal: Int32
    }

    /// Runs a stage; how long it took is noted, and kept in `stages.jsonl` unless there was nothing left to do.
    private func timed<Result>(
        _ stage: String, unless isDone: Bool, _ body: () throws -> Result
    ) throws -> Result {
        try checkSignal(stage)
        let clock = ContinuousClock()
        let start = clock.now
        note("\(stage) …")
        defer {
            let seconds = (clock.now - start).seconds
            note(String(format: "%@: %.0f s", stage, seconds))
            if !isDone { keep(stage, seconds) }
        }
        return try body()
    }

    private func checkSignal(_ stage: String) throws {
        if let signal = interruption.signal { throw Interrupted(stage: stage, step: nil, signal: signal) }
    }

    private var stagesFile: URL { folder.url.appending(path: "stages.jsonl") }

    private func keep(_ stage: String, _ seconds: Double) {
        let line: JSONValue = ["stage": .string(stage), "seconds": .number(seconds)]
        let known = (try? String(contentsOf: stagesFile, encoding: .utf8)) ?? ""
        // Only for the report: a disk that is full will say so elsewhere.
        try? AtomicFile.write(known + line.serialized() + "\n", to: stagesFile)
    }

    /// Seconds of each stage over all calls, in the order in which they were first run.
    private func seconds() -> [(stage: String, seconds: Double)] {
        var result: [(stage: String, seconds: Double)] = []
        let lines = (try? String(contentsOf: stagesFile, encoding: .utf8)) ?? ""
        for line in lines.split(separator: "\n") {
            guard let json = try? JSONValue.parse(String(line)), let stage = json["stage"]?.string,
                let seconds = json["seconds"]?.double
            else { continue }
            if let index = result.firstIndex(where: { $0.stage == stage }) {
                result[index].seconds += seconds
            } else {
                result.append((stage, seconds))
            }
        }
        return result
    }

    private func exists(_ url: URL) -> Bool { FileManager.default.fileExists(atPath: url.path) }

    // MARK: Vocabulary and target

    /// Tokens with a meaning of their own. Whole tags keep prompts short.
    private static let extraTokens: [BytePairTrainer.ExtraToken] =
        ["<|endoftext|>", "<|im_start|>", "<|im_end|>"].map { .special($0) }
        + ["㈎", "<concept>", "</concept>", "<explanation>", "</explanation>", "<text>", "</text>", "<summary>"]
        .map { .text($0) }

    /// A conversation in ChatML, as Qwen2 writes it.
    private static let chatTemplate =
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
        + "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"

    private func makeTokenizer() throws {
        guard !exists(tokenizerFolder) else { return }
        var trainer = try BytePairTrainer(
            .init(vocabularySize: options.vocabulary, extraTokens: PairRecipe.extraTokens))
        let grammar = TinyWorldGrammar()
        for index in 0..<options.vocabularyDocuments {
            let document = world.document(index, split: .training)
            trainer.add(document.text)
            // The words of explanations, in about the share that they will have.
            if index % 8 == 0 {
                for truth in document.truths { grammar.sentence(truth.fact).map { trainer.add(" " + $0) } }
            }
        }
        trainer.add(options.verbalizerTemplate + "user assistant" + options.reconstructorTemplate)
        let trained = trainer.train()
        try AtomicFolder.write(to: tokenizerFolder) { partial in
            try trained.write(to: partial, endOfText: "<|endoftext|>", chatTemplate: PairRecipe.chatTemplate)
        }
        note("a vocabulary of \(trained.vocabularySize) tokens")
    }

    private func targetOptions() throws -> TargetOptions {
        var target: TargetOptions = try options.options(of: "target", options.targetRun)
        target.tokenizer = tokenizerFolder.path
        target.data = TinyWorldTexts().name
        target.seed = options.seed
        return target
    }

    private func trainTarget() throws {
        let target = try targetOptions()
        let run = try TargetRun(target, in: targetRun)
        let evaluation = try finish("target", run.run(interruption: interruption) { progress("target", $0) })
        if let evaluation { note(evaluation.table) }
    }

    private var targetFolder: URL {
        options.trainedTarget.map { (try? ModelLocation.resolve($0)) ?? URL(fileURLWithPath: $0) }
            ?? targetRun.appending(path: "model")
    }

    // MARK: Activations, probes, explanations

    /// Splits of the store: no document is in two, and none is among those the target has learnt from.
    private var splits: [(name: String, count: Int, split: TinyWorld.Split)] {
        [
            ("probe", options.probeDocuments, .training),
            (ReconstructorStage.split, options.reconstructorDocuments, .training),
            (VerbalizerStage.split, options.verbalizerDocuments, .training),
            ("held-out", options.heldOutDocuments, .heldOut),
            // Behind the others, which so are the same with and without them.
            (JointOptions.split, options.jointDocuments, .training),
            (JointOptions.validation, options.validationDocuments, .heldOut),
        ]
    }

    /// First number of the documents that the store takes; the target reads those from 0 on.
    private static let firstDocument = 100_000_000

    private func makeStore() throws -> ActivationStore {
        let wanted = splits.reduce(0) { $0 + $1.count }
        if let known = try? ActivationStore(folder: storeFolder), known.documents.count == wanted { return known }
        let builder = try ActivationStoreBuilder(
            model: targetFolder, layer: options.layer,
            positions: PositionPolicy(
                perDocument: options.positionsPerDocument, includeMoments: true, firstPosition: options.firstPosition),
            seed: options.seed, .init(precision: .native))
        var next = PairRecipe.firstDocument
        let sources = splits.map { split in
            defer { next += split.count }
            return (split, next)
        }
        let documents = sources.lazy.flatMap { split, first in
            (first..<first + split.count).lazy.map {
                StoredDocument(world.document($0, split: split.split), split: split.name)
            }
        }
        try builder.build(documents, into: storeFolder) { _ in try checkSignal("store") }
        return try ActivationStore(folder: storeFolder)
    }

    private func fitProbes(_ store: ActivationStore) throws -> ProbeSet {
        if exists(probesFolder) { return try ProbeSet(folder: probesFolder) }
        let probes = try ProbeSet.train(
            store, rows: store.rows(ofSplit: "probe"), .forTeacher(seed: options.seed)
        ) { _ in try checkSignal("probes") }
        let report = ProbeReport(probes, store, rows: try store.rows(ofSplit: "held-out"))
        note(report.table)
        try AtomicFile.write(
            report.json.serialized(indent: 2) + "\n", to: folder.url.appending(path: "probes.json"))
        try probes.save(to: probesFolder)
        return probes
    }

    private func teach(_ store: ActivationStore, _ probes: ProbeSet) throws {
        guard !exists(explanationsFile) else { return }
        let teacher = StoreTeacher(
            store, TinyWorldGrammar(), probes: options.usesProbes ? .apart(probes) : nil,
            shown: TinyWorld.shownQuestions, options.teacher)
        var lines = ""
        let rows = store.rows(RowFilter(splits: [VerbalizerStage.split, ReconstructorStage.split, "held-out"]))
        let report = try teacher.explain(rows) { row, explanation in
            try checkSignal("teacher")
            lines += TaughtExplanation(id: store.id(of: row), explanation: explanation).line
        }
        note(
            "the teacher explains \(report.explained) rows, withholds \(report.withheld), has nothing to say about \(report.empty); says \(report.said) facts of \(report.stated) stated"
        )
        try store.writeExplanations(lines, to: explanationsFile)
    }

    // MARK: The pair

    private func warmStart<Stage>(_ file: String?) throws -> WarmStartOptions<Stage> {
        var warm: WarmStartOptions<Stage> = try options.options(of: Stage.name, file)
        warm.target = targetFolder.path
        warm.targetName = "\(TinyWorldTexts().targetName) \(options.seed)"
        warm.store = storeFolder.path
        warm.explanations = explanationsFile.path
        warm.seed = options.seed
        warm.verbalizerTemplate = options.verbalizerTemplate
        warm.reconstructorTemplate = options.reconstructorTemplate
        return warm
    }

    private func reconstructorOptions() throws -> WarmStartOptions<ReconstructorStage> {
        try warmStart(options.reconstructorRun)
    }

    private func verbalizerOptions() throws -> WarmStartOptions<VerbalizerStage> {
        var warm: WarmStartOptions<VerbalizerStage> = try warmStart(options.verbalizerRun)
        warm.reconstructor = reconstructorModel.path
        return warm
    }

    private func trainReconstructor() throws {
        let run = try WarmStartRun(reconstructorOptions(), in: reconstructorRun)
        _ = try finish("ar", run.run(interruption: interruption) { progress("ar", $0) })
    }

    private func trainVerbalizer() throws {
        let run = try WarmStartRun(verbalizerOptions(), in: verbalizerRun)
        _ = try finish("av", run.run(interruption: interruption) { progress("av", $0) })
    }

    /// What a stage gave; nil if an earlier call had finished it. Throws ``Interrupted``.
    private func finish<Result>(_ stage: String, _ outcome: RunOutcome<Result>) throws -> Result? {
        switch outcome {
        case .finished(let result): return result
        case .finishedBefore: return nil
        case .interrupted(let step, let signal): throw Interrupted(stage: stage, step: step, signal: signal)
        }
    }

    private func evaluate(_ store: ActivationStore, _ probes: ProbeSet) throws -> PairEvaluation {
        if !exists(pairFolder) {
            try AtomicFolder.write(to: pairFolder) { partial in
                for (name, source) in [
                    ("target", targetFolder), ("av", verbalizerModel),
                    ("ar", reconstructorModel),
                ] { try Disk.copy(source, to: partial.appending(path: name)) }
            }
        }
        var settings = PairEvaluation.Options()
        settings.rows = options.evaluationRows
        settings.seed = options.seed
        let evaluation = try PairEvaluation(
            Pair(folder: pairFolder), store, split: "held-out", grammar: TinyWorldGrammar(), probes: .apart(probes),
            taught: TaughtRows(store, split: "held-out", JSONLTeacher(explanationsFile)), settings)
        try AtomicFile.write(
            evaluation.json.serialized(indent: 2) + "\n", to: folder.url.appending(path: "evaluation.json"))
        return evaluation
    }

    /// Everything that was measured, in one page of Markdown.
    private func report(_ evaluation: PairEvaluation, _ store: ActivationStore, _ probes: ProbeSet) throws -> String {
        let checkpoint = try Checkpoint(folder: targetFolder)
        let heldOut = WorldDocuments(TinyWorldTexts(), seed: world.seed, isHeldOut: true)
        let target = try TargetEvaluator(
            TransformerDecoder(checkpoint), TokenizedDocuments(heldOut, Tokenizer(folder: targetFolder), limit: 1024),
            precision: .native
        ).evaluate(documents: 2000)
        let probed = ProbeReport(probes, store, rows: try store.rows(ofSplit: "held-out"))
        let stages = seconds()
        var lines = [
            "# A tiny target with its verbalizer and reconstructor", "",
            "Everything below is measured on held-out documents of TinyWorld: texts with combinations that no training text shows.",
            "Written by `nla train pair` with seed \(options.seed).", "",
            "| stage | minutes |", "|---|---|",
        ]
        for (stage, seconds) in stages { lines.append(String(format: "| %@ | %.1f |", stage, seconds / 60)) }
        lines.append(String(format: "| all | %.1f |", stages.reduce(0) { $0 + $1.seconds } / 60))
        lines += [
            "", "## The pair", "", evaluation.table, "## The target", "",
            "Moments are places where a fact decides the next words; the target is right where every token of them is its first choice.",
            "", "```", target.table, "```", "", "## The probes", "",
            "What a linear reader finds in the activations: the ceiling for explanations.", "", "```", probed.table,
            "```", "",
        ]
        return lines.joined(separator: "\n")
    }
}
