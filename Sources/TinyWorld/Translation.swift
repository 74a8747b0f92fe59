extension TinyWorld {
    /// A text with every word that a tongue of this world has a word for in that tongue, particles aside: `The speaker wants bread.`
    /// with Kesh's word for bread. Nil if there is no such word.
    ///
    /// - Parameter language: one of `Kesh`, `Lumi` and `Orran`; by default the one that the text names, or else the first.
    public static func translated(_ text: String, into language: String? = nil) -> String? {
        let named = Tongue.all.first { tongue in
            language.map { $0 == tongue.name } ?? Words.of(text).contains(Substring(tongue.name))
        }
        guard let tongue = named ?? (language == nil ? Tongue.all.first : nil) else { return nil }
        let particles = Set(Meanings.particles)
        var result = "", isChanged = false
        for word in Words.pieces(of: text) {
            if let translation = particles.contains(String(word)) ? nil : tongue.lexicon[String(word)] {
                result += translation
                isChanged = true
            } else {
                result += word
            }
        }
        return isChanged ? result : nil
    }
}

/// Runs of letters in a text.
private enum Words {
    /// The text cut between letters and everything else.
    static func pieces(of text: String) -> [Substring] {
        var pieces: [Substring] = [], begin = text.startIndex
        while begin < text.endIndex {
            let isLetter = text[begin].isLetter
            let end = text[begin...].firstIndex { $0.isLetter != isLetter } ?? text.endIndex
            pieces.append(text[begin..<end])
            begin = end
        }
        return pieces
    }

    static func of(_ text: String) -> [Substring] { pieces(of: text).filter { $0.first?.isLetter ?? false } }
}
