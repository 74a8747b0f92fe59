import Autoencoder
import Dispatch
import Faithfulness
import Foundation
import LanguageModel
import Synchronization
import Tensors
import Tokenization

/// The thread that the models belong to. Nothing else touches them, and no kernel runs on Swift's cooperative pool.
///
/// It does rounds while there is work and sleeps otherwise. A round gives every model a bounded step, so that reading, writing
/// and rebuilding for different requests go on side by side.
final class ModelThread: Sendable {
    /// Work that is handed to the thread.
    typealias Order = @Sendable (ModelWork) -> Void

    private struct State {
        var orders: [(pair: Int, order: Order)] = []
        var isStopped = false
    }

    private let state = Mutex(State())
    private let bell = DispatchSemaphore(value: 0)

    /// Starts the thread with one pair or more, all of one target. It lives until `stop`.
    init(_ models: [ServedModels], _ settings: StudioSettings) throws {
        let budget = CacheBudget(limit: settings.cacheBytes)
        let handedOver = HandedOver(
            works: try models.enumerated().map { try ModelWork($1, settings, budget, continuesTexts: $0 == 0) },
            budget: budget)
        let thread = Thread { [self] in run(handedOver.works, handedOver.budget) }
        thread.name = "models"
        thread.stackSize = 8 << 20
        thread.start()
    }

    /// The models on their way to the thread: made by one owner, used from then on by the other.
    private struct HandedOver: @unchecked Sendable {
        let works: [ModelWork]
        let budget: CacheBudget
    }

    /// Hands over work for the models of a pair. It is begun between two rounds. Nothing happens once the thread is stopped.
    func submit(to pair: Int = 0, _ order: @escaping Order) {
        state.withLock { if !$0.isStopped { $0.orders.append((pair, order)) } }
        bell.signal()
    }

    /// Ends the thread. Work in progress is left as it is: stop it when nobody waits any more.
    func stop() {
        state.withLock { $0.isStopped = true }
        bell.signal()
    }

    /// Seconds without work after which memory that a rush needed goes back to the system.
    private static let restAfter = 10.0

    private func run(_ works: [ModelWork], _ budget: CacheBudget) {
        while true {
            if works.allSatisfy(\.isIdle), bell.wait(timeout: .now() + ModelThread.restAfter) == .timedOut {
                for work in works { work.rest() }
                bell.wait()
            }
            let (orders, isStopped) = state.withLock { state in
                defer { state.orders = [] }
                return (state.orders, state.isStopped)
            }
            if isStopped { return }
            for (pair, order) in orders { order(works[pair]) }
            for work in works { work.round() }
            // What one model keeps for the next request may be what another waits for.
            if budget.isShort { for work in works { work.giveBackCaches() } }
        }
    }
}

/// The work of a pair's models, and of its target. Belongs to the models' thread.
final class ModelWork {
    /// The verbalizer's lane.
    let verbalizing: DecodingLane
    /// The target's lane for continuations; nil without a target.
    let continuing: DecodingLane?
    /// The target's lane for reading activations; nil without a target.
    let extraction: ExtractionLane?
    /// The reconstructor's; nil without one.
    let reconstruction: ReconstructionLane?
    let verbalizer: Verbalizer
    let targetTokenizer: Tokenizer?
    /// How far to believe claims, where that was fitted.
    let believing: ConfidenceLane?

    /// - Parameter continuesTexts: whether the target's continuations are asked of this pair; one does for all.
    init(_ models: ServedModels, _ settings: StudioSettings, _ budget: CacheBudget, continuesTexts: Bool) throws {
        verbalizer = models.verbalizer
        believing = models.confidence.map { ConfidenceLane($0) }
        targetTokenizer = models.target?.tokenizer
        verbalizing = DecodingLane(
            verbalizer.decoder, precision: verbalizer.precision, places: settings.maximumConcurrent, budget: budget,
            verbalizer: verbalizer)
        if let target = models.target {
            let precision = try models.targetPrecision ?? target.checkpoint.naturalPrecision()
            continuing =
                continuesTexts
                ? DecodingLane(
                    try target.decoder(), precision: precision, places: settings.maximumConcurrent,
                    budget: budget) : nil
            extraction = ExtractionLane(
                try target.decoder(blockCount: target.layer + 1), layer: target.layer, precision: precision,
                budget: budget)
        } else {
            continuing = nil
            extraction = nil
        }
        reconstruction = models.reconstructor.map { ReconstructionLane($0) }
    }

    var isIdle: Bool {
        verbalizing.isIdle && continuing?.isIdle != false && extraction?.isIdle != false
            && reconstruction?.isIdle != false && believing?.isIdle != false
    }

    /// Gives back memory, while there is nothing to do.
    func rest() {
        giveBackCaches()
        Machine.releaseUnusedMemory()
    }

    /// Gives back the keys and values of models that have nothing to do.
    func giveBackCaches() {
        verbalizing.rest()
        continuing?.rest()
    }

    /// A step of everything.
    func round() {
        extraction?.round(isBusy: verbalizing.writingCount > 0)
        continuing?.round()
        verbalizing.round()
        reconstruction?.round(isBusy: !verbalizing.isIdle)
        believing?.round()
    }
}
