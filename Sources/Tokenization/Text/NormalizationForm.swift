/// Unicode's normalization forms, as the `tokenizers` package knows them (Unicode 9), in time linear in the text.
///
/// The standard library's conversion puts combining marks in order by insertion, which is quadratic in the marks on one character.
enum NormalizationForm: String, Sendable {
    case composed = "NFC"
    case decomposed = "NFD"
    case compatibilityComposed = "NFKC"
    case compatibilityDecomposed = "NFKD"

    private var isComposed: Bool { self == .composed || self == .compatibilityComposed }
    private var isCompatibility: Bool {
        self == .compatibilityComposed || self == .compatibilityDecomposed
    }

    /// The text in this form.
    ///
    /// Most of a text is in every form already. Work is done on stretches that might change: each begins with a character that the
    /// form leaves as it is and apart from what precedes it, and ends before the next such character.
    func apply(to text: NormalizedText) -> NormalizedText {
        let data = NormalizationData.shared
        let changing = data.changing(self)
        let known = text.origin ?? 0
        return text.bytes.withUnsafeBufferPointer { bytes in
            var output: [UInt8] = []
            var newOrigin = known
            var stretch = NormalizationStretch()
            var copiedEnd = 0
            var stretchStart = 0
            var position = 0
            while position < bytes.count {
                let (scalar, end) = UTF8Scalar.decode(bytes, at: position)
                guard data.flags(scalar.value) & changing != 0 else {
                    stretchStart = position
                    position = end
                    continue
                }
                var stretchEnd = end
                while stretchEnd < bytes.count,
                    case (let scalar, let next) = UTF8Scalar.decode(bytes, at: stretchEnd),
                    data.flags(scalar.value) & changing != 0
                {
                    stretchEnd = next
                }
                if output.isEmpty { output.reserveCapacity(bytes.count + bytes.count / 4) }
                output.append(contentsOf: bytes[copiedEnd..<stretchStart])
                stretch.normalize(
                    bytes, stretchStart..<stretchEnd, composes: isComposed, isCompatibility: isCompatibility,
                    data)
                if stretchStart < known {
                    newOrigin = output.count + stretch.length(standingFor: known - stretchStart)
                }
                stretch.append(to: &output)
                if stretchEnd < known { newOrigin = output.count + known - stretchEnd }
                (copiedEnd, stretchStart, position) = (stretchEnd, stretchEnd, stretchEnd)
            }
            if copiedEnd == 0 { return text }
            output.append(contentsOf: bytes[copiedEnd...])
            return NormalizedText(output, origin: text.origin == nil ? nil : newOrigin)
        }
    }
}

/// A stretch of text while it is normalized. Its arrays are used again from stretch to stretch.
private struct NormalizationStretch {
    private var scalars: [UInt32] = []
    private var classes: [UInt8] = []
    /// For each scalar, how many more characters of the source it takes than one.
    private var changes: [Int] = []
    private var orderedScalars: [UInt32] = []
    private var orderedClasses: [UInt8] = []
    private var orderedChanges: [Int] = []
    /// The lengths of the source's characters.
    private var sourceLengths: [UInt8] = []

    /// Takes a stretch of a text and brings it into a form.
    mutating func normalize(
        _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, composes: Bool, isCompatibility: Bool,
        _ data: NormalizationData
    ) {
        scalars.removeAll(keepingCapacity: true)
        classes.removeAll(keepingCapacity: true)
        changes.removeAll(keepingCapacity: true)
        sourceLengths.removeAll(keepingCapacity: true)
        var position = range.lowerBound
        while position < range.upperBound {
            let (scalar, end) = UTF8Scalar.decode(text, at: position)
            sourceLengths.append(UInt8(end - position))
            var change = 0
            data.decompose(scalar.value, isCompatibility: isCompatibility) { value in
                scalars.append(value)
                classes.append(data.combiningClass(value))
                changes.append(change)
                change = -1
            }
            position = end
        }
        orderMarks()
        if composes { compose(data) }
    }

    func append(to output: inout [UInt8]) {
        for value in scalars {
            if let scalar = Unicode.Scalar(value) { output.append(contentsOf: scalar.utf8) }
        }
    }

    /// How many bytes of the output stand for the first `sourceEnd` bytes of the source, as the package reckons: characters in the
    /// order that they come out, each taking as many of the source as it was made of, and those that take none going with the one
    /// before.
    func length(standingFor sourceEnd: Int) -> Int {
        var length = 0
        var source = 0
        var sourceCharacter = 0
        for (value, change) in zip(scalars, changes) {
            guard change < 0 ? source - 1 < sourceEnd : source < sourceEnd else { break }
            length += Unicode.Scalar(value)?.utf8.count ?? 0
            for _ in 0..<max(change + 1, 0) where sourceCharacter < sourceLengths.count {
                source += Int(sourceLengths[sourceCharacter])
                sourceCharacter += 1
            }
        }
        return length
    }

    /// Sorts every run of marks by combining class, and leaves those of one class in their order.
    private mutating func orderMarks() {
        var start = 0
        while start < scalars.count {
            guard classes[start] != 0 else {
                start += 1
                continue
            }
            var end = start + 1
            while end < scalars.count, classes[end] != 0 { end += 1 }
            if end - start <= 8 { orderFew(start, end) } else { orderMany(start, end) }
            start = end
        }
    }

    private mutating func orderFew(_ start: Int, _ end: Int) {
        for position in start + 1..<end {
            var place = position
            while place > start, classes[place - 1] > classes[place] {
                scalars.swapAt(place - 1, place)
                classes.swapAt(place - 1, place)
                changes.swapAt(place - 1, place)
                place -= 1
            }
        }
    }

    /// Counts the marks of each class, then puts each where those of lower classes leave off.
    private mutating func orderMany(_ start: Int, _ end: Int) {
        var places = [Int](repeating: 0, count: 257)
        for position in start..<end { places[Int(classes[position]) + 1] += 1 }
        for known in 1..<257 { places[known] += places[known - 1] }
        orderedScalars.replaceSubrange(0..., with: scalars[start..<end])
        orderedClasses.replaceSubrange(0..., with: classes[start..<end])
        orderedChanges.replaceSubrange(0..., with: changes[start..<end])
        for position in orderedScalars.indices {
            let known = orderedClasses[position]
            let place = start + places[Int(known)]
            places[Int(known)] += 1
            scalars[place] = orderedScalars[position]
            classes[place] = known
            changes[place] = orderedChanges[position]
        }
    }

    /// Composes each starter with what follows and is not blocked from it.
    private mutating func compose(_ data: NormalizationData) {
        var starter = -1
        var count = 0
        // The class of what was last kept behind the starter; a mark is blocked by one of the same or a higher class.
        var lastClass = -1
        for position in scalars.indices {
            let (scalar, known) = (scalars[position], Int(classes[position]))
            if starter >= 0, lastClass < known, let composite = data.composite(scalars[starter], scalar) {
                scalars[starter] = composite
                changes[starter] += changes[position] + 1
                continue
            }
            if known == 0 {
                starter = count
                lastClass = -1
            } else {
                lastClass = known
            }
            scalars[count] = scalar
            changes[count] = changes[position]
            count += 1
        }
        scalars.removeLast(scalars.count - count)
        changes.removeLast(changes.count - count)
    }
}
