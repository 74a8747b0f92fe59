/// Free memory as ranges of addresses; neighbours are one range.
package struct FreeExtents {
    /// A range of addresses.
    package struct Extent: Equatable, Sendable {
        package let start: UInt
        package let size: Int
        var end: UInt { start + UInt(size) }

        package init(start: UInt, size: Int) {
            self.start = start
            self.size = size
        }
    }

    /// In the order of their addresses, none touching another.
    package private(set) var extents: [Extent] = []
    /// Bytes in all of them.
    package private(set) var byteCount = 0

    package init() {}

    /// Adds a range that does not overlap what is here.
    package mutating func insert(_ start: UInt, _ size: Int) {
        var low = 0, high = extents.count
        while low < high {
            let middle = (low + high) / 2
            if extents[middle].start < start { low = middle + 1 } else { high = middle }
        }
        byteCount += size
        var joined = Extent(start: start, size: size), first = low, last = low
        if low < extents.count, extents[low].start == joined.end {
            joined = Extent(start: start, size: size + extents[low].size)
            last += 1
        }
        if low > 0, extents[low - 1].end == start {
            joined = Extent(start: extents[low - 1].start, size: extents[low - 1].size + joined.size)
            first -= 1
        }
        extents.replaceSubrange(first..<last, with: [joined])
    }

    /// The beginning of the smallest range that has `size` bytes, the lowest of equal ones; nil if none has.
    package mutating func take(_ size: Int) -> UInt? {
        var best: Int?
        for (index, extent) in extents.enumerated() where extent.size >= size {
            if extent.size < best.map({ extents[$0].size }) ?? .max { best = index }
        }
        guard let best else { return nil }
        let extent = extents[best]
        byteCount -= size
        if extent.size == size {
            extents.remove(at: best)
        } else {
            extents[best] = Extent(start: extent.start + UInt(size), size: extent.size - size)
        }
        return extent.start
    }

    /// Removes `bytes` or a little more, or as many as there are: of the largest ranges first, and of those that have whole pages
    /// these only, for a huge page that is given back in part is not given back. Where all are wanted, all go whole.
    package mutating func remove(_ bytes: Int, page: Int) -> [Extent] {
        guard bytes < byteCount else {
            defer { self = FreeExtents() }
            return extents
        }
        var removed: [Extent] = [], left = bytes
        let unit = UInt(page)
        for extent in extents.sorted(by: { ($1.size, $0.start) < ($0.size, $1.start) }) {
            guard left > 0 else { break }
            var part = extent
            let start = (extent.start + unit - 1) / unit * unit, end = extent.end / unit * unit
            if start < end {
                let size = left > Int(end - start) ? Int(end - start) : (left + page - 1) / page * page
                // The upper part goes: what is taken next is cut from the lower.
                part = Extent(start: end - UInt(size), size: size)
            }
            removed.append(part)
            left -= part.size
            remove(part, from: extent)
        }
        return removed
    }

    private mutating func remove(_ part: Extent, from extent: Extent) {
        guard let index = extents.firstIndex(of: extent) else { return }
        let rests = [
            Extent(start: extent.start, size: Int(part.start - extent.start)),
            Extent(start: part.end, size: Int(extent.end - part.end)),
        ]
        extents.replaceSubrange(index...index, with: rests.filter { $0.size > 0 })
        byteCount -= part.size
    }
}
