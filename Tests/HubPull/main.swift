// Fetches what its arguments name, as `nla pull` does, for tests that kill it and for measurements: NAME [PIECE CELL].
// The last line says how many bytes of memory it held at most, and how long fetching took.
import Foundation
import Hub

/// A line that is there when this returns, whatever standard output is.
@Sendable func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

/// Most memory that this process held, in bytes.
func peakMemory() -> Int {
    var usage = rusage()
    #if canImport(Darwin)
        getrusage(RUSAGE_SELF, &usage)
        return usage.ru_maxrss
    #else
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss * 1024
    #endif
}

do {
    var hub = try Hub()
    let arguments = CommandLine.arguments
    if arguments.count > 3, let piece = Int(arguments[2]), let cell = Int(arguments[3]) {
        hub.settings.pieceSize = piece
        hub.settings.cellSize = cell
    }
    if let count = ProcessInfo.processInfo.environment["HUB_CONNECTIONS"].flatMap(Int.init) {
        hub.settings.connections = count
    }
    if ProcessInfo.processInfo.environment["HUB_NOT_DURABLE"] != nil { hub.settings.isDurable = false }
    let observer = HubObserver(
        approve: { plan in
            say("plan \(plan.missingBytes)")
            return true
        }, progress: { say("progress \($0.received)") }, note: { say("note \($0)") })
    let start = ContinuousClock.now
    let snapshot = try await hub.resolve(HubReference(arguments[1]), freshness: .latest, observer: observer)
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    say("whole \(snapshot.folder.path)")
    say("peak \(Double(peakMemory()) / 1_048_576) MiB, \(seconds) s")
} catch {
    say("error \(error)")
    exit(1)
}
