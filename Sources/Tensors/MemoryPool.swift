import CKernels
import Foundation

/// Memory that was used keeps its pages for the next tensors: a training step asks for the same sizes every time, and fresh pages
/// cost more than the arithmetic of small layers.
///
/// What is kept never makes the process larger than the most that was in use at once, by more than a little: before it grows
/// beyond that, free memory serves other sizes, or goes back to the system. Pieces are kept by their size at first. Where that
/// does not do, the large ones are cut, and the parts joined again when they are free: so what one model's step leaves serves
/// another's. Each large one is mapped by itself, so that no two mappings are neighbours: what is not large enough whole goes back to
/// the system, not to something larger. The heap of `malloc` is not used for them: pieces that come and go leave holes there that
/// nobody accounts for, a tenth of a large step's memory.
final class MemoryPool: @unchecked Sendable {
    static let shared = MemoryPool()

    private let lock = NSLock()
    /// Free pieces by their size.
    private var pieces: [Int: [UnsafeMutableRawPointer]] = [:]
    private var pieceBytes = 0
    /// Free memory that was joined.
    private var joined = FreeExtents()
    /// Bytes in use, and the most that ever were.
    private var usedBytes = 0, mostUsedBytes = 0
    /// What may be free beside the most that was ever in use.
    private let slack = 256 << 20
    /// The size that pieces are large from, and that of the pages they lie in.
    private static let hugePage = 2 << 20

    private var freeBytes: Int { pieceBytes + joined.byteCount }
    /// Free memory beyond this returns to the system. Behind a training step nearly all that it used is free, and the next step takes it:
    /// who is done with large work calls ``Machine/releaseUnusedMemory()``.
    private var limit: Int { max(3 << 30, mostUsedBytes) }

    /// Sizes are rounded up so that nearly equal ones share memory: large ones by an eighth at most. Batches of texts differ a little in
    /// length from step to step.
    private static func rounded(_ byteCount: Int) -> Int {
        let size = max(byteCount, 1)
        let step =
            switch size {
            case (1 << 20)...: max(1 << 18, 1 << (Int.bitWidth - 1 - size.leadingZeroBitCount - 3))
            case (1 << 14)...: 4096
            default: 256
            }
        return (size + step - 1) / step * step
    }

    func take(_ byteCount: Int) -> UnsafeMutableRawPointer {
        let size = MemoryPool.rounded(byteCount)
        lock.lock()
        usedBytes += size
        mostUsedBytes = max(mostUsedBytes, usedBytes)
        if let address = known(size) {
            lock.unlock()
            return address
        }
        let surplus = evict(usedBytes + freeBytes - mostUsedBytes - slack)
        lock.unlock()
        surplus.release()
        return MemoryPool.fresh(size)
    }

    func give(_ address: UnsafeMutableRawPointer, _ byteCount: Int) {
        let size = MemoryPool.rounded(byteCount)
        lock.lock()
        usedBytes -= size
        pieces[size, default: []].append(address)
        pieceBytes += size
        let surplus = evict(freeBytes - limit)
        lock.unlock()
        surplus.release()
    }

    /// Returns all free memory to the system.
    func empty() {
        lock.lock()
        let all = evict(.max)
        lock.unlock()
        all.release()
    }

    /// Free memory of a size that has pages already, if there is some; a larger piece is cut for it where the process is not to grow.
    private func known(_ size: Int) -> UnsafeMutableRawPointer? {
        if let address = pieces[size]?.popLast() {
            pieceBytes -= size
            return address
        }
        guard size >= MemoryPool.hugePage else { return nil }
        var start = joined.take(size)
        if start == nil, usedBytes + freeBytes > mostUsedBytes + slack {
            join()
            start = joined.take(size)
        }
        return start.flatMap { UnsafeMutableRawPointer(bitPattern: $0) }
    }

    /// Puts large free pieces where they can be cut, and where parts of one mapping become one again.
    private func join() {
        for (size, addresses) in pieces where size >= MemoryPool.hugePage {
            for address in addresses { joined.insert(UInt(bitPattern: address), size) }
            pieceBytes -= size * addresses.count
            pieces[size] = nil
        }
    }

    private static func fresh(_ size: Int) -> UnsafeMutableRawPointer {
        guard size < hugePage else { return map(size) }
        var address: UnsafeMutableRawPointer?
        guard posix_memalign(&address, 64, size) == 0, let address else { outOfMemory(size) }
        return address
    }

    /// Fresh memory of a large size.
    private static func map(_ size: Int) -> UnsafeMutableRawPointer {
        // Huge pages lie at multiples of their size: one too many is mapped, and what surrounds the memory unmapped.
        guard let mapped = mmap(nil, size + hugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0),
            mapped != MAP_FAILED
        else { outOfMemory(size) }
        let before = (hugePage - Int(UInt(bitPattern: mapped) % UInt(hugePage))) % hugePage
        let address = mapped + before
        if before > 0 { munmap(mapped, before) }
        munmap(address + size, hugePage - before)
        #if os(Linux)
            madvise(address, size, MADV_HUGEPAGE)
        #endif
        return address
    }

    /// Free memory that was taken out of the lists, to be released without the lock.
    private struct Surplus {
        var small: [UnsafeMutableRawPointer] = []
        var large: [FreeExtents.Extent] = []

        func release() {
            for address in small { Foundation.free(address) }
            for extent in large { munmap(UnsafeMutableRawPointer(bitPattern: extent.start), extent.size) }
        }
    }

    /// Takes `byteCount` bytes of free memory out of the lists, or what there is of it: large pieces first.
    private func evict(_ byteCount: Int) -> Surplus {
        var surplus = Surplus()
        guard byteCount > 0, freeBytes > 0 else { return surplus }
        join()
        surplus.large = joined.remove(byteCount, page: MemoryPool.hugePage)
        var left = byteCount - surplus.large.reduce(0) { $0 + $1.size }
        for size in pieces.keys.sorted(by: >) {
            while left > 0, let address = pieces[size]?.popLast() {
                surplus.small.append(address)
                pieceBytes -= size
                left -= size
            }
            if pieces[size]?.isEmpty == true { pieces[size] = nil }
            if left <= 0 { break }
        }
        return surplus
    }

    private static func outOfMemory(_ size: Int) -> Never { trap("out of memory: \(size) bytes wanted") }
}

extension Machine {
    /// Gives memory that no tensor uses back to the system, for instance between two phases of different size.
    public static func releaseUnusedMemory() {
        MemoryPool.shared.empty()
        ck_trim_memory()
    }
}
