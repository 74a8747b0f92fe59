import Foundation
import JSON
import Synchronization

/// A file on its way: what of its bytes is here already, which of the rest is being fetched, and which is free to be.
///
/// A file of one piece lies at `blobs/HASH.incomplete` from its beginning, as huggingface_hub has long left its parts: each program
/// resumes the other's. A larger file is fetched in several pieces at once, and so lies under another name, for to a program that takes
/// its length for its progress it would be whole. Behind the data stands which cells of it are here:
///
///     blobs/HASH.pieces.incomplete    data | "NLAPIECE", size, cell size | one byte for each cell, 1 if it is here
///
/// A byte is set when the cell's data is written, so that `kill -9` loses nothing but unfinished cells. After a power failure a byte
/// may be there without its data: the hash of the whole file tells.
final class PartFile: Sendable {
    /// Bytes of the whole file.
    let size: Int
    /// Where it lies.
    let url: URL
    private let descriptor: Int32
    private let cell: Int
    private let hasFooter: Bool
    private let isDurable: Bool
    private let state: Mutex<State>
    /// Something was written, or the part is closed: for whoever hashes.
    let news: AsyncStream<Void>
    private let tell: AsyncStream<Void>.Continuation

    private struct State {
        /// Ranges that nobody fetches, in order.
        var missing: [Range<Int>]
        /// What is left of the ranges that are being fetched.
        var taken: [Range<Int>] = []
        /// Counts how often it was begun anew.
        var generation = 0
        /// The data from where news was told last.
        var told = 0
        /// Bytes that nobody has asked the disk to take yet, and whether it is taking some.
        var unsynchronized = 0, isSynchronizing = false
        /// One reader takes the whole file, for the server knows no ranges.
        var isWhole = false
    }

    private static let magic = Array("NLAPIECE".utf8)
    private static let headSize = 24

    /// Opens the part of a blob, or makes one.
    ///
    /// - Parameters:
    ///   - blob: where the file is to lie when it is whole.
    ///   - pieceSize: bytes up to which a file is fetched in one piece.
    ///   - isDurable: whether bytes are brought to the disk as they come, so that there is little left to wait for at the end.
    init(of blob: URL, size: Int, pieceSize: Int, cellSize: Int, isDurable: Bool) throws {
        self.size = size
        self.isDurable = isDurable
        (news, tell) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        let plain = URL(fileURLWithPath: blob.path + ".incomplete")
        hasFooter = size > pieceSize
        var missing: [Range<Int>] = size > 0 ? [0..<size] : []
        if hasFooter {
            url = URL(fileURLWithPath: blob.path + ".pieces.incomplete")
            // What another program left from the beginning counts.
            if !CacheFolder.isThere(url.path), CacheFolder.kind(plain.path) == S_IFREG {
                _ = rename(plain.path, url.path)
            }
        } else {
            url = plain
        }
        descriptor = open(url.path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
        guard descriptor >= 0 else { throw Self.failure(url.path) }
        var status = stat()
        fstat(descriptor, &status)
        let length = Int(status.st_size)
        guard hasFooter else {
            cell = cellSize
            if length > size {
                ftruncate(descriptor, 0)
            } else {
                missing = length < size ? [length..<size] : []
            }
            state = Mutex(State(missing: missing))
            return
        }
        if let found = Self.footer(descriptor, length: length, size: size) {
            (cell, missing) = found
        } else {
            cell = cellSize
            // Whole, but for its name; or from the beginning, of another program's making.
            let here = length <= size ? length / cellSize * cellSize : 0
            missing = length == size ? [] : [here..<size]
            if length > size { ftruncate(descriptor, 0) }
            do { try Self.writeFooter(descriptor, size: size, cell: cellSize, missing: missing, url.path) } catch {
                Foundation.close(descriptor)
                throw error
            }
        }
        state = Mutex(State(missing: missing))
    }

    deinit { Foundation.close(descriptor) }

    private static func footer(_ descriptor: Int32, length: Int, size: Int) -> (cell: Int, missing: [Range<Int>])? {
        guard length > size + headSize else { return nil }
        var bytes = [UInt8](repeating: 0, count: min(length - size, 64 << 20))
        guard pread(descriptor, &bytes, bytes.count, off_t(size)) == bytes.count, Array(bytes.prefix(8)) == magic else {
            return nil
        }
        func number(_ at: Int) -> Int {
            Int(clamping: (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[at + $1]) << (8 * UInt64($1)) })
        }
        let cell = number(16)
        guard number(8) == size, (1...(1 << 30)).contains(cell), bytes.count == headSize + (size + cell - 1) / cell
        else {
            return nil
        }
        var missing: [Range<Int>] = []
        for index in 0..<(size + cell - 1) / cell where bytes[headSize + index] != 1 {
            let range = index * cell..<min(size, (index + 1) * cell)
            if let last = missing.last, last.upperBound == range.lowerBound {
                missing[missing.count - 1] = last.lowerBound..<range.upperBound
            } else {
                missing.append(range)
            }
        }
        return (cell, missing)
    }

