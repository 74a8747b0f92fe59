import Autoencoder
import Foundation
import LanguageModel
import Runs
import Teaching
import Tensors

/// An arms race: rounds in which a target learns to hide a fact from a pair and the pair learns what the target has
/// become, watched by readers that nobody attacks.
///
///     let experiment = try RaceExperiment(options, in: folder)
///     let result = try experiment.run()
public struct RaceExperiment {
    private let options: RaceOptions
    private let folder: ExperimentFolder<RaceRecord>
    private let ground: HidingGround

    /// Opens everything; whatever can be wrong is said here, before anything is computed. Throws one-line errors.
    public init(_ options: RaceOptions, in url: URL) throws {
        try options.check()
        self.options = options
        let ground = try HidingGround(options.hiding)
        if let heldOut = options.heldOut {
            _ = try NamedReader.open(
                ModelLocation.pair(heldOut), like: ground.pair, precision: options.hiding.precision)
        }
        self.ground = ground
        folder = try ExperimentFolder(
            url, options,
            RunInputs(
                pair: options.hiding.pair, ground.target, readers: options.hiding.readers, data: options.hiding.data,
                heldOut: options.heldOut))
    }

    /// Runs the rounds that are missing, and writes result and page at every stage. Stops between steps when asked to;
    /// the round at hand is then run again.
    ///
    /// - Parameter progress: called with what is being done.
    /// - Returns: the result; nil if it was stopped.
    public func run(
        interruption: Interruption = Interruption(), progress: (String) -> Void = { _ in }
    ) throws -> RaceResult? {
        clearFinished()
        for seed in options.hiding.seed.consecutive(options.hiding.seeds) where !isFinished(seed) {
            progress("seed \(seed): measuring the original")
            let measurer = try RaceMeasurer(options, ground, seed: seed)
            let first = try start()
            try keep(measurer.original(loop: first.loop, heldOut: first.heldOut))
            // Levels are set anew on targets without pressure.
            for arm in [RaceArm.innocent, .pressed] {
                guard try race(arm, seed, measurer, interruption, progress) else { return nil }
            }
        }
        return try write()
    }

    /// The rounds of an arm of which every stage has been measured.
    private func finishedRounds(_ arm: RaceArm, _ seed: UInt64) -> Int {
        (1...options.rounds).prefix { round in
            RaceStage.allCases.allSatisfy { folder.finished[RaceRecord.name(seed, arm, round, $0)] != nil }
        }.count
    }

    private func isFinished(_ seed: UInt64) -> Bool {
        RaceArm.allCases.allSatisfy { finishedRounds($0, seed) == options.rounds }
    }

    /// Deletes what a process left that was killed behind an arm's last measure.
    private func clearFinished() {
        guard !options.keepsState else { return }
        for seed in options.hiding.seed.consecutive(options.hiding.seeds) {
            for arm in RaceArm.allCases where finishedRounds(arm, seed) == options.rounds {
                RaceShelf(folder.url, seed, arm, precision: options.hiding.precision).clear(except: nil)
            }
        }
    }

    private func keep(_ record: RaceRecord) throws {
        if folder.finished[record.name] == nil { try folder.append(record) }
        _ = try write()
    }

    private func write() throws -> RaceResult {
        let result = RaceResult(
            Array(folder.finished.values), blocks: ground.blocks, options)
        try folder.write(result)
        return result
    }

    // MARK: Rounds

    /// Runs the rounds of an arm that are missing.
    ///
    /// - Returns: whether it came to its end.
    private func race(
        _ arm: RaceArm, _ seed: UInt64, _ measurer: RaceMeasurer, _ interruption: Interruption,
        _ progress: (String) -> Void
    ) throws -> Bool {
        let shelf = RaceShelf(folder.url, seed, arm, precision: options.hiding.precision)
        let finished = finishedRounds(arm, seed)
        guard finished < options.rounds else { return true }
        // Without what the last round left, the race begins anew, and comes to what was noted down.
        var state = try shelf.open(finished) ?? start()
        var levels = try measurer.levels(state.loop, state.heldOut)
        for round in state.round + 1...options.rounds {
            let name = "seed \(seed), \(arm.rawValue), round \(round)"
            let key = RaceExperiment.key(seed, round)
            progress("\(name): choosing texts")
            guard let decoder = try hide(arm, state, key, name, interruption, progress) else { return false }
            progress("\(name): measuring")
            let examined = try measurer.examine(decoder)
            func calm(_ stage: RaceStage) -> RaceRecord? {
                arm == .pressed ? folder.finished[RaceRecord.name(seed, .innocent, round, stage)] : nil
            }
            try keep(
                measurer.record(
                    examined, arm, round, .hidden, loop: state.loop, heldOut: state.heldOut, levels,
                    anewLike: calm(.hidden)))
            progress("\(name): refreshing the readers")
            let refresh = try Refresh(
                options.hiding.refresh, decoder, state.target, ground.fact.texts, seed: key,
                precision: options.hiding.precision)
            let before = try refresh.varianceExplained(state.loop.reconstructor)
            guard try refresh.teach(state.loop, seed: key, interruption),
                try refresh.teach(state.heldOut, seed: key &+ Random.key("held out"), interruption)
            else { return false }
            levels = try measurer.levels(state.loop, state.heldOut)
            var record = try measurer.record(
                examined, arm, round, .refreshed, loop: state.loop, heldOut: state.heldOut, levels,
                anewLike: calm(.refreshed))
            record.refresh = .init(
                taught: refresh.taught.count, before: before,
                after: try refresh.varianceExplained(state.loop.reconstructor))
            state = try shelf.keep(round, decoder, state, refresh.variance)
            try keep(record)
            shelf.clear(except: round < options.rounds || options.keepsState ? round : nil)
        }
        return true
    }

    /// The seed of a round: both arms see the same texts.
    private static func key(_ seed: UInt64, _ round: Int) -> UInt64 {
        var random = Random(seed: seed, Random.key("round"), UInt64(round))
        return random.next()
    }

    /// Where every race begins.
    private func start() throws -> RaceState {
        let place = try ModelLocation.pair(options.hiding.pair), precision = options.hiding.precision
        return RaceState(
            round: 0, target: ground.target, loop: try Pair(folder: place, precision: precision),
            heldOut: try Pair(
                folder: options.heldOut.map { try ModelLocation.pair($0) } ?? place, precision: precision))
    }

    /// Fine-tunes a copy of the last round's target; nil if it was stopped.
    private func hide(
        _ arm: RaceArm, _ state: RaceState, _ seed: UInt64, _ name: String, _ interruption: Interruption,
        _ progress: (String) -> Void
    ) throws -> TransformerDecoder? {
        let hiding = options.hiding
        let texts = try PressedTexts(hiding, ground.fact, state.target, state.loop.verbalizer, seed: seed)
        let pressure =
            arm == .pressed ? Pressure(options.pressure, state.loop, precision: hiding.precision, seed: seed) : nil
        let trainer = try HidingTrainer(
            state.target, texts, in: ground.fact.texts, pressure, state.loop, hiding, seed: seed)
        return try trainer.run(name, interruption, progress) ? trainer.decoder : nil
    }
}
