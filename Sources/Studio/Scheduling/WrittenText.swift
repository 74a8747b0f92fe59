import Foundation
import LanguageModel
import Tokenization

/// A text as it is written, token by token, and where it ends.
struct WrittenText {
    /// Why a text ended.
    enum End: Sendable, Equatable {
        /// The model drew a token that ends texts.
        case stopToken(Int32)
        /// A string came that ends this text.
        case stopString(String)
        /// It has as many tokens as it may.
        case length
    }

    /// How a text is read out of tokens.
    struct Options: Sendable {
        /// Strings that end the text; they are not part of it unless kept.
        var stopStrings: [String] = []
        /// No string ends the text within its first tokens, so many.
        var minimumTokens = 0
        /// Whether the string that ends the text stays in it.
        var keepsStopString = false
        /// Whether the token that ends the text stays in it.
        var keepsStopToken = false
        /// Whether special tokens are left out of the text.
        var skipsSpecialTokens = true
    }

    /// The text so far, whole characters only.
    private(set) var text = ""
    /// The tokens so far, the last one included, whatever it was.
    private(set) var ids: [Int32] = []
    /// The log-probability of each under the model's own distribution.
    private(set) var logProbabilities: [Float] = []
    /// Why it ended, once it has.
    private(set) var end: End?

    private let options: Options
    private var decoder: StreamingDecoder
    private var filter: StopStringFilter
    /// The end of the decoded text, long enough to hold any stop string: which of several came first is read off it.
    private var tail = ""

    init(_ tokenizer: Tokenizer, _ options: Options) {
        self.options = options
        decoder = tokenizer.streamingDecoder(skipSpecialTokens: options.skipsSpecialTokens)
        filter = StopStringFilter(options.stopStrings)
    }

    /// Takes a token; returns the text that it makes certain.
    mutating func append(_ event: DecodingSession.Event) -> String {
        ids.append(event.token)
        logProbabilities.append(event.logProbability)
        let before = text.utf8.count
        if event.end != .stopToken || options.keepsStopToken { take(decoder.append(event.token)) }
        if end == nil, let last = event.end {
            take(decoder.finish())
            text += filter.finish()
            if end == nil { end = last == .stopToken ? .stopToken(event.token) : .length }
        }
        return String(text.utf8.dropFirst(before)) ?? ""
    }

    private mutating func take(_ piece: String) {
        guard !piece.isEmpty, end == nil else { return }
        guard ids.count > options.minimumTokens else { return text += piece }
        text += filter.append(piece)
        guard !options.stopStrings.isEmpty else { return }
        tail += piece
        if filter.isStopped {
            let stop = firstStop(in: tail) ?? ""
            if options.keepsStopString { text += stop }
            end = .stopString(stop)
        }
        let longest = options.stopStrings.map(\.unicodeScalars.count).max() ?? 0
        tail = String(String.UnicodeScalarView(tail.unicodeScalars.suffix(longest)))
    }

    /// The stop string that begins first.
    private func firstStop(in text: String) -> String? {
        let places = options.stopStrings.filter { !$0.isEmpty }.compactMap { stop in
            text.range(of: stop, options: .literal).map { (stop, $0.lowerBound) }
        }
        return places.min { $0.1 < $1.1 }?.0
    }
}
