import Foundation
import Synchronization

extension Process {
    private static let starting = Mutex(())

    /// Starts it while no other test starts one: Foundation's `run` has crashed where two ran at once (Swift 6.3, Linux).
    public func start() throws { try Process.starting.withLock { _ in try run() } }
}
