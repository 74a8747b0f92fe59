import Foundation
import JSON
import Synchronization

/// Turns text into token ids and back, as described by a model's tokenizer.json.
///
///     let tokenizer = try Tokenizer(folder: modelFolder)
///     let ids = tokenizer.encode("Hello, world")
///     tokenizer.decode(ids)  // "Hello, world"
///
/// Results equal those of the `tokenizers` package. A tokenizer may be used from any number of threads at once.
public struct Tokenizer: Sendable {
    /// A token that stands for the beginning or the end of a text.
    public struct Marker: Equatable, Sendable {
        /// The token as text.
        public let text: String
        /// The token's id, or nil where the vocabulary lacks it.
        public let id: Int32?
    }

    /// What stands at the beginning of a text (`bos_token`), if anything does.
    public internal(set) var beginningOfText: Marker?
    /// What stands at the end of a text (`eos_token`), if anything does.
    public internal(set) var endOfText: Marker?
    /// How a conversation becomes a text, by the template's name; most models have one, `default`.
    public internal(set) var chatTemplates: [String: ChatTemplate] = [:]
    /// The special tokens that chat templates may ask for, by name: `bos_token`, `eos_token`, `pad_token` and so on.
    public internal(set) var templateTokens: [String: String] = [:]
    /// The ids of the tokens that `decode` leaves out when it skips special tokens.
    public private(set) var specialTokenIDs: Set<Int32> = []
    /// One more than the highest id.
    public private(set) var vocabularySize = 0
    /// The file that the tokenizer was read from, for errors.
    let source: String

    let model: BytePairEncoder
    private let normalizer: Normalizer?
    private let preTokenizer: PreTokenizer?
    let postProcessor: PostProcessor
    let decoderSteps: [DecoderStep]?
    /// Added tokens looked for in the text as it is, and in the normalized text.
    private var rawMatcher = AddedTokenMatcher([])
    private var normalizedMatcher = AddedTokenMatcher([])
    private(set) var addedTokens = AddedVocabulary()
    /// What each added token is in decoding: its content, normalized if it is looked for in normalized text.
    private(set) var addedTokenPieces: [Int32: [UInt8]] = [:]
    private let workspaces = WorkspacePool()

    /// How a conversation becomes a text where no other template is asked for, if the model says so.
    public var chatTemplate: ChatTemplate? { chatTemplates["default"] }

    /// Reads a tokenizer from the bytes of a tokenizer.json.
    ///
    /// - Parameters:
    ///   - bytes: The file's contents.
    ///   - configuration: The contents of tokenizer_config.json, for the markers and the chat template.
    ///   - source: What errors call the file.
    /// - Throws: `TokenizerError`.
    public init(tokenizerJSON bytes: [UInt8], configuration: JSONValue? = nil, source: String) throws {
        let file = try bytes.withUnsafeBufferPointer { try TokenizerFile($0, source: source) }
        self.init(file)
        apply(try SpecialTokenSettings(file, configuration: configuration, source: source))
        try checkAddedTokens()
        chatTemplates = try ChatTemplateFiles.templates(configuration, file: source)
    }

    /// Refuses tokens of which normalization leaves nothing.
    func checkAddedTokens() throws {
        for (id, piece) in addedTokenPieces where piece.isEmpty {
            let content = (addedTokens.tokens[id]?.content ?? "").debugDescription
            throw TokenizerError(
                source: source,
                reason:
                    "the normalizer leaves nothing of the added token \(content); set its \"normalized\" to false"
            )
        }
    }

    init(_ file: TokenizerFile) {
        source = file.source
        model = file.model
        normalizer = file.normalizer
        preTokenizer = file.preTokenizer
        postProcessor = file.postProcessor
        decoderSteps = file.decoder
        add(file.addedTokens.map(\.token))
    }

    /// Adds tokens to the vocabulary, or gives those that are there new flags.
    ///
    /// - Parameter splitsSpecialTokens: Whether special tokens are not looked for in text.
    mutating func add(_ tokens: [AddedToken], splitsSpecialTokens: Bool = false) {
        addedTokens.add(tokens, to: model.vocabulary)
        var raw: [AddedTokenMatcher.Pattern] = []
        var normalized: [AddedTokenMatcher.Pattern] = []
        addedTokenPieces = [:]
        for (id, token) in addedTokens.tokens.sorted(by: { $0.key < $1.key }) {
            var bytes = Array(token.content.utf8)
            let isIgnored = splitsSpecialTokens && addedTokens.isSpecial(ByteString(bytes))
            if token.isNormalized { bytes = normalizer?.normalize(bytes) ?? bytes }
            let pattern = AddedTokenMatcher.Pattern(token: token, id: id, bytes: bytes, isIgnored: isIgnored)
            if token.isNormalized { normalized.append(pattern) } else { raw.append(pattern) }
            addedTokenPieces[id] = bytes
        }
        rawMatcher = AddedTokenMatcher(raw)
        normalizedMatcher = AddedTokenMatcher(normalized)
        specialTokenIDs = Set(addedTokenPieces.filter { addedTokens.isSpecial(ByteString($0.value)) }.keys)
        vocabularySize = max(model.vocabulary.size, addedTokens.size)
    }
}

// MARK: - Encoding

extension Tokenizer {
    /// The ids of a text, with the special tokens that the model expects around it unless told otherwise.
    public func encode(_ text: String, addSpecialTokens: Bool = true) -> [Int32] {
        var ids: [Int32] = addSpecialTokens ? postProcessor.prefix : []
        ids.reserveCapacity(ids.count + text.utf8.count / 4 + 8)
        workspaces.withWorkspace { workspace in
            var text = text
            text.withUTF8 { encode($0, into: &ids, workspace) }
        }
        if addSpecialTokens { ids += postProcessor.suffix }
        return ids
    }