    private static func writeFooter(
        _ descriptor: Int32, size: Int, cell: Int, missing: [Range<Int>], _ path: String
    ) throws {
        var bytes = magic
        for number in [size, cell] { bytes += (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
        var cells = [UInt8](repeating: 1, count: (size + cell - 1) / cell)
        for range in missing { for index in range.lowerBound / cell..<cells.count { cells[index] = 0 } }
        bytes += cells
        try bytes.withUnsafeBytes { try write(descriptor, $0, at: size, path) }
    }

    private static func failure(_ path: String, _ code: Int32 = errno) -> HubError {
        let reason = String(cString: strerror(code))
        return HubError(
            .disk,
            code == ENOSPC
                ? "\(path): the disk is full; free some and run again: what is here is kept"
                : "\(path): cannot write: \(reason)")
    }

    private static func write(
        _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int, _ path: String
    ) throws {
        var rest = bytes[...], offset = offset
        while !rest.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: rest)
            let count = pwrite(descriptor, part.baseAddress, part.count, off_t(offset))
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw failure(path) }
            rest = rest.dropFirst(count)
            offset += count
        }
    }

    /// Bytes that are here of a blob that is on its way, without opening it.
    static func received(of blob: URL, size: Int, pieceSize: Int) -> Int {
        func length(_ path: String) -> Int {
            var status = stat()
            return stat(path, &status) == 0 ? Int(status.st_size) : 0
        }
        let plain = length(blob.path + ".incomplete"), path = blob.path + ".pieces.incomplete"
        guard size > pieceSize, CacheFolder.isThere(path) else { return plain <= size ? plain : 0 }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return 0 }
        defer { Foundation.close(descriptor) }
        let whole = length(path)
        guard let found = footer(descriptor, length: whole, size: size) else { return whole == size ? size : 0 }
        return size - found.missing.reduce(0) { $0 + $1.count }
    }

    // MARK: Ranges

    /// Bytes that are here.
    var received: Int {
        state.withLock { state in
            size - state.missing.reduce(0) { $0 + $1.count } - state.taken.reduce(0) { $0 + $1.count }
        }
    }

    /// Bytes from the beginning without a gap, and which beginning they belong to.
    var prefix: (count: Int, generation: Int) { state.withLock { (Self.prefix($0, size), $0.generation) } }

    private static func prefix(_ state: State, _ size: Int) -> Int {
        var end = state.missing.first?.lowerBound ?? size
        for range in state.taken where !range.isEmpty { end = min(end, range.lowerBound) }
        return end
    }

    /// Whether all of it is here.
    var isWhole: Bool { received == size }

    /// A range for somebody to fetch, of at most so many bytes; nil where all is fetched already or being fetched.
    func take(atMost count: Int) -> Range<Int>? {
        state.withLock { state in
            guard !state.isWhole || state.taken.isEmpty, let first = state.missing.first else { return nil }
            // Pieces end where cells do.
            let limit =
                hasFooter && !state.isWhole
                ? max(cell, (first.lowerBound + count) / cell * cell - first.lowerBound) : size
            let range = first.lowerBound..<min(first.upperBound, first.lowerBound + limit)
            if range == first {
                state.missing.removeFirst()
            } else {
                state.missing[0] = range.upperBound..<first.upperBound
            }
            state.taken.append(range)
            return range
        }
    }

    /// Gives back what is left of a taken range.
    func giveBack(_ rest: Range<Int>) {
        state.withLock { state in
            guard let index = state.taken.firstIndex(of: rest) else { return }
            state.taken.remove(at: index)
            guard !rest.isEmpty else { return }
            state.missing.append(rest)
            state.missing.sort { $0.lowerBound < $1.lowerBound }
        }
    }

    /// Writes bytes at the beginning of what is left of a taken range.
    ///
    /// - Returns: what is left then; nil where the range is no longer the caller's.
    func write(_ bytes: UnsafeRawBufferPointer, _ rest: Range<Int>) throws -> Range<Int>? {
        guard state.withLock({ $0.taken.contains(rest) }) else { return nil }
        try Self.write(descriptor, bytes, at: rest.lowerBound, url.path)
        let end = rest.lowerBound + bytes.count
        let left = end..<rest.upperBound
        let (isMine, isNews, isMuch) = state.withLock { state in
            guard let index = state.taken.firstIndex(of: rest) else { return (false, false, false) }
            state.taken[index] = left
            let prefix = Self.prefix(state, size)
            let isNews = prefix - state.told >= 1 << 20 || prefix == size
            if isNews { state.told = prefix }
            state.unsynchronized += bytes.count
            let isMuch = isDurable && state.unsynchronized >= 64 << 20 && !state.isSynchronizing
            if isMuch {
                state.unsynchronized = 0
                state.isSynchronizing = true
            }
            return (true, isNews, isMuch)
        }
        if isMuch {
            // What cannot be written says so at the end.
            DispatchQueue.global().async { [self] in
                try? Disk.synchronize(descriptor, url.path)
                state.withLock { $0.isSynchronizing = false }
            }
        }
        guard isMine else { return nil }
        if hasFooter {
            let last = end == size ? (size + cell - 1) / cell : end / cell
            let cells = rest.lowerBound / cell..<last
            if !cells.isEmpty {
                let ones = [UInt8](repeating: 1, count: cells.count)
                try ones.withUnsafeBytes {
                    try Self.write(descriptor, $0, at: size + Self.headSize + cells.lowerBound, url.path)
                }
            }
        }
        if isNews { tell.yield() }
        return left
    }

    /// Throws everything away: what is here is not what it should be.
    ///
    /// - Parameter isWhole: from now on one reader takes all of it, for the server knows no ranges: the caller.
    /// - Returns: bytes that were here; nil where somebody else is that reader already.
    func restart(isWhole: Bool = false) throws -> Int? {
        let dropped: Int? = state.withLock { state in
            // Several connections learn the same at once; the first of them is the reader.
            if isWhole, state.isWhole { return nil }
            let here = size - (state.missing + state.taken).reduce(0) { $0 + $1.count }
            state.generation += 1
            state.told = 0
            state.isWhole = isWhole
            state.missing = isWhole || size == 0 ? [] : [0..<size]
            state.taken = isWhole ? [0..<size] : []
            return here
        }
        guard let dropped else { return nil }
        if hasFooter {
            try Self.writeFooter(descriptor, size: size, cell: cell, missing: [0..<size], url.path)
        } else {
            guard ftruncate(descriptor, 0) == 0 else { throw Self.failure(url.path) }
        }
        return dropped
    }

    /// Takes the one reader back to the beginning, since it cannot go on from where it was cut off.
    func rewind(_ rest: Range<Int>) throws -> Range<Int>? {
        let isMine = state.withLock { state in
            guard state.isWhole, state.taken == [rest] else { return false }
            state.generation += 1
            state.told = 0
            state.taken = [0..<size]
            return true
        }
        guard isMine else { return nil }
        if hasFooter { try Self.writeFooter(descriptor, size: size, cell: cell, missing: [0..<size], url.path) }
        return 0..<size
    }

    /// Whether what is left of a range is still the caller's, and not begun anew by somebody else.
    func isTaken(_ rest: Range<Int>) -> Bool { state.withLock { $0.taken.contains(rest) } }

    /// Whether one reader takes all of it.
    var hasOneReader: Bool { state.withLock { $0.isWhole } }

    // MARK: The end

    /// Reads bytes that are here.
    func read(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int {
        while true {
            let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                throw HubError(
                    .disk, "\(url.path): cannot read: \(count < 0 ? String(cString: strerror(errno)) : "it was cut")")
            }
            return count
        }
    }

    /// No more news will come.
    func close() { tell.finish() }

    /// Gives the whole file its name.
    func finish(as blob: URL, isDurable: Bool) throws {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw Self.failure(url.path) }
        if isDurable { try Disk.synchronize(descriptor, url.path) }
        try Disk.rename(url.path, to: blob)
    }

    /// Takes the part away.
    func remove() { unlink(url.path) }
}
