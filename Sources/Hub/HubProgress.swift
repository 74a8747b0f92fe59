import Synchronization

/// What is about to be fetched.
public struct HubPlan: Sendable {
    /// The repository and revision, as it would be typed.
    public let name: String
    /// The commit that the revision is.
    public let commit: String
    /// Files that are wanted, and those of them that are not here.
    public let files: Int, missingFiles: Int
    /// Bytes of all wanted files, and those that are to be fetched: without what is here, and without parts that are resumed.
    public let bytes: Int, missingBytes: Int

    /// `org/name@main: 14.2 GB in 12 files, of which 3.1 GB are to be fetched`.
    public var line: String {
        let whole = "\(name): \(HubBytes.text(bytes)) in \(files) file\(files == 1 ? "" : "s")"
        return missingBytes == bytes ? whole : whole + ", of which \(HubBytes.text(missingBytes)) are to be fetched"
    }
}

/// How far fetching has come.
public struct HubProgress: Sendable {
    /// Bytes that were to be fetched, and those of them that are here.
    public let bytes: Int, received: Int
    /// Bytes a second over the last seconds; nil at the beginning.
    public let rate: Double?
    /// Seconds until all is here at this rate; nil where that cannot be told.
    public let secondsLeft: Double?

    package init(bytes: Int, received: Int, rate: Double?, secondsLeft: Double?) {
        self.bytes = bytes
        self.received = received
        self.rate = rate
        self.secondsLeft = secondsLeft
    }

    /// `1.2 of 14.2 GB, 93.1 MB/s, 2 min 20 s left`.
    public var line: String {
        var line = "\(HubBytes.text(received)) of \(HubBytes.text(bytes))"
        if let rate { line += ", \(HubBytes.text(Int(max(0, min(rate, 1e15)))))/s" }
        if let secondsLeft, received < bytes { line += ", \(Self.time(secondsLeft)) left" }
        return line
    }

    private static func time(_ seconds: Double) -> String {
        let seconds = Int(max(0, min(seconds, 8_639_999)).rounded(.up))
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3600 { return "\(seconds / 60) min \(seconds % 60) s" }
        return "\(seconds / 3600) h \(seconds % 3600 / 60) min"
    }
}

/// Who is told how fetching goes. Every closure may be called on any thread.
public struct HubObserver: Sendable {
    /// Told the size before anything is fetched. Where it returns false nothing is.
    public var approve: @Sendable (HubPlan) -> Bool
    /// Told at most ten times a second, and at the end.
    public var progress: @Sendable (HubProgress) -> Void
    /// Told in one line what is being waited for, and what was out of order.
    public var note: @Sendable (String) -> Void

    /// An observer.
    public init(
        approve: @escaping @Sendable (HubPlan) -> Bool = { _ in true },
        progress: @escaping @Sendable (HubProgress) -> Void = { _ in },
        note: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.approve = approve
        self.progress = progress
        self.note = note
    }

    /// Nobody.
    public static let none = HubObserver()
}

/// Numbers of bytes for people, in powers of ten as the hub shows them.
public enum HubBytes {
    /// `14.2 GB`.
    public static func text(_ count: Int) -> String {
        var value = Double(count), unit = "bytes"
        for next in ["kB", "MB", "GB", "TB"] where value >= 999.5 || unit == "bytes" && value >= 1000 {
            value /= 1000
            unit = next
        }
        if unit == "bytes" { return "\(count) \(count == 1 ? "byte" : "bytes")" }
        let tenths = (value * 10).rounded() / 10
        return (tenths < 100 ? "\(tenths)" : "\(Int(value.rounded()))") + " " + unit
    }
}

/// Counts what comes, and tells of it now and then.
final class ProgressMeter: Sendable {
    private struct State {
        var received = 0
        var lastTold: Duration?
        /// Moments of the last seconds, and what was here then.
        var samples: [(time: Duration, received: Int)] = []
    }
    private let bytes: Int
    private let clock: HubClock
    private let tell: @Sendable (HubProgress) -> Void
    private let state = Mutex(State())

    init(bytes: Int, _ clock: HubClock, _ tell: @escaping @Sendable (HubProgress) -> Void) {
        self.bytes = bytes
        self.clock = clock
        self.tell = tell
        let now = clock.now()
        state.withLock { $0.samples = [(now, 0)] }
    }

    /// So many more bytes are here; fewer, where some turned out to be of no use.
    func add(_ count: Int) {
        let now = clock.now()
        let progress: HubProgress? = state.withLock { state in
            state.received += count
            if let last = state.lastTold, now - last < .milliseconds(100), state.received < bytes { return nil }
            state.lastTold = now
            while state.samples.count > 1, now - state.samples[1].time > .seconds(5) { state.samples.removeFirst() }
            state.samples.append((now, state.received))
            let first = state.samples[0], seconds = (now - first.time) / .seconds(1)
            let rate = seconds > 0 ? Double(state.received - first.received) / seconds : nil
            let left = rate.flatMap { $0 > 0 ? Double(max(0, bytes - state.received)) / $0 : nil }
            return HubProgress(bytes: bytes, received: state.received, rate: rate.map { max(0, $0) }, secondsLeft: left)
        }
        if let progress { tell(progress) }
    }
}
