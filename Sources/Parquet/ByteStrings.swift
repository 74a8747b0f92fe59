/// Byte strings behind one another: texts, or values of one length.
public struct ByteStrings: Sendable, Equatable {
    /// All bytes.
    public internal(set) var bytes: [UInt8] = []
    /// Where each ends; empty where all have `fixedLength` bytes.
    private(set) var ends: [Int] = []
    /// Bytes of each, where all have as many.
    let fixedLength: Int?

    /// No strings.
    init(fixedLength: Int? = nil) { self.fixedLength = fixedLength }

    /// Texts.
    public init(_ texts: some Sequence<String>) {
        self.init()
        for text in texts { append(text.utf8) }
    }

    /// How many there are.
    public var count: Int { fixedLength.map { bytes.count / $0 } ?? ends.count }

    /// Where the bytes of a string stand.
    public func range(_ index: Int) -> Range<Int> {
        if let fixedLength { return index * fixedLength..<(index + 1) * fixedLength }
        return (index == 0 ? 0 : ends[index - 1])..<ends[index]
    }

    /// The bytes of a string.
    public subscript(_ index: Int) -> ArraySlice<UInt8> { bytes[range(index)] }

    mutating func append(_ string: some Sequence<UInt8>) {
        bytes.append(contentsOf: string)
        if fixedLength == nil { ends.append(bytes.count) }
    }

    mutating func append(contentsOf other: ByteStrings, _ range: Range<Int>) {
        guard !range.isEmpty else { return }
        let begin = other.range(range.lowerBound).lowerBound, end = other.range(range.upperBound - 1).upperBound
        let shift = bytes.count - begin
        bytes.append(contentsOf: other.bytes[begin..<end])
        if fixedLength == nil { for index in range { ends.append(other.ends[index] + shift) } }
    }

    /// Notes that a string ends where the bytes end now.
    mutating func end() { if fixedLength == nil { ends.append(bytes.count) } }

    mutating func removeAll() {
        bytes = []
        ends = []
    }

    /// The strings with empty ones (zeros, where all have one length) in the places where `present` is false.
    func spread(_ present: [Bool]) -> ByteStrings {
        var result = ByteStrings(fixedLength: fixedLength)
        result.bytes.reserveCapacity(fixedLength.map { $0 * present.count } ?? bytes.count)
        if fixedLength == nil { result.ends.reserveCapacity(present.count) }
        var next = 0
        for isPresent in present {
            if isPresent {
                result.append(self[next])
                next += 1
            } else {
                result.append(repeatElement(0, count: fixedLength ?? 0))
            }
        }
        return result
    }
}
