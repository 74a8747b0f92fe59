/// The tokens beside the model's pieces, with the ids that they get.
///
/// Ids follow the `tokenizers` package, which does not take them from the file: a token that is a piece of the model has the
/// piece's id, and others are numbered from the end of the vocabulary in the order in which they are added.
struct AddedVocabulary: Sendable {
    /// Every added token by id.
    private(set) var tokens: [Int32: AddedToken] = [:]
    private var ids: [ByteString: Int32] = [:]
    /// The contents that were ever added as special. Adding a token again with other flags does not take it out.
    private var specialContents: Set<ByteString> = []

    /// Adds tokens. One that is there already keeps its id and takes the new flags.
    mutating func add(_ newTokens: [AddedToken], to vocabulary: Vocabulary) {
        let pieces = Int32(vocabulary.count)
        var next = pieces
        if let highest = tokens.keys.max(), highest >= pieces { next = highest + 1 }
        for token in newTokens where !token.content.isEmpty {
            let content = ByteString(token.content)
            let id: Int32
            if let known = ids[content] ?? vocabulary.id(of: token.content) {
                id = known
            } else {
                id = next
                next += 1
            }
            ids[content] = id
            if token.isSpecial { specialContents.insert(content) }
            tokens[id] = token
        }
    }

    /// Whether a token of this content was ever added as special.
    func isSpecial(_ content: ByteString) -> Bool { specialContents.contains(content) }

    /// The id of an added token.
    func id(of content: String) -> Int32? { ids[ByteString(content)] }

    /// Whether there is an added token of this content.
    func contains(_ content: String) -> Bool { ids[ByteString(content)] != nil }

    /// One more than the highest id.
    var size: Int { (tokens.keys.max().map { Int($0) } ?? -1) + 1 }
}

/// Text as a dictionary key that compares bytes rather than canonical equivalence.
struct ByteString: Hashable, Sendable {
    let bytes: [UInt8]

    init(_ string: String) {
        bytes = Array(string.utf8)
    }

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }
}
