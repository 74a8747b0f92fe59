import Foundation
import GGUF
import JSON
import Tensors
import Tokenization

/// Continues a text: tokens in, text out as it is written.
public struct TextGenerator {
    /// When and how to write.
    public struct Options: Sendable {
        /// How tokens are drawn.
        public var sampling: Sampling
        /// Tokens at most.
        public var maximumTokens: Int
        /// Texts that end the writing; they are not part of it.
        public var stopStrings: [String]
        /// The same seed writes the same text.
        public var seed: UInt64

        /// Options.
        public init(
            sampling: Sampling = Sampling(), maximumTokens: Int = 256, stopStrings: [String] = [], seed: UInt64 = 0
        ) {
            self.sampling = sampling
            self.maximumTokens = maximumTokens
            self.stopStrings = stopStrings
            self.seed = seed
        }
    }

    /// What was written.
    public struct Result: Sendable {
        /// The text, without the stop string or stop token that ended it.
        public var text = ""
        /// Its tokens, the stop token included.
        public var ids: [Int32] = []
        /// `stop` or `length`.
        public var finishReason = "length"
        /// Seconds spent on the prompt, and on the new tokens behind the first.
        public var promptSeconds = 0.0, decodeSeconds = 0.0

        /// New tokens per second, the prompt's time excluded.
        public var tokensPerSecond: Double {
            ids.count > 1 && decodeSeconds > 0 ? Double(ids.count - 1) / decodeSeconds : 0
        }
    }

    private let decoder: TransformerDecoder
    private let tokenizer: Tokenizer
    private let stopTokens: Set<Int32>
    private let precision: Precision
    private let checkpoint: Checkpoint?

    /// A generator. `stopTokens` end a text, usually `TextGenerator.stopTokens(folder:tokenizer:)`. The checkpoint serves to
    /// name a damaged weight.
    public init(
        _ decoder: TransformerDecoder, _ tokenizer: Tokenizer, stopTokens: Set<Int32>, precision: Precision,
        checkpoint: Checkpoint? = nil
    ) {
        self.checkpoint = checkpoint
        self.decoder = decoder
        self.tokenizer = tokenizer
        self.stopTokens = stopTokens
        self.precision = precision
    }

    /// The tokens that end a text, from `generation_config.json`, `config.json` and the tokenizer, or from a GGUF file.
    /// Throws if one of them is damaged.
    public static func stopTokens(folder: URL, tokenizer: Tokenizer) throws -> Set<Int32> {
        var found: Set<Int32> = []
        var documents = try ["generation_config.json", "config.json"].map(folder.appendingPathComponent)
            .filter { FileManager.default.fileExists(atPath: $0.path) }.map(Checkpoint.readJSON)
        if let file = try GGUFLocation.file(folder) {
            documents = [.object(try GGUFConfiguration.tokens(GGUFHeader(file)))]
            for name in endNames { if let id = tokenizer.id(of: name) { found.insert(id) } }
        }
        for json in documents {
            // Null counts as absent: a wrapped model may have it outside and the number inside.
            let value = [json["eos_token_id"], json["text_config"]?["eos_token_id"]].compactMap { $0 }.first {
                !$0.isNull
            }
            for id in value?.array?.compactMap(\.int) ?? [value?.int].compactMap({ $0 }) {
                if let id = Int32(exactly: id) { found.insert(id) }
            }
        }
        if let id = tokenizer.endOfText?.id { found.insert(id) }
        return found
    }

    /// Tokens that end a turn in the models of the families here. A GGUF file names one end of a text; llama.cpp takes these too.
    private static let endNames = [
        "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|endoftext|>", "<end_of_turn>",
    ]

