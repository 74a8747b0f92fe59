import Claims

/// The words that a text ends with.
///
/// A word is a maximal run of letters, digits, apostrophes and bytes beyond ASCII, less apostrophes at its ends, which are
/// quotes. Punctuation between words and after the last one belongs to no word, but to the text's ending: what
/// ``ending(_:)`` returns stands literally at the end of the text.
package struct LastWords: Sendable, Equatable {
    /// The words, the last one first; fewer than asked for where the text has fewer.
    package let words: [String]
    /// The text from each word's first byte on.
    private let endings: [String]
    private let endsInSpace: Bool

    /// The last words of a text, given as UTF-8.
    package init(of text: ArraySlice<UInt8>, count: Int) {
        var words: [String] = []
        var endings: [String] = []
        var end = text.endIndex
        while words.count < count {
            while end > text.startIndex, !Self.isWord(text[end - 1]) { end -= 1 }
            var start = end
            while start > text.startIndex, Self.isWord(text[start - 1]) { start -= 1 }
            guard start < end else { break }
            let next = start
            while start < end, text[start] == Self.apostrophe { start += 1 }
            while end > start, text[end - 1] == Self.apostrophe { end -= 1 }
            if start < end {
                words.append(String(decoding: text[start..<end], as: UTF8.self))
                endings.append(String(decoding: text[start...], as: UTF8.self))
            }
            end = next
        }
        self.words = words
        self.endings = endings
        endsInSpace = text.last.map { $0 == 0x20 || (0x09...0x0D).contains($0) } ?? true
    }

    /// The last words of a text.
    package init(of text: String, count: Int) { self.init(of: Array(text.utf8)[...], count: count) }

    /// The text from its `count`-th last word to its end, with all that stands between and after; true as a value of
    /// `endingQuestion`. Nil if there are fewer words, or white space at the end, which no sentence quotes.
    package func ending(_ count: Int) -> String? {
        endsInSpace || !endings.indices.contains(count - 1) ? nil : endings[count - 1]
    }

    private static let apostrophe = UInt8(ascii: "'")

    private static func isWord(_ byte: UInt8) -> Bool {
        byte >= 0x80 || byte == apostrophe || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}

extension Question {
    /// What is the text's last word (1), the last but one (2), and so on? See ``LastWords``.
    public static func lastWord(_ place: Int) -> Question {
        Question(subject: endingQuestion.subject, relation: "word -\(place)")
    }
}
