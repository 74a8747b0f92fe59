import Foundation
import HTTP
import JSON
import Synchronization

/// Fetches one file into the cache, by as many connections as take pieces of it.
final class FileFetch: Sendable {
    /// What all files of one fetch have in common.
    struct Context: Sendable {
        let interface: HubInterface
        let cache: CacheFolder
        let commit: String
        let meter: ProgressMeter
        let note: @Sendable (String) -> Void
        var settings: HubSettings { interface.settings }
        var reference: HubReference { cache.reference }
    }
    private let context: Context
    private let file: HubFile
    private let expected: FileDigest.Expected?
    private let state: Mutex<State>

    private struct State {
        /// Bytes that the plan counted as here.
        var counted: Int
        var location: HubLocation?
        /// The name in `blobs/`.
        var blobName: String
        var part: PartFile?
        var lock: CacheLock?
        var hash: Task<String, any Error>?
        var isFinishing = false
        /// How often it was begun anew.
        var restarts = 0
    }

    /// - Parameter counted: bytes of a part that the meter does not wait for.
    init(_ file: HubFile, counted: Int, _ context: Context) {
        self.file = file
        self.context = context
        expected = FileDigest.Expected(file.blobName)
        state = Mutex(State(counted: counted, blobName: file.blobName))
    }

    private var name: String { "\(context.reference.id)/\(file.path)" }

    // MARK: Opening

    /// Gets ready to fetch pieces: asks the hub where they are, and waits for another process that fetches the same.
    ///
    /// - Returns: false if it is here now.
    func open() async throws -> Bool {
        if try linkIfHere() { return false }
        let location = try await context.interface.locate(file.path, context.reference, commit: context.commit)
        let blobName = try checked(location)
        state.withLock {
            $0.location = location
            $0.blobName = blobName
        }
        if try linkIfHere() { return false }
        let blob = context.cache.blob(blobName)
        try Disk.makeFolder(blob.deletingLastPathComponent())
        let lock = try await CacheLock.take(context.cache.lock(blobName), context.settings.clock) {
            context.note("\(name): another process fetches it; waiting")
        }
        state.withLock { $0.lock = lock }
        if try linkIfHere() { return false }
        let part = try PartFile(
            of: blob, size: file.size, pieceSize: context.settings.pieceSize, cellSize: context.settings.cellSize,
            isDurable: context.settings.isDurable)
        let news =
            part.received
            - state.withLock { state in
                state.part = part
                defer { state.counted = 0 }
                return state.counted
            }
        if news != 0 { context.meter.add(news) }
        startHash(part)
        if part.isWhole, try await finish() { return false }
        return true
    }

    /// Compares what the headers say with the list, and returns the name that the blob is to have.
    private func checked(_ location: HubLocation) throws -> String {
        if let size = location.size, size != file.size {
            throw HubError(
                .damaged,
                "\(name): the hub lists \(file.size) bytes, and its headers say \(size); try again, or another HF_ENDPOINT"
            )
        }
        let isHash = FileDigest.Expected(location.tag) != nil
        if isHash, location.tag != file.blobName {
            throw HubError(
                .damaged,
                "\(name): the hub lists the hash \(file.blobName), and its headers say \(location.tag); try again, or another HF_ENDPOINT"
            )
        }
        // A mirror may have tags of its own for small files; huggingface_hub would look for the file under those.
        return isHash || file.sha256 != nil ? file.blobName : location.tag
    }

    /// Whether the blob is here; then it gets its name in the snapshot.
    private func linkIfHere() throws -> Bool {
        let blobName = state.withLock { $0.blobName }
        guard context.cache.size(ofBlob: blobName) == file.size else { return false }
        try context.cache.link(file.path, context.commit, to: blobName)
        let missing = state.withLock { state in
            defer {
                state.counted = file.size
                state.lock = nil
            }
            return file.size - state.counted
        }
        if missing != 0 { context.meter.add(missing) }
        return true
    }

