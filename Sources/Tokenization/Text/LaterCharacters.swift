import CPCRE2

/// Characters that this machine's PCRE2 does not know yet, while the package's regular expressions do.
///
/// Where they occur in a text, an older character of the same category and length takes their place while it is searched.
final class LaterCharacters: Sendable {
    /// The Unicode version of the package's regular expressions.
    private static let knownVersion = 16

    /// Nil where PCRE2 knows all of them.
    static let shared: LaterCharacters? = {
        var version = [UInt8](repeating: 0, count: 64)
        pcre2_config_8(UInt32(PCRE2_CONFIG_UNICODE_VERSION), &version)
        let major = version.prefix { (0x30...0x39).contains($0) }.reduce(0) { 10 * $0 + Int($1) - 0x30 }
        return major >= knownVersion ? nil : LaterCharacters()
    }()

    private struct Run {
        let range: Range<UInt32>
        let standIn: [UInt8]
    }

    private let runs: [Run]
    /// Whether one of the characters begins with this byte, which nearly no text has.
    private let mayBegin: [Bool]

    private init() {
        var runs: [Run] = []
        var mayBegin = [Bool](repeating: false, count: 256)
        for line in UnicodeTables.laterCharacters.split(separator: "\n") {
            let halves = line.split(separator: ":")
            guard let standIn = UnicodeTable.numbers(String(halves[0])).first.flatMap(Unicode.Scalar.init)
            else { continue }
            let bounds = CharacterTable(String(halves[1])).bounds
            for start in stride(from: 0, to: bounds.count, by: 2) {
                runs.append(Run(range: bounds[start]..<bounds[start + 1], standIn: Array(standIn.utf8)))
                for character in bounds[start]..<bounds[start + 1] {
                    if let lead = Unicode.Scalar(character)?.utf8.first { mayBegin[Int(lead)] = true }
                }
            }
        }
        self.runs = runs.sorted { $0.range.lowerBound < $1.range.lowerBound }
        self.mayBegin = mayBegin
    }

    /// The text with other characters in the place of these, or nil where there are none.
    func replaced(in text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        var output: [UInt8] = []
        var position = 0
        while position < text.count {
            let lead = text[position]
            let end = min(position + UTF8Scalar.length(lead), text.count)
            if mayBegin[Int(lead)],
                let standIn = standIn(UTF8Scalar.decode(text, at: position).scalar.value),
                standIn.count == end - position
            {
                if output.isEmpty { output = Array(text) }
                for (offset, byte) in standIn.enumerated() { output[position + offset] = byte }
            }
            position = end
        }
        return output.isEmpty ? nil : output
    }

    private func standIn(_ character: UInt32) -> [UInt8]? {
        var low = 0
        var high = runs.count
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].range.upperBound <= character { low = middle + 1 } else { high = middle }
        }
        return low < runs.count && runs[low].range.contains(character) ? runs[low].standIn : nil
    }
}
