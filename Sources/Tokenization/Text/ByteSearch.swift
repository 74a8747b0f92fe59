import Foundation

/// Finds bytes in bytes, in time linear in both, which trying every place is not.
enum ByteSearch {
    /// Up to here, trying every place where the first byte occurs is both linear and fast.
    private static let shortNeedle = 16

    /// Where `needle`, which must not be empty, first occurs at or after `start`.
    static func first(_ needle: [UInt8], in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        guard let first = needle.first, start <= text.count, needle.count <= text.count - start,
            let base = text.baseAddress
        else { return nil }
        if needle.count > shortNeedle { return firstOfLong(needle, in: text, from: start) }
        let end = text.count - needle.count + 1
        var position = start
        while position < end, let found = memchr(base + position, Int32(first), end - position) {
            position = UnsafeRawPointer(found) - UnsafeRawPointer(base)
            if memcmp(base + position, needle, needle.count) == 0 { return position }
            position += 1
        }
        return nil
    }

    /// The algorithm of Knuth, Morris and Pratt, which never looks back in the text.
    private static func firstOfLong(_ needle: [UInt8], in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        // For each length matched, the length of the longest shorter beginning of the needle that matches there too.
        var fallback = [0, 0]
        var matched = 0
        for position in 1..<needle.count {
            while matched > 0, needle[position] != needle[matched] { matched = fallback[matched] }
            if needle[position] == needle[matched] { matched += 1 }
            fallback.append(matched)
        }
        matched = 0
        for position in start..<text.count {
            while matched > 0, text[position] != needle[matched] { matched = fallback[matched] }
            if text[position] == needle[matched] { matched += 1 }
            if matched == needle.count { return position + 1 - matched }
        }
        return nil
    }
}
