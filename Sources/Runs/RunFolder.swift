import Foundation
import JSON
import Tensors

/// The folder of one run, held by this process alone.
///
///     run.yaml                    every option, effective
///     inputs.json                 hashes of what the run reads
///     metrics.jsonl               a line per step
///     samples.jsonl               explanations at each evaluation, where a run writes some
///     report.html                 all that on a page, where a run writes one
///     checkpoints/step-000400/    the last two, the one with the best evaluation, and those that are asked to stay
///     checkpoints/best            a link to that one
///     model/                      the result, once the run is finished
///
/// At any moment the process may be killed: whoever opens the folder again finds the last complete checkpoint and a metrics file
/// that ends with its step.
public final class RunFolder {
    /// The folder.
    public let url: URL
    /// The checkpoint to go on from; nil at the beginning.
    public private(set) var latest: TrainingCheckpoint?
    /// The checkpoint with the best evaluation so far.
    public private(set) var best: TrainingCheckpoint?
    let metrics: StepLog
    let samples: StepLog
    private let lock: FileLock

    /// The name of the page about a run, where a run writes one.
    public static let reportName = "report.html"

    /// Where the result goes.
    public var model: URL { url.appending(path: "model") }
    /// Whether the result is there.
    public var isFinished: Bool { FileManager.default.fileExists(atPath: model.path) }
    private var checkpoints: URL { url.appending(path: "checkpoints") }
    private var link: URL { checkpoints.appending(path: "best") }

    /// Creates the folder for a run with these options, or opens that of an earlier one with the same options to resume it.
    ///
    /// - Throws: a ``TrainingError`` if another process is training there, if the folder holds something else, or if its run had
    ///   other options that its result depends on.
    public convenience init<Options: RunOptions>(_ url: URL, _ options: Options) throws {
        try self.init(url, options) { RunInputs() }
    }

    /// The same for a run whose inputs are known again by their content, wherever they lie: options that say where are not compared.
    ///
    /// - Parameter inputs: called where they matter, which they do not to a finished run that lies where it lay.
    package init<Options: RunOptions>(_ url: URL, _ options: Options, inputs: () throws -> RunInputs) throws {
        self.url = url
        let checkpoints = url.appending(path: "checkpoints"), runFile = url.appending(path: "run.yaml")
        let files = FileManager.default
        // What a kill left half written is no reason to refuse.
        let present = ((try? files.contentsOfDirectory(atPath: url.path)) ?? []).filter {
            !$0.hasPrefix(".") && !$0.hasSuffix(AtomicFolder.unfinishedSuffix)
        }
        let isRun = files.fileExists(atPath: runFile.path)
        guard isRun || present.allSatisfy({ ["lock", "checkpoints"].contains($0) }) else {
            throw TrainingError("\(url.path): the folder holds something, but no run.yaml; name a new folder")
        }
        do { try Disk.makeFolder(checkpoints) } catch { throw TrainingError("\(error)") }
        lock = try FileLock("lock", in: url, for: "training in")
        // A run that has come to nothing yet, for instance because its data could not be read, may be begun anew otherwise.
        let beginnings: Set = [
            "run.yaml", RunInputs.fileName, "lock", "checkpoints", "metrics.jsonl", "samples.jsonl",
            RunFolder.reportName,
        ]
        let hasBegun =
            isRun && (!present.allSatisfy(beginnings.contains) || !RunFolder.steps(in: checkpoints).isEmpty)
        let pinned = hasBegun ? try RunInputs(folder: url) : RunInputs()
        let isMoved = hasBegun ? try RunFolder.checkSame(options, runFile, pinned) : false
        let isFinished = files.fileExists(atPath: url.appending(path: "model").path)
        let found = isFinished && !isMoved ? pinned : try inputs()
        try pinned.check(found, of: url)
        if try !isRun || String(contentsOf: runFile, encoding: .utf8) != options.runFile() {
            try AtomicFile.write(options.runFile(), to: runFile)
        }
        if found != pinned { try found.write(to: url) }
        RunFolder.removeUnfinished(in: url)
        RunFolder.removeUnfinished(in: checkpoints)
        let complete = RunFolder.steps(in: checkpoints)
        latest = try complete.last.map { try TrainingCheckpoint(RunFolder.folder(of: $0, in: checkpoints)) }
        best = try? TrainingCheckpoint(checkpoints.appending(path: "best").resolvingSymlinksInPath())
        metrics = try StepLog(url.appending(path: "metrics.jsonl"), keepingThrough: latest?.step)
        samples = try StepLog(url.appending(path: "samples.jsonl"), keepingThrough: latest?.step)
        // A process may have been killed between a checkpoint and the link to it.
        if let latest, let score = latest.score, score > best?.score ?? -.infinity {
            try pointBest(to: latest.url)
            best = latest
        }
    }

