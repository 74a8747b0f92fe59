/// LZ4's block format, without frames.
enum LZ4 {
    private static let damaged = "a page is no LZ4 of its length"

    /// Expands `input` into `output`, all of which it must fill.
    static func expand(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws {
        guard let source = input.baseAddress, let target = output.baseAddress else {
            guard output.isEmpty else { throw Fault(damaged) }
            return
        }
        var from = 0, to = 0
        /// A length of which 15 means that more follows.
        func length(_ begun: Int) throws -> Int {
            guard begun == 15 else { return begun }
            var sum = begun
            while true {
                guard from < input.count else { throw Fault(damaged) }
                let byte = Int(input[from])
                from += 1
                sum += byte
                if byte < 255 { return sum }
            }
        }
        while from < input.count {
            let token = Int(input[from])
            from += 1
            let literal = try length(token >> 4)
            guard literal <= input.count - from, literal <= output.count - to else { throw Fault(damaged) }
            (target + to).copyMemory(from: source + from, byteCount: literal)
            from += literal
            to += literal
            // The last piece has no copy.
            if from == input.count { break }
            guard input.count - from >= 2 else { throw Fault(damaged) }
            let back = Int(input[from]) | Int(input[from + 1]) << 8
            from += 2
            let count = try length(token & 15) + 4
            guard back > 0, back <= to, count <= output.count - to else { throw Fault(damaged) }
            Snappy.copyBack(target + to, back, count)
            to += count
        }
        guard to == output.count else { throw Fault(damaged) }
    }
}
