import Dispatch
import Foundation
import Synchronization

/// A wish to stop, from Ctrl-C or `kill`, that the training loop follows at the end of a step.
public final class Interruption {
    /// What the signal handlers reach.
    private final class Flag: Sendable {
        let signal = Atomic<Int32>(0)
    }

    private let flag = Flag()
    private var sources: [any DispatchSourceSignal] = []

    /// An interruption that comes from ``request(_:)`` only.
    public init() {}

    /// Catches SIGINT and SIGTERM as long as it lives. A second signal ends the process at once, as it would have without this:
    /// the run then loses the steps since its last checkpoint.
    public static func onSignals() -> Interruption {
        let interruption = Interruption()
        let flag = interruption.flag
        for number in [SIGINT, SIGTERM] {
            // The default action would end the process before the source hears of the signal.
            Foundation.signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                let (isFirst, _) = flag.signal.compareExchange(expected: 0, desired: number, ordering: .relaxed)
                guard !isFirst else { return }
                Foundation.signal(number, SIG_DFL)
                kill(getpid(), number)
            }
            source.resume()
            interruption.sources.append(source)
        }
        return interruption
    }

    deinit {
        for source in sources { source.cancel() }
        if !sources.isEmpty { for number in [SIGINT, SIGTERM] { Foundation.signal(number, SIG_DFL) } }
    }

    /// The signal that asked to stop, nil if none has.
    public var signal: Int32? {
        let number = flag.signal.load(ordering: .relaxed)
        return number == 0 ? nil : number
    }

    /// Asks to stop, as the signal would.
    public func request(_ signal: Int32 = SIGINT) { flag.signal.store(signal, ordering: .relaxed) }
}
