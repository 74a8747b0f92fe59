/// What normalizers, pre-tokenizers and decoders look for: a fixed string or a regular expression.
enum TextPattern: Sendable {
    case string([UInt8])
    case regularExpression(RegularExpression)

    /// Calls `body` with each match in turn, from left to right and without overlaps.
    func forEachMatch(in text: UnsafeBufferPointer<UInt8>, _ body: (Int, Int) -> Void) {
        switch self {
        case .regularExpression(let expression): expression.forEachMatch(in: text, body)
        case .string(let needle):
            var start = 0
            while let match = ByteSearch.first(needle, in: text, from: start) {
                body(match, match + needle.count)
                start = match + needle.count
            }
        }
    }

    /// The text with every match replaced.
    func replacing(_ text: [UInt8], with replacement: [UInt8]) -> [UInt8] {
        text.withUnsafeBufferPointer { text in
            var output: [UInt8] = []
            output.reserveCapacity(text.count + text.count / 4)
            var end = 0
            forEachMatch(in: text) { matchStart, matchEnd in
                output.append(contentsOf: text[end..<matchStart])
                output.append(contentsOf: replacement)
                end = matchEnd
            }
            output.append(contentsOf: text[end...])
            return output
        }
    }
}
