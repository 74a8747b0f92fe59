import Foundation

/// A pattern as Python's `fnmatch.fnmatchcase` reads it.
package struct Glob: Sendable {
    private enum Piece: Sendable {
        case one(Character)
        case any
        case anyRun
        case set([ClosedRange<Character>], negated: Bool)
    }
    private var pieces: [Piece] = []

    package init(_ pattern: String) {
        let text = Array(pattern.replacingOccurrences(of: "\\", with: "/") + (pattern.hasSuffix("/") ? "*" : ""))
        var index = 0
        while index < text.count {
            let character = text[index]
            index += 1
            switch character {
            case "*": pieces.append(.anyRun)
            case "?": pieces.append(.any)
            case "[":
                if let (set, next) = Self.set(text, index) {
                    pieces.append(set)
                    index = next
                } else {
                    pieces.append(.one("["))
                }
            default: pieces.append(.one(character))
            }
        }
    }

    private static func set(_ text: [Character], _ start: Int) -> (Piece, Int)? {
        var index = start
        let negated = index < text.count && text[index] == "!"
        if negated { index += 1 }
        // A bracket that stands first is one of the set.
        guard let close = text.indices.first(where: { $0 > index && text[$0] == "]" }) else { return nil }
        var ranges: [ClosedRange<Character>] = []
        while index < close {
            if index + 2 < close, text[index + 1] == "-" {
                if text[index] <= text[index + 2] { ranges.append(text[index]...text[index + 2]) }
                index += 3
            } else {
                ranges.append(text[index]...text[index])
                index += 1
            }
        }
        return (.set(ranges, negated: negated), close + 1)
    }

    /// Whether the pattern matches all of a path. Time grows with pattern times path.
    package func matches(_ path: String) -> Bool {
        let text = Array(path.replacingOccurrences(of: "\\", with: "/"))
        var piece = 0, at = 0, star = -1, starAt = 0
        while at < text.count {
            if piece < pieces.count, case .anyRun = pieces[piece] {
                star = piece
                starAt = at
                piece += 1
            } else if piece < pieces.count, Self.accepts(pieces[piece], text[at]) {
                piece += 1
                at += 1
            } else if star >= 0 {
                piece = star + 1
                starAt += 1
                at = starAt
            } else {
                return false
            }
        }
        return pieces[piece...].allSatisfy { if case .anyRun = $0 { true } else { false } }
    }

    private static func accepts(_ piece: Piece, _ character: Character) -> Bool {
        switch piece {
        case .one(let one): one == character
        case .any, .anyRun: true
        case .set(let ranges, let negated): ranges.contains { $0.contains(character) } != negated
        }
    }
}
