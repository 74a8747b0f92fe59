import Autoencoder
import Foundation
import JSON
import LanguageModel
import Tensors

/// What a race has come to after a round: the changed target, and the readers that have learnt it.
struct RaceState {
    /// The last finished round; 0 before the first.
    let round: Int
    let target: Target
    /// The pair in the loop, and the one held out of it: never the same objects.
    let loop: Pair, heldOut: Pair
}

/// Where an arm's race is kept between rounds: one folder for the last finished round, written aside and renamed.
///
///     state/1-pressed/3/{target,av,ar}   the target, with the pair in the loop
///     state/1-pressed/3/held-out/{av,ar} the pair held out
struct RaceShelf {
    private let folder: URL
    private let precision: Precision

    init(_ experiment: URL, _ seed: UInt64, _ arm: RaceArm, precision: Precision) {
        folder = experiment.appending(path: "state/\(seed)-\(arm.rawValue)")
        self.precision = precision
    }

    private func place(_ round: Int) -> URL { folder.appending(path: "\(round)") }
    private func heldOut(_ place: URL) -> URL { place.appending(path: "held-out") }

    /// What was kept of a round; nil if nothing was.
    func open(_ round: Int) throws -> RaceState? {
        let place = place(round)
        guard FileManager.default.fileExists(atPath: place.path) else { return nil }
        let loop = try Pair(folder: place, precision: precision)
        return RaceState(
            round: round, target: try loop.openTarget(Pair.folders(place).target), loop: loop,
            heldOut: try Pair(folder: heldOut(place), precision: precision))
    }

    /// Keeps a round, and opens it: a race goes on with what is on disk, so that one that was stopped goes on alike.
    ///
    /// - Parameters:
    ///   - decoder: the changed target, a copy of the last round's.
    ///   - last: the last round's state, whose pairs have learnt the changed target.
    ///   - variance: of the changed target's activations.
    func keep(
        _ round: Int, _ decoder: TransformerDecoder, _ last: RaceState, _ variance: RawVariance
    ) throws -> RaceState {
        let place = place(round)
        try Disk.makeFolder(folder)
        // A round that was killed before it was noted down is there already.
        try? FileManager.default.removeItem(at: place)
        // What is computed with is kept, and the digits below are let go.
        let type = precision.elementType
        try AtomicFolder.write(to: place) { partial in
            let target = Pair.folders(partial).target
            try last.target.checkpoint.write(decoder, type: type, to: target)
            let identity = Sidecar.TargetIdentity(
                hash: try TargetHash.compute(Checkpoint(folder: target)),
                name: last.loop.verbalizer.sidecar.target?.name)
            let storage = try Checkpoint(folder: target).storage
            try Disk.makeFolder(heldOut(partial))
            for (pair, folder) in [(last.loop, partial), (last.heldOut, heldOut(partial))] {
                let (verbalizer, reconstructor) = (pair.verbalizer, pair.reconstructor)
                (verbalizer.sidecar.target, reconstructor.sidecar.target) = (identity, identity)
                (verbalizer.sidecar.targetStorage, reconstructor.sidecar.targetStorage) = (storage, storage)
                (verbalizer.sidecar.variance, reconstructor.sidecar.variance) = (variance, variance)
                try verbalizer.write(to: Pair.folders(folder).verbalizer, type: type)
                try reconstructor.write(to: Pair.folders(folder).reconstructor, type: type)
            }
        }
        guard let state = try open(round) else { trap("a round that was kept is gone") }
        return state
    }

    /// Deletes all rounds but one; nil deletes them all.
    func clear(except round: Int?) {
        let files = FileManager.default
        for name in (try? files.contentsOfDirectory(atPath: folder.path)) ?? [] where name != round.map(String.init) {
            try? files.removeItem(at: folder.appending(path: name))
        }
        if round == nil { try? files.removeItem(at: folder) }
    }
}
