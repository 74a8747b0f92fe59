// Fetches what its arguments name, as `nla pull` does, for tests that kill it and for measurements: NAME [PIECE CELL].
// The last line says how many bytes of memory it held at most, and how long fetching took.
import Foundation
import Hub

#if canImport(Glibc)
    import Glibc
#endif

setvbuf(stdout, nil, _IOLBF, 0)
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
            print("plan \(plan.missingBytes)")
            return true
        }, progress: { print("progress \($0.received)") }, note: { print("note \($0)") })
    let start = ContinuousClock.now
    let snapshot = try await hub.resolve(HubReference(arguments[1]), freshness: .latest, observer: observer)
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    var usage = rusage()
    getrusage(RUSAGE_SELF, &usage)
    print("whole \(snapshot.folder.path)")
    print("peak \(usage.ru_maxrss) KiB, \(seconds) s")
} catch {
    print("error \(error)")
    exit(1)
}
