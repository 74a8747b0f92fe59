import Tensors

extension Random {
    /// Uniform in `0..<count`.
    mutating func below(_ count: Int) -> Int { Int(truncatingIfNeeded: next() >> 11) % count }

    /// One of a list.
    mutating func pick<Element>(_ list: [Element]) -> Element { list[below(list.count)] }

    /// One of a list that is not `other`.
    mutating func pick<Element: Equatable>(_ list: [Element], not other: Element) -> Element {
        while true {
            let element = pick(list)
            if element != other { return element }
        }
    }

    /// True with the given probability.
    mutating func chance(_ probability: Double) -> Bool { uniform() < probability }
}

/// Words of a list written as one string.
func words(_ text: String) -> [String] { text.split(whereSeparator: \.isWhitespace).map(String.init) }

/// Lines of a list written as one string.
func lines(_ text: String) -> [String] {
    text.split(separator: "\n").map { String($0.drop(while: \.isWhitespace)) }.filter { !$0.isEmpty }
}
