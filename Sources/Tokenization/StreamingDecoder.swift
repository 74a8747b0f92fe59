/// Turns ids into text one at a time, as a model generates them.
///
///     var decoder = tokenizer.streamingDecoder()
///     for id in ids { print(decoder.append(id), terminator: "") }
///     print(decoder.finish())
///
/// Text comes out only when nothing that may follow can change it, so a character whose bytes are spread over several
/// tokens comes out whole. All that comes out together equals `Tokenizer.decode(_:skipSpecialTokens:)` of all ids.
public struct StreamingDecoder: Sendable {
    private let tokenizer: Tokenizer
    private let skipsSpecialTokens: Bool
    private var stages: [DecoderStage]
    /// Without a decoder, pieces are joined by spaces.
    private let joinsWithSpaces: Bool
    private var hasOutput = false

    init(_ tokenizer: Tokenizer, steps: [DecoderStep]?, skipsSpecialTokens: Bool) {
        self.tokenizer = tokenizer
        self.skipsSpecialTokens = skipsSpecialTokens
        stages = DecoderStage.stages(steps ?? [])
        joinsWithSpaces = steps == nil
    }

    /// The text that this token completes; often its own, sometimes none. Unknown ids give none.
    public mutating func append(_ id: Int32) -> String {
        String(decoding: appendBytes(id), as: UTF8.self)
    }

    /// The text that was still waiting. The decoder is done with.
    public mutating func finish() -> String {
        String(decoding: finishBytes(), as: UTF8.self)
    }

    mutating func appendBytes(_ id: Int32) -> [UInt8] {
        guard let piece = tokenizer.piece(id, skippingSpecial: skipsSpecialTokens) else { return [] }
        return output(run([DecodedFragment(text: piece, startsPiece: true)], from: 0))
    }

    mutating func finishBytes() -> [UInt8] {
        var text: [UInt8] = []
        for stage in stages.indices {
            text += output(run(stages[stage].finish(), from: stage + 1))
        }
        return text
    }

    private mutating func run(_ fragments: [DecodedFragment], from start: Int) -> [DecodedFragment] {
        var fragments = fragments
        for stage in stages.indices.dropFirst(start) {
            if fragments.count == 1 {
                fragments = stages[stage].process(fragments[0])
            } else {
                fragments = fragments.flatMap { stages[stage].process($0) }
            }
        }
        return fragments
    }

    private mutating func output(_ fragments: [DecodedFragment]) -> [UInt8] {
        var text: [UInt8] = []
        for fragment in fragments {
            if joinsWithSpaces, hasOutput, fragment.startsPiece { text.append(0x20) }
            hasOutput = true
            text += fragment.text
        }
        return text
    }
}
