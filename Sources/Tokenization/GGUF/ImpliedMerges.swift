/// The merges of a SentencePiece vocabulary that lists none: every way to cut a piece into two others, the piece with the higher score
/// first.
///
/// The order among equal scores is that of transformers' `generate_merges`: the longer left part first, then the longer right part,
/// counted in characters; then by the ids.
enum ImpliedMerges {
    private struct Cut {
        let piece: Int32
        /// Bytes of the left part.
        let place: Int32
        /// Characters of the parts.
        let left: Int32
        let right: Int32
        let score: Double
    }

    /// - Parameters:
    ///   - pieces: the pieces by id, UTF-8.
    ///   - vocabulary: the same, for look-ups.
    ///   - scores: a number for each piece; nil where lower ids come first.
    static func of(
        _ pieces: [[UInt8]], _ vocabulary: Vocabulary, scores: [Double]?
    ) -> [(left: [UInt8], right: [UInt8])] {
        var cuts: [Cut] = []
        cuts.reserveCapacity(2 * pieces.count)
        for (id, piece) in pieces.enumerated() {
            cuts += self.cuts(piece, Int32(id), vocabulary, score: scores?[id] ?? -Double(id))
        }
        let order = cuts.indices.sorted { one, other in
            let (a, b) = (cuts[one], cuts[other])
            if a.score != b.score { return a.score > b.score }
            if a.left != b.left { return a.left > b.left }
            return a.right != b.right ? a.right > b.right : one < other
        }
        return order.map { index in
            let cut = cuts[index], piece = pieces[Int(cut.piece)]
            return (Array(piece[..<Int(cut.place)]), Array(piece[Int(cut.place)...]))
        }
    }

    /// The places where a piece can be cut, in the order of the ids of the parts.
    private static func cuts(_ piece: [UInt8], _ id: Int32, _ vocabulary: Vocabulary, score: Double) -> [Cut] {
        func isStart(_ byte: UInt8) -> Bool { byte & 0xC0 != 0x80 }
        let characters = Int32(piece.count { isStart($0) })
        guard characters > 1 else { return [] }
        return piece.withUnsafeBufferPointer { bytes in
            var found: [(left: Int32, right: Int32, cut: Cut)] = []
            var before: Int32 = 1
            for place in 1..<bytes.count where isStart(bytes[place]) {
                defer { before += 1 }
                guard let left = vocabulary.id(of: UnsafeBufferPointer(rebasing: bytes[..<place])),
                    let right = vocabulary.id(of: UnsafeBufferPointer(rebasing: bytes[place...]))
                else { continue }
                let cut = Cut(
                    piece: id, place: Int32(place), left: before, right: characters - before, score: score)
                found.append((left, right, cut))
            }
            return found.sorted { ($0.left, $0.right) < ($1.left, $1.right) }.map(\.cut)
        }
    }
}
