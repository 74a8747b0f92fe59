import Autoencoder
import Foundation
import LanguageModel
import Runs
import Tensors

extension JointOptions {
    /// The pair that a run begins with, with the adapters that learn. Throws a one-line error.
    func openPair() throws -> Pair {
        let url = try ModelLocation.pair(pair), folders = Pair.folders(url)
        let warm = try Pair(folder: url, precision: precision)
        var opened = warm
        if !warmStart {
            guard FileManager.default.fileExists(atPath: folders.target.path) else {
                throw TrainingError("\(url.path): has no folder target, which a run without warm start begins with")
            }
            let target = try ModelSource(folder: folders.target)
            opened = try Pair(
                Verbalizer(
                    target, warm.verbalizer.sidecar, warm.verbalizer.tokenizer,
                    precision: precision),
                Reconstructor(
                    target, warm.reconstructor.sidecar, warm.reconstructor.tokenizer,
                    head: .identity(warm.reconstructor.sidecar.width), precision: precision))
            // The target's adapter is a part of the weights that learn.
            if target.adapter != nil {
                try opened.verbalizer.decoder.mergeAdapters(precision: precision)
                try opened.reconstructor.decoder.mergeAdapters(precision: precision)
            }
        }
        let shortest = opened.verbalizer.responseIDs("x").count
        guard maximumLength >= shortest else {
            throw TrainingError(
                "max_completion_length: \(maximumLength) tokens are fewer than the shortest explanation has, \(shortest)"
            )
        }
        for (name, rank, half) in [
            ("av", verbalizerRank, opened.verbalizer.isAdapted),
            ("ar", reconstructorRank, opened.reconstructor.isAdapted),
        ] where rank > 0 && half {
            throw TrainingError(
                "\(name)_lora_rank: \(url.path)/\(name) consists of adapters already, which learn on; set it to 0")
        }
        if mergesAdapters == false, !keepsAdapters(opened) {
            throw TrainingError(
                "merge_adapters: false writes adapters alone, and \(url.path) has whole weights that learn; set av_lora_rank and ar_lora_rank"
            )
        }
        if let adapters = adapters(rank: verbalizerRank) {
            try opened.verbalizer.decoder.attachAdapters(adapters, seed: seed, precision: precision)
        }
        if let adapters = adapters(rank: reconstructorRank) {
            try opened.reconstructor.decoder.attachAdapters(adapters, seed: seed &+ 1, precision: precision)
        }
        return opened
    }

    /// Whether what learns of both halves is adapters, those of the pair or new ones. Of a reconstructor that does not learn nothing is
    /// asked but that it is an adapter.
    private func keepsAdapters(_ pair: Pair) -> Bool {
        (pair.verbalizer.isAdapted || verbalizerRank > 0) && (pair.reconstructor.isAdapted || reconstructorRank > 0)
    }

    /// Whether a pair that a run ends with is written as adapters alone.
    func writesAdapters(_ pair: Pair) -> Bool {
        !(mergesAdapters ?? !(pair.verbalizer.isAdapted && pair.reconstructor.isAdapted))
    }
}

extension Pair {
    /// Opens a pair, or the pair that a joint run was at one of its checkpoints: `RUN/checkpoints/step-000400`. Throws a one-line
    /// error.
    ///
    /// - Parameter supplement: what the user adds to the sidecars of a pair that is no checkpoint.
    public static func open(
        _ folder: URL, precision: Precision? = nil, _ supplement: SidecarSupplement = SidecarSupplement()
    ) throws -> Pair {
        guard let (checkpoint, run, start) = try parts(ofCheckpoint: folder) else {
            return try Pair(folder: folder, precision: precision, supplement)
        }
        var options = start
        if let precision { options.precision = precision }
        guard FileManager.default.fileExists(atPath: try ModelLocation.pair(options.pair).path) else {
            throw TrainingError(
                "\(run.path)/run.yaml: the run began with the pair \(options.pair), which is not there; a checkpoint needs it: work in the folder that the run was started in, or correct the path"
            )
        }
        try options.check()
        let pinned = try RunInputs(folder: run)
        try pinned.check(RunInputs(["pair": options.modelHashes()]), of: run)
        let pair = try options.openPair()
        try checkpoint.restore(JointTrainer.groups(pair.verbalizer, pair.reconstructor, options))
        return pair
    }

    /// The folder of the pair that the run of a checkpoint began with; nil if the folder is no checkpoint.
    public static func start(ofCheckpoint folder: URL) throws -> URL? {
        try parts(ofCheckpoint: folder).map { try ModelLocation.pair($0.options.pair) }
    }

    /// A checkpoint with its run's folder and options; nil if the folder is none.
    fileprivate static func parts(
        ofCheckpoint folder: URL
    ) throws -> (checkpoint: TrainingCheckpoint, run: URL, options: JointOptions)? {
        guard FileManager.default.fileExists(atPath: folder.appending(path: "state.json").path) else { return nil }
        let checkpoint = try TrainingCheckpoint(folder.resolvingSymlinksInPath())
        let run = checkpoint.url.deletingLastPathComponent().deletingLastPathComponent()
        var options = JointOptions()
        try options.read(runFile: run.appending(path: "run.yaml"))
        return (checkpoint, run, options)
    }
}

extension JointOptions {
    /// Where a reader lies that may be gone.
    private static func reader(_ name: String) -> URL {
        (try? ModelLocation.resolve(name)) ?? URL(fileURLWithPath: name)
    }

    /// The second reader in the reward of the joint run that a pair comes from: one of its checkpoints, or its finished `model`. Nil
    /// if there is none, or the folder is no part of a joint run.
    public static func rewardReader(of folder: URL) throws -> URL? {
        if let options = try Pair.parts(ofCheckpoint: folder)?.options {
            return options.secondReader.map(JointOptions.reader)
        }
        let run = folder.standardizedFileURL.deletingLastPathComponent()
        guard folder.standardizedFileURL.lastPathComponent == "model",
            FileManager.default.fileExists(atPath: run.appending(path: "run.yaml").path)
        else { return nil }
        var options = JointOptions()
        // Another kind of run has no such reader.
        guard (try? options.read(runFile: run.appending(path: "run.yaml"))) != nil else { return nil }
        return options.secondReader.map(JointOptions.reader)
    }
}
