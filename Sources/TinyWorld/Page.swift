import Claims

/// Writes one text from frames, and notes on the way what becomes true, what is said, and where a fact is about to matter.
///
/// A frame is a string with marks, each followed by the letter of a slot:
///
///     $h   the slot's word; $H with a capital; a naming slot's fact is stated once its word is written
///     &o   the word behind "a" or "an"; &O behind "A" or "An"
///     #m   the slot's fact begins to hold here
///     !m   words have said the slot's fact up to here
///     <m gave>   a moment: the slot's fact decides the words inside, leading space included
struct Page {
    /// What a letter stands for.
    private struct Slot {
        var word = ""
        var fact: Fact?
        var momentKind = ""
        var naming = false
        var truth: Int?
    }

    private var bytes: [UInt8] = []
    private var truths: [LabelledDocument.Truth] = []
    private var moments: [LabelledDocument.Moment] = []
    private var slots = [Slot](repeating: Slot(), count: 26)

    init() {
        bytes.reserveCapacity(512)
        truths.reserveCapacity(24)
        moments.reserveCapacity(12)
    }

    private static func index(_ letter: UInt8) -> Int {
        let index = Int(letter | 0x20) - 97
        precondition((0..<26).contains(index), "a mark needs a letter")
        return index
    }

    private static func index(_ letter: Unicode.Scalar) -> Int { index(UInt8(ascii: letter)) }

    /// A word with no fact behind it.
    mutating func word(_ letter: Unicode.Scalar, _ word: String) {
        slots[Page.index(letter)] = Slot(word: word)
    }

    /// A word that, written for the first time, states its fact.
    mutating func name(_ letter: Unicode.Scalar, _ word: String, _ question: Question) {
        slots[Page.index(letter)] = Slot(
            word: word, fact: Fact(question.subject, question.relation, word), naming: true)
    }

    /// A fact that marks begin, state and use; `word` is what `$` writes, by default its value.
    mutating func fact(
        _ letter: Unicode.Scalar, _ question: Question, _ value: String, word: String? = nil, moment: String = "answer"
    ) {
        slots[Page.index(letter)] = Slot(
            word: word ?? value, fact: Fact(question.subject, question.relation, value), momentKind: moment)
    }

    /// Writes a frame as a sentence of its own, behind a space.
    mutating func sentence(_ frame: String) {
        if let last = bytes.last, last != UInt8(ascii: "\n") { bytes.append(UInt8(ascii: " ")) }
        write(frame)
    }

    /// Writes a frame on a line of its own.
    mutating func line(_ frame: String) {
        if !bytes.isEmpty { bytes.append(UInt8(ascii: "\n")) }
        write(frame)
    }

    /// Writes a frame where the text stands.
    mutating func write(_ frame: String) {
        var open: [(slot: Int, start: Int)] = []
        var mark: UInt8 = 0
        for byte in frame.utf8 {
            if mark != 0 {
                follow(mark, byte, &open)
                mark = 0
                continue
            }
            switch byte {
            case UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "#"), UInt8(ascii: "!"), UInt8(ascii: "<"):
                mark = byte
            case UInt8(ascii: ">"):
                close(&open)
            default:
                bytes.append(byte)
            }
        }
        precondition(mark == 0 && open.isEmpty, "an unfinished frame: \(frame)")
    }

    private mutating func follow(_ mark: UInt8, _ letter: UInt8, _ open: inout [(slot: Int, start: Int)]) {
        let slot = Page.index(letter), capital = letter & 0x20 == 0
        switch mark {
        case UInt8(ascii: "#"): begin(slot)
        case UInt8(ascii: "!"): state(slot)
        case UInt8(ascii: "<"): open.append((slot, bytes.count))
        case UInt8(ascii: "&"):
            bytes.append(UInt8(ascii: capital ? "A" : "a"))
            if let first = slots[slot].word.utf8.first, "aeiou".utf8.contains(first) {
                bytes.append(UInt8(ascii: "n"))
            }
            bytes.append(UInt8(ascii: " "))
            append(slot, capital: false)
        default: append(slot, capital: capital)
        }
    }

    private mutating func append(_ slot: Int, capital: Bool) {
        let start = bytes.count
        bytes.append(contentsOf: slots[slot].word.utf8)
        precondition(bytes.count > start, "an empty slot: \(Unicode.Scalar(UInt8(slot + 97)))")
        if capital, (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(bytes[start]) { bytes[start] -= 32 }
        if slots[slot].naming { state(slot) }
    }

    private mutating func close(_ open: inout [(slot: Int, start: Int)]) {
        guard let (slot, start) = open.popLast(), let fact = slots[slot].fact else {
            preconditionFailure("a moment without its fact")
        }
        moments.append(
            .init(
                offset: start, kind: slots[slot].momentKind, question: fact.question,
                answer: String(decoding: bytes[start...], as: UTF8.self)))
    }

    /// A fact begins; another answer to the same question ends.
    private mutating func begin(_ slot: Int) {
        guard slots[slot].truth == nil, let fact = slots[slot].fact else { return }
        end(fact.question)
        slots[slot].truth = truths.count
        truths.append(.init(fact, from: bytes.count))
    }

    private mutating func state(_ slot: Int) {
        begin(slot)
        guard let truth = slots[slot].truth, truths[truth].statedFrom == nil else { return }
        truths[truth].statedFrom = bytes.count
    }

    /// Whatever answers the question stops holding here.
    mutating func end(_ question: Question) {
        for index in truths.indices where truths[index].until == nil && truths[index].fact.question == question {
            truths[index].until = bytes.count
        }
    }

    /// The text with its truth.
    func document(id: String, kind: String) -> LabelledDocument {
        LabelledDocument(
            id: id, kind: kind, text: String(decoding: bytes, as: UTF8.self), truths: truths,
            moments: moments.sorted { $0.offset < $1.offset })
    }
}