    /// - Returns: whether an input lies elsewhere than it did.
    private static func checkSame<Options: RunOptions>(
        _ options: Options, _ runFile: URL, _ pinned: RunInputs
    ) throws -> Bool {
        var earlier = Options()
        try earlier.read(runFile: runFile)
        let differences = options.differences(to: earlier).filter(\.field.isFixed)
        let others = differences.filter { pinned.hashes[$0.field.name] == nil }
        guard others.isEmpty else {
            let list = others.map { "\($0.field.name) \($0.here) here, \($0.there) there" }
            throw TrainingError(
                "\(runFile.path): the run in this folder has other options (\(list.joined(separator: "; "))); resume it with its own, or name a new folder"
            )
        }
        return !differences.isEmpty
    }

    /// A checkpoint that is being written, and what is to be done once it is.
    private struct Saving {
        let work: BackgroundWork
        let groups: [ParameterGroup]
        let finish: () throws -> Void
    }
    private var saving: Saving?
    /// How long the last checkpoint was waited for, in seconds.
    private(set) var lastWait = 0.0

    /// Begins to write a checkpoint of step `step`, and deletes those no longer needed once it is there.
    ///
    /// It is written while the run goes on. Only what would move the weights waits for it: a group's next update, or ``finishSaving()``, which
    /// say what became of it.
    ///
    /// - Parameters:
    ///   - score: what the evaluation at this step said, higher being better; nil if there was none.
    ///   - isBest: whether no earlier one was better.
    ///   - keeps: whether the checkpoint of a step stays although it is not needed.
    func save(
        step: Int, score: Double?, isBest: Bool, _ groups: [ParameterGroup],
        keeping keeps: (Int) -> Bool = { _ in false }
    ) throws {
        try finishSaving()
        try metrics.synchronize()
        try samples.synchronize()
        let folder = RunFolder.folder(of: step, in: checkpoints)
        let kept = RunFolder.steps(in: checkpoints).filter(keeps)
        let contents = TrainingCheckpoint.contents(step: step, score: score, groups)
        saving = Saving(work: BackgroundWork("checkpoint") { try contents.write(to: folder) }, groups: groups) {
            [self] in
            latest = try TrainingCheckpoint(folder)
            if isBest {
                try pointBest(to: folder)
                best = latest
            }
            for old in RunFolder.steps(in: checkpoints).dropLast(2) where old != best?.step && !kept.contains(old) {
                try? FileManager.default.removeItem(at: RunFolder.folder(of: old, in: checkpoints))
            }
        }
        for group in groups { group.beforeMoving = { [self] in try finishSaving() } }
    }

    /// Waits for the checkpoint that is being written, if one is. Throws a one-line error where it could not be.
    func finishSaving() throws {
        guard let saving else { return }
        self.saving = nil
        for group in saving.groups { group.beforeMoving = {} }
        let clock = ContinuousClock(), start = clock.now
        defer { lastWait = (clock.now - start).seconds }
        try saving.work.wait()
        try saving.finish()
    }

    private func pointBest(to folder: URL) throws {
        let partial = checkpoints.appending(path: ".best\(AtomicFolder.unfinishedSuffix)")
        unlink(partial.path)
        guard symlink(folder.lastPathComponent, partial.path) == 0 else {
            throw TrainingError("\(link.path): cannot write: \(String(cString: strerror(errno)))")
        }
        do { try Disk.rename(partial.path, to: link) } catch { throw TrainingError("\(error)") }
    }

    private static func folder(of step: Int, in checkpoints: URL) -> URL {
        let digits = String(step)
        return checkpoints.appending(
            path: "step-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits)
    }

    /// The steps of complete checkpoints, increasing.
    private static func steps(in checkpoints: URL) -> [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpoints.path)) ?? []
        return names.compactMap { $0.hasPrefix("step-") ? Int($0.dropFirst(5)) : nil }.filter {
            FileManager.default.fileExists(atPath: folder(of: $0, in: checkpoints).appending(path: "state.json").path)
        }.sorted()
    }

    /// Deletes what a killed process was writing, and checkpoints that are not whole.
    private static func removeUnfinished(in folder: URL) {
        let files = FileManager.default
        for name in (try? files.contentsOfDirectory(atPath: folder.path)) ?? [] {
            let item = folder.appending(path: name)
            let isTorn = name.hasPrefix("step-") && !files.fileExists(atPath: item.appending(path: "state.json").path)
            if isTorn || name.hasSuffix(AtomicFolder.unfinishedSuffix) { try? files.removeItem(at: item) }
        }
    }
}