    /// A stretch of a text and the tokens it became: an added token, or what lies between two.
    struct Stretch {
        let isAddedToken: Bool
        /// Where it ends, in tokens and in bytes; it begins where the one before it ends.
        let tokenEnd: Int
        let byteEnd: Int
    }

    /// The ids of a text without special tokens around it, stretch by stretch.
    func stretches(of text: String) -> (ids: [Int32], stretches: [Stretch]) {
        var ids: [Int32] = []
        var stretches: [Stretch] = []
        workspaces.withWorkspace { workspace in
            var text = text
            text.withUTF8 { encode($0, into: &ids, workspace) { stretches.append($0) } }
        }
        return (ids, stretches)
    }

    private func encode(
        _ text: UnsafeBufferPointer<UInt8>, into ids: inout [Int32], _ workspace: EncoderWorkspace,
        _ didEncode: ((Stretch) -> Void)? = nil
    ) {
        rawMatcher.split(text) { piece in
            switch piece {
            case .token(let id, let end):
                ids.append(id)
                didEncode?(Stretch(isAddedToken: true, tokenEnd: ids.count, byteEnd: end))
            case .text(let range):
                var part = NormalizedText(original: Array(text[range]), beginsText: range.lowerBound == 0)
                normalizer?.apply(to: &part)
                encodeNormalized(part, into: &ids, workspace)
                didEncode?(Stretch(isAddedToken: false, tokenEnd: ids.count, byteEnd: range.upperBound))
            }
        }
    }

    private func encodeNormalized(
        _ text: NormalizedText, into ids: inout [Int32], _ workspace: EncoderWorkspace
    ) {
        let bytes = text.bytes
        bytes.withUnsafeBufferPointer { buffer in
            normalizedMatcher.split(buffer) { piece in
                switch piece {
                case .token(let id, _): ids.append(id)
                case .text(let range):
                    guard let preTokenizer else {
                        model.encode(UnsafeBufferPointer(rebasing: buffer[range]), into: &ids, workspace)
                        return
                    }
                    // A part that begins behind what stands for the first character is not where the text begins, though
                    // nothing but white space that was stripped may come before it.
                    let origin = text.origin.flatMap {
                        $0 > range.lowerBound ? min($0, range.upperBound) - range.lowerBound : nil
                    }
                    var words = Words(
                        range.count == bytes.count ? bytes : Array(buffer[range]), origin: origin)
                    preTokenizer.apply(to: &words)
                    words.forEach { model.encode($0, into: &ids, workspace) }
                }
            }
        }
    }
}

// MARK: - Decoding

extension Tokenizer {
    /// The text of ids, by default without special tokens. Unknown ids count for nothing.
    public func decode(_ ids: [Int32], skipSpecialTokens: Bool = true) -> String {
        if let decoderSteps, decoderSteps.count == 1, case .byteLevel = decoderSteps[0] {
            return decodeByteLevel(ids, skipSpecialTokens)
        }
        var decoder = streamingDecoder(skipSpecialTokens: skipSpecialTokens)
        var text: [UInt8] = []
        for id in ids { text += decoder.appendBytes(id) }
        text += decoder.finishBytes()
        return String(decoding: text, as: UTF8.self)
    }

    /// What the decoder of GPT-2 and its many followers comes to for all ids at once.
    private func decodeByteLevel(_ ids: [Int32], _ skipSpecialTokens: Bool) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(4 * ids.count)
        for id in ids {
            if addedTokenPieces[id] != nil {
                let piece = piece(id, skippingSpecial: skipSpecialTokens) ?? []
                piece.withUnsafeBufferPointer { ByteAlphabet.appendBytes(of: $0, to: &bytes) }
            } else {
                _ = model.vocabulary.withPiece(id) { ByteAlphabet.appendBytes(of: $0, to: &bytes) }
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A decoder for ids that come one at a time.
    public func streamingDecoder(skipSpecialTokens: Bool = true) -> StreamingDecoder {
        StreamingDecoder(self, steps: decoderSteps, skipsSpecialTokens: skipSpecialTokens)
    }

    /// The piece with this id as the vocabulary spells it, or nil where there is none.
    public func token(_ id: Int32) -> String? {
        piece(id, skippingSpecial: false).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The id of a piece as the vocabulary spells it, or nil where there is none.
    public func id(of token: String) -> Int32? {
        addedTokens.id(of: token) ?? model.vocabulary.id(of: token)
    }

    func piece(_ id: Int32, skippingSpecial: Bool) -> [UInt8]? {
        if skippingSpecial, specialTokenIDs.contains(id) { return nil }
        if let piece = addedTokenPieces[id] { return piece }
        return model.vocabulary.withPiece(id) { Array($0) }
    }
}

/// Hands out workspaces, so that their caches outlive single texts and threads do not share them.
private final class WorkspacePool: Sendable {
    /// Beyond this, workspaces are thrown away rather than kept.
    private static let capacity = 16
    private let idle = Mutex<[EncoderWorkspace]>([])

    func withWorkspace(_ body: (EncoderWorkspace) -> Void) {
        let workspace = idle.withLock { $0.popLast() } ?? EncoderWorkspace()
        body(workspace)
        idle.withLock { if $0.count < Self.capacity { $0.append(workspace) } }
    }
}