    /// Writes a continuation of `prompt`. Throws if the prompt is empty, holds an id outside the vocabulary, or the model
    /// computes NaN.
    ///
    /// - Parameter emit: called with each piece of text, whole characters only.
    public func generate(
        _ prompt: [Int32], _ options: Options, emit: (String) throws -> Void = { _ in }
    ) throws -> Result {
        try check(prompt, options)
        var result = Result()
        guard options.maximumTokens > 0 else { return result }
        let clock = ContinuousClock()
        let start = clock.now
        let session = DecodingSession(
            decoder, precision: precision, expectedRows: prompt.count + options.maximumTokens)
        var tree = TokenTree()
        tree.append(prompt)
        let node = session.prefill(tree)[0]
        let leaf = session.start(
            after: node,
            .init(sampling: options.sampling, maximumTokens: options.maximumTokens, stopTokens: stopTokens),
            seed: options.seed)
        var text = StopStringFilter(options.stopStrings)
        var decoder = tokenizer.streamingDecoder()
        var firstToken: ContinuousClock.Instant?
        writing: while !session.isIdle {
            for event in session.step() {
                guard event.logProbability.isFinite else {
                    throw checkpoint?.nonFiniteError("in the logits") ?? ModelError("the model computes NaN")
                }
                if firstToken == nil { firstToken = clock.now }
                result.ids.append(event.token)
                if event.end == .stopToken {
                    result.finishReason = "stop"
                } else {
                    try send(text.append(decoder.append(event.token)))
                }
                if text.isStopped {
                    result.finishReason = "stop"
                    session.cancel(leaf)
                    break writing
                }
            }
        }
        if !text.isStopped { try send(text.append(decoder.finish()) + text.finish()) }
        let end = clock.now, first = firstToken ?? end
        (result.promptSeconds, result.decodeSeconds) = (seconds(first - start), seconds(end - first))
        return result

        func send(_ piece: String) throws {
            guard !piece.isEmpty else { return }
            result.text += piece
            try emit(piece)
        }
    }

    private func check(_ prompt: [Int32], _ options: Options) throws {
        guard !prompt.isEmpty else { throw ModelError("the prompt has no tokens; give some text") }
        let c = decoder.configuration
        if let id = prompt.first(where: { $0 < 0 || Int($0) >= c.vocabularySize }) {
            throw ModelError(
                "the prompt holds id \(id), outside the model's vocabulary of \(c.vocabularySize); tokenizer and weights do not belong together"
            )
        }
        let tokens = Double(prompt.count) + Double(options.maximumTokens)
        let bytes = 8 * tokens * Double(c.blockCount * c.keyValueHeadCount * c.headWidth)
        guard bytes < Double(ProcessInfo.processInfo.physicalMemory) else {
            throw ModelError(
                String(
                    format: "keys and values of %.0f tokens take %.0f GiB, more than this machine has; ask for fewer",
                    tokens, bytes / 0x1p30))
        }
    }

    private func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }
}

/// Lets text through up to the first stop string, holding back what might become one.
public struct StopStringFilter: Sendable {
    private let stops: [[UInt8]]
    private var held: [UInt8] = []
    /// Whether a stop string has come.
    public private(set) var isStopped = false

    /// A filter; empty strings are ignored.
    public init(_ stops: [String]) { self.stops = stops.filter { !$0.isEmpty }.map { Array($0.utf8) } }

    /// What may be shown now.
    public mutating func append(_ piece: String) -> String {
        guard !isStopped else { return "" }
        guard !stops.isEmpty else { return piece }
        held += Array(piece.utf8)
        for begin in held.indices where stops.contains(where: { held[begin...].starts(with: $0) }) {
            isStopped = true
            defer { held = [] }
            return String(decoding: held[..<begin], as: UTF8.self)
        }
        // The longest end of the text that a stop string begins with stays back.
        let kept = held.indices.first { begin in stops.contains { $0.starts(with: held[begin...]) } } ?? held.endIndex
        defer { held.removeSubrange(..<kept) }
        return String(decoding: held[..<kept], as: UTF8.self)
    }

    /// What was held back, when the text ends without a stop string.
    public mutating func finish() -> String {
        defer { held = [] }
        return String(decoding: held, as: UTF8.self)
    }
}
