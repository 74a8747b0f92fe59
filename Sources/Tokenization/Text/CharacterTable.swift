/// A set of characters, given as a literal of `UnicodeTables`.
struct CharacterTable: Sendable {
    /// Where members begin and end in turn, ascending.
    let bounds: [UInt32]

    init(_ table: String) {
        var bounds: [UInt32] = []
        var end: UInt32 = 0
        for count in UnicodeTable.numbers(table) {
            end += count
            bounds.append(end)
        }
        self.bounds = bounds
    }

    /// Whether the character is one of the set, in time logarithmic in the number of its runs.
    func contains(_ character: Unicode.Scalar) -> Bool {
        var low = 0
        var high = bounds.count
        while low < high {
            let middle = (low + high) / 2
            if bounds[middle] <= character.value { low = middle + 1 } else { high = middle }
        }
        return low % 2 == 1
    }

    static let marks = CharacterTable(UnicodeTables.marks)
    static let bertAccents = CharacterTable(UnicodeTables.bertAccents)
    static let bertControls = CharacterTable(UnicodeTables.bertControls)
    static let punctuation = CharacterTable(UnicodeTables.punctuation)
    static let numeric = CharacterTable(UnicodeTables.numeric)
    static let words = CharacterTable(UnicodeTables.words)
}

/// Reads the literals of `UnicodeTables`.
enum UnicodeTable {
    /// Hexadecimal numbers with spaces, lines or plus signs between them.
    static func numbers(_ table: String) -> [UInt32] {
        table.utf8.split { $0 == 0x20 || $0 == 0x0A || $0 == UInt8(ascii: "+") }.map(number)
    }

    private static func number(_ digits: Substring.UTF8View) -> UInt32 {
        var value: UInt32 = 0
        for digit in digits {
            value = value << 4 | UInt32(digit < 0x40 ? digit - 0x30 : (digit | 0x20) - 0x57)
        }
        return value
    }

    /// `first:list,list;first:list`: for `first` and the characters that follow it, a list of numbers each.
    static func lists(_ table: String) -> [UInt32: [UInt32]] {
        var lists: [UInt32: [UInt32]] = [:]
        for run in table.utf8.split(whereSeparator: { $0 == UInt8(ascii: ";") || $0 == 0x0A }) {
            let halves = run.split(separator: UInt8(ascii: ":"))
            var character = number(halves[0])
            for list in halves[1].split(separator: UInt8(ascii: ",")) {
                lists[character] = list.split(separator: 0x20).map(number)
                character += 1
            }
        }
        return lists
    }
}
