import Activations
import ArgumentParser
import Autoencoder
import Claims
import Evaluation
import Foundation
import JSON
import LanguageModel
import Teaching
import Tensors

extension GrammarName: ExpressibleByArgument {}

struct DataExplain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Explain stored activations from what their documents state.",
        discussion: """
            With --probes a fact is said only where a probe reads it from that very vector; with --text-only whatever the text \
            has stated is said, so that one can see what that does. The splits that the probes were fitted to are left out, unless \
            they were fitted with --cross-fit.

            With --extractive an explanation says where the text is from (--relations), its last words and, with --continuations from \
            nla data continue, what the target would write next and how sure it is. It says facts that no word states, such as the kind \
            of source; with --probes only those that a probe reads.

            With --from and --reader, explanations written elsewhere lose the sentences without which a reconstructor rebuilds \
            the vector no worse. The reader must have learnt from other documents: name the --splits it has not met.
            """)

    @Option(help: ArgumentHelp("The activation store.", valueName: "dir"))
    var store: String

    @Option(
        help: ArgumentHelp(
            "Splits to explain, with commas between; by default all but those that the probes were fitted to.",
            valueName: "names"))
    var splits: String?

    @Option(
        help: ArgumentHelp(
            "Probes from nla data probes, fitted to another split, or with --cross-fit.", valueName: "dir"))
    var probes: String?

    @Flag(help: "Say whatever the text has stated.")
    var textOnly = false

    @Flag(help: "Say the origin, the last words and what the target would write next.")
    var extractive = false

    @Option(help: ArgumentHelp("With --extractive: what nla data continue wrote.", valueName: "file.jsonl"))
    var continuations: String?

    @Option(
        help: ArgumentHelp(
            "With --extractive: facts to say by their relations, the most important first, with commas between.",
            valueName: "names"))
    var relations: String?

    @Option(help: ArgumentHelp("Least probability that a probe must give to a fact.", valueName: "p"))
    var threshold: Float = 0.5

    @Option(
        help: ArgumentHelp(
            "Sentences of an explanation at most, the one about the ending included; with --extractive the one about what comes next is one more.",
            valueName: "n"))
    var maximumSentences = 3

    @Option(help: ArgumentHelp("Share of facts left out at random.", valueName: "x"))
    var omission = 0.1

    @Option(help: "How facts are said: tiny-world, or plain for any labelled documents.")
    var grammar = GrammarName.standard

    @Option(help: ArgumentHelp("Explanations written elsewhere, to be filtered.", valueName: "file.jsonl"))
    var from: String?

    @Option(help: ArgumentHelp("Folder of the reconstructor that filters.", valueName: "dir"))
    var reader: String?

    @Option(help: ArgumentHelp("Error that a sentence must save to stay.", valueName: "x"))
    var gain = 0.0

    @Option(help: ArgumentHelp("File to write: JSON Lines, or Parquet if its name ends so.", valueName: "file"))
    var output: String

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        if (from == nil) != (reader == nil) { throw ValidationError("--from and --reader go together.") }
        let others = [textOnly, from != nil, extractive].filter { $0 }.count
        if others + (probes != nil && !extractive ? 1 : 0) != 1 {
            throw ValidationError(
                "Give exactly one of --probes, --text-only, --extractive (which --probes may go with), and --from with --reader."
            )
        }
        if !extractive && (continuations != nil || relations != nil) {
            throw ValidationError("--continuations and --relations go with --extractive.")
        }
        if !(0...1).contains(threshold) { throw ValidationError("--threshold must be between 0 and 1.") }
        if !(0...1).contains(omission) { throw ValidationError("--omission must be between 0 and 1.") }
        if !(1...100).contains(maximumSentences) {
            throw ValidationError("--maximum-sentences must be between 1 and 100.")
        }
    }

    func run() throws {
        shared.apply()
        let target = URL(fileURLWithPath: output)
        try AtomicFile.checkWritable(target)
        let store = try ActivationStore(folder: DataLocation.folder(store))
        let probes = try probes.map { try TeacherProbes(folder: DataLocation.folder($0), matching: store) }
        let names = try splitNames(store, probes)
        let rows = try names.flatMap { try store.rows(ofSplit: $0) }.sorted()
        var lines = ""
        func deliver(_ row: Int, _ explanation: String) {
            lines += TaughtExplanation(id: store.id(of: row), explanation: explanation).line
        }
        let summary =
            try extractive
            ? extract(store, probes, rows, deliver)
            : from.map { try filter($0, store, rows, deliver) } ?? teach(store, probes, rows, deliver)
        guard !lines.isEmpty else { throw ModelError("\(output): not written, since nothing was explained") }
        try store.writeExplanations(lines, to: target)
        shared.note("\(output): " + summary.map { "\($0.0) \($0.1)" }.joined(separator: ", "))
        if shared.json {
            try Output.line(
                JSONValue.object(JSONObject(summary.map { ($0.0, .integer($0.1)) })).serialized())
        }
    }

    /// The splits asked for, or all but those that probes were fitted to. Throws for one that they were fitted to.
    private func splitNames(_ store: ActivationStore, _ probes: TeacherProbes?) throws -> [String] {
        let fitted = probes?.fittedSplits ?? []
        guard let asked = splits?.split(separator: ",").map(String.init) else {
            let left = store.splits.filter { !fitted.contains($0) }
            guard !left.isEmpty else {
                throw ModelError(
                    "\(self.probes ?? ""): these probes were fitted to every split of \(store.folder.path); fit them to one, or with nla data probes --cross-fit"
                )
            }
            return left
        }
        try probes?.check(unfitted: asked)
        return asked
    }

    private func extract(
        _ store: ActivationStore, _ probes: TeacherProbes?, _ rows: [Int], _ deliver: (Int, String) -> Void
    ) throws -> [(String, Int)] {
        var options = ExtractiveTeacher.Options()
        if let relations {
            options.relations = relations.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        }
        options.maximumFacts = max(0, maximumSentences - 1)
        options.omission = omission
        options.threshold = threshold
        options.seed = shared.seed
        let known = try continuations.map { try Continuations(DataLocation.file($0), matching: store) }
        let report = try ExtractiveTeacher(store, grammar.grammar, continuations: known, probes: probes, options)
            .explain(rows, deliver: deliver)
        return [
            ("explained", report.explained), ("empty", report.empty), ("facts", report.facts), ("held", report.held),
            ("said", report.said), ("without continuation", report.withoutContinuation),
        ]
    }

    private func teach(
        _ store: ActivationStore, _ probes: TeacherProbes?, _ rows: [Int], _ deliver: (Int, String) -> Void
    ) throws -> [(String, Int)] {
        var options = StoreTeacher.Options()
        options.threshold = threshold
        options.maximumSentences = maximumSentences
        options.omission = omission
        options.seed = shared.seed
        let teacher = try StoreTeacher(
            store, grammar.grammar, probes: probes, shown: grammar.shown ?? store.shownQuestions(), options)
        let report = teacher.explain(rows, deliver: deliver)
        return [
            ("explained", report.explained), ("withheld", report.withheld), ("empty", report.empty),
            ("stated", report.stated), ("said", report.said),
        ]
    }

    private func filter(
        _ file: String, _ store: ActivationStore, _ rows: [Int], _ deliver: (Int, String) -> Void
    ) throws -> [(String, Int)] {
        let written = try JSONLTeacher(DataLocation.files(file))
        try store.check(written)
        let known = rows.filter { written[store.id(of: $0)] != nil }
        let reconstructor = try Reconstructor(folder: ModelLocation.resolve(reader ?? ""))
        try store.check(reconstructor.sidecar, named: reader ?? "")
        let filter = ReaderFilter(reconstructor, gain: gain)
        var report = ReaderFilter.Report()
        for begin in stride(from: 0, to: known.count, by: 256) {
            let batch = Array(known[begin..<min(known.count, begin + 256)])
            let kept = try filter.filter(
                batch.compactMap { written[store.id(of: $0)] }, store.vectors(batch), &report)
            for (row, text) in zip(batch, kept) { if let text { deliver(row, text) } }
        }
        return [
            ("explained", known.count - report.emptied), ("emptied", report.emptied),
            ("unexplained", rows.count - known.count), ("sentences", report.sentences),
            ("kept", report.kept),
        ]
    }
}