    /// Follows what is written with the hash, so that the hash is there soon after the last byte.
    private func startHash(_ part: PartFile) {
        guard let expected else { return }
        let size = file.size
        let task = Task.detached {
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
            defer { buffer.deallocate() }
            var hash = FileDigest.Running(expected, size: size), done = 0, generation = part.prefix.generation
            var news = part.news.makeAsyncIterator()
            while true {
                let prefix = part.prefix
                if prefix.generation != generation {
                    generation = prefix.generation
                    hash = FileDigest.Running(expected, size: size)
                    done = 0
                }
                if done < prefix.count {
                    let wanted = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(prefix.count - done))
                    let count = try part.read(wanted, at: done)
                    hash.update(UnsafeRawBufferPointer(rebasing: wanted.prefix(count)))
                    done += count
                    await Task.yield()
                    try Task.checkCancellation()
                } else if done == size {
                    return hash.value()
                } else if await news.next(isolation: nil) == nil {
                    throw CancellationError()
                }
            }
        }
        state.withLock { $0.hash = task }
    }

    // MARK: Pieces

    /// A piece for somebody to fetch; nil where none is free.
    func take() -> Range<Int>? {
        state.withLock { $0.part }?.take(atMost: context.settings.pieceSize)
    }

    /// Fetches a piece.
    ///
    /// - Returns: whether it was the last: the caller then finishes the file.
    func fetch(_ range: Range<Int>) async throws -> Bool {
        guard let part = state.withLock({ $0.part }) else { return false }
        var rest = range
        var retries = Retries(
            context.settings,
            { [context] why, delay in
                context.note("\(why); trying again in \(Int((delay / .seconds(1)).rounded(.up))) s")
            })
        while !rest.isEmpty {
            let piece = Piece(rest)
            do {
                try await attempt(piece, part)
                rest = piece.rest
            } catch {
                if piece.rest.lowerBound > rest.lowerBound, !part.hasOneReader { retries.progressed() }
                rest = piece.rest
                switch error {
                case is Superseded: return false
                case is RangesIgnored:
                    guard let dropped = try part.restart(isWhole: true) else { return false }
                    context.meter.add(-dropped)
                    rest = 0..<part.size
                case let failure as HubAnswer.Failure:
                    try await recover(from: failure, part, rest, &retries)
                case let failure as TransportFailure:
                    let address = state.withLock { $0.location?.address } ?? context.settings.endpoint
                    try await recover(from: Retries.failure(failure, address, file: name), part, rest, &retries)
                default:
                    part.giveBack(rest)
                    throw error
                }
                if rest.lowerBound > 0, !rest.isEmpty, part.hasOneReader {
                    guard let whole = try part.rewind(rest) else { return false }
                    context.meter.add(-rest.lowerBound)
                    rest = whole
                }
                if !part.isTaken(rest) { return false }
            }
        }
        part.giveBack(rest)
        return state.withLock { state in
            guard part.isWhole, !state.isFinishing else { return false }
            state.isFinishing = true
            return true
        }
    }

    /// Waits, asks for the address again, or begins anew, as the failure asks for.
    private func recover(
        from failure: HubAnswer.Failure, _ part: PartFile, _ rest: Range<Int>, _ retries: inout Retries
    ) async throws {
        do { try await retries.pause(after: failure) } catch {
            part.giveBack(rest)
            throw error
        }
        switch failure.course {
        case .locateAgain:
            do {
                let location = try await context.interface.locate(file.path, context.reference, commit: context.commit)
                state.withLock { $0.location = location }
            } catch {
                part.giveBack(rest)
                throw error
            }
        // Several connections learn the same: the first of them throws the part away.
        case .fromStart where part.isTaken(rest): try startAgain(part, failure.error)
        default: break
        }
    }

    /// Throws the part away. The second time it is an error, and nothing is kept.
    private func startAgain(_ part: PartFile, _ error: HubError) throws {
        let restarts = state.withLock { state in
            state.restarts += 1
            return state.restarts
        }
        guard restarts < 2 else {
            part.remove()
            throw HubError(error.kind, "\(error); it was fetched twice, and nothing of it was kept")
        }
        context.note("\(error); fetching it again")
        context.meter.add(-(try part.restart() ?? 0))
    }

    /// What is left of a piece; written by the connection's thread.
    private final class Piece: Sendable {
        private let state: Mutex<Range<Int>>
        init(_ rest: Range<Int>) { state = Mutex(rest) }
        var rest: Range<Int> { state.withLock { $0 } }
        func isNow(_ rest: Range<Int>) { state.withLock { $0 = rest } }
    }
    /// The server gave all of the file where a range was asked for.
    private struct RangesIgnored: PassedOn {}
    /// The piece belongs to nobody any more, since the part was begun anew.
    private struct Superseded: PassedOn {}

    private func attempt(_ piece: Piece, _ part: PartFile) async throws {
        guard var address = state.withLock({ $0.location?.address }) else { return }
        let range = piece.rest, isAll = range == 0..<file.size
        let headers = isAll ? [] : [("range", "bytes=\(range.lowerBound)-\(range.upperBound - 1)")]
        let file = file, meter = context.meter, name = name
        for _ in 0..<10 {
            let current = address
            let head = try await context.interface.transport.exchange(
                "GET", current, headers: headers,
                onHead: { [self] head in try check(head, range, isAll: isAll, current) },
                onBody: { bytes in
                    let rest = piece.rest
                    guard bytes.count <= rest.count else { throw Self.wrongLength(name, "more than", file.size) }
                    guard let left = try part.write(bytes, rest) else { throw Superseded() }
                    piece.isNow(left)
                    meter.add(bytes.count)
                })
            if head.status < 300 {
                guard piece.rest.isEmpty else { throw Self.wrongLength(name, "fewer than", file.size) }
                return
            }
            let target = HubTransport.resolve(head.header("location") ?? "", from: current)
            guard let origin = HubOrigin(target), !(current.hasPrefix("https:") && origin.scheme == "http") else {
                throw HubError(.unreachable, "\(name): a redirect to what may not be asked: \(target.prefix(100))")
            }
            address = target
        }
        throw HubError(.unreachable, "\(name): redirects without end")
    }

    private static func wrongLength(_ name: String, _ what: String, _ size: Int) -> HubAnswer.Failure {
        HubAnswer.Failure(
            course: .again(after: nil),
            error: HubError(.damaged, "\(name): \(what) the \(size) bytes that the hub says came"))
    }

    /// Whether the bytes that follow a head are the ones that were asked for.
    private func check(_ head: HubHead, _ range: Range<Int>, isAll: Bool, _ address: String) throws {
        if let encoding = head.header("content-encoding"), encoding.lowercased() != "identity", head.status < 300 {
            throw HubError(.unreachable, "\(name): it comes as \(encoding), which was not asked for; check the proxy")
        }
        let host = HubOrigin(address)?.host ?? address
        switch head.status {
        case 206:
            let said = head.header("content-range")?.wholeMatch(of: /bytes\s+(\d+)-(\d+)\/(\d+|\*)/)
            guard let said, Int(said.1) == range.lowerBound, Int(said.2) == range.upperBound - 1 else {
                throw HubAnswer.Failure(
                    course: .again(after: nil),
                    error: HubError(.damaged, "\(name): \(host) gives other bytes than were asked for"))
            }
            if let length = head.number("content-length"), length != range.count {
                throw Self.wrongLength(name, length > range.count ? "more than" : "fewer than", file.size)
            }
            guard said.3 == "*" || Int(said.3) == file.size else {
                throw HubAnswer.Failure(
                    course: .fromStart,
                    error: HubError(.damaged, "\(name): \(said.3) bytes at \(host), and \(file.size) in the hub's list")
                )
            }
        case 200:
            guard isAll else { throw RangesIgnored() }
            if let length = head.number("content-length"), length != file.size {
                throw HubAnswer.Failure(
                    course: .again(after: nil),
                    error: HubError(.damaged, "\(name): \(length) bytes at \(host), and \(file.size) in the hub's list")
                )
            }
        case 300..<400 where head.header("location") != nil: break
        default:
            if head.status != 416, context.interface.transport.isOnHub(address) {
                throw HubAnswer.failure(head, about: context.reference, file: file.path, context.settings)
            }
            throw HubAnswer.storageFailure(head, file: name, host: host)
        }
    }

    // MARK: The end

    /// Checks the hash, and gives the file its name.
    ///
    /// - Returns: false if it was not the file that the hub says, and is to be fetched again.
    func finish() async throws -> Bool {
        let (part, hash, blobName) = state.withLock { ($0.part, $0.hash, $0.blobName) }
        guard let part else { return true }
        if let hash, let expected {
            let value = try await withTaskCancellationHandler {
                try await hash.value
            } onCancel: {
                hash.cancel()
            }
            guard value == expected.value else {
                try startAgain(
                    part,
                    HubError(.damaged, "\(name): its \(expected.name) is \(value), and the hub says \(expected.value)"))
                startHash(part)
                state.withLock { $0.isFinishing = false }
                return false
            }
        }
        part.close()
        try part.finish(as: context.cache.blob(blobName), isDurable: context.settings.isDurable)
        try context.cache.link(file.path, context.commit, to: blobName)
        state.withLock { state in
            state.part = nil
            state.lock = nil
        }
        return true
    }

    /// Lets go of everything; what is here of the file stays as a part.
    func abandon() {
        let (part, hash) = state.withLock { state in
            defer { (state.part, state.lock, state.hash) = (nil, nil, nil) }
            return (state.part, state.hash)
        }
        hash?.cancel()
        part?.close()
    }
}
