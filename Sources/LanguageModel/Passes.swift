/// Cuts work into passes of a limited size.
package enum Passes {
    /// Consecutive ranges of items whose lengths add up to at most `limit`, or that are a single item.
    package static func split(_ lengths: [Int], limit: Int) -> [Range<Int>] {
        var ranges: [Range<Int>] = [], begin = 0, sum = 0
        for (index, length) in lengths.enumerated() {
            if index > begin, sum + length > limit {
                ranges.append(begin..<index)
                (begin, sum) = (index, 0)
            }
            sum += length
        }
        if begin < lengths.count { ranges.append(begin..<lengths.count) }
        return ranges
    }
}
