/// How deep a YAML text goes, judged before it is parsed: Yams calls itself for every level, with more than a kilobyte of stack for each.
///
/// It is rough, since it knows no quotes and no comments. What passes it still meets the parser's own limit of 1,000 levels.
public enum YAMLNesting {
    /// Levels beyond which a text is refused, by far more than settings have.
    package static let limit = 500

    /// What is wrong with a text that goes too deep; nil for all others. Brackets inside quotes count too, as far as they are not closed
    /// again.
    public static func complaint(_ text: String) -> String? {
        var open = 0, line = 1, column = 0, markers = 0, isMarker = false, isAtStart = true
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "["), UInt8(ascii: "{"): open += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"): open = max(0, open - 1)
            case UInt8(ascii: "\n"):
                (line, column, markers, isMarker, isAtStart) = (line + 1, 0, 0, false, true)
                continue
            default: break
            }
            // «- - - a» opens a level with each mark, and an indentation at most one with each column.
            if isAtStart {
                let isSpace = byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
                if isSpace, isMarker { markers += 1 }
                isAtStart =
                    isSpace || !isMarker && [UInt8(ascii: "-"), UInt8(ascii: "?"), UInt8(ascii: ":")].contains(byte)
                isMarker = !isSpace
                column += 1
            }
            if open > limit || markers > limit || column > 4 * limit { return "line \(line): too many levels" }
        }
        return nil
    }
}
