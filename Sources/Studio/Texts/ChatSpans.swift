import JSON
import Tokenization

/// Where a stretch of a rendered chat comes from.
struct ChatSpan: Sendable, Equatable {
    /// Which part of its message.
    enum Section: String, Sendable {
        /// What the template puts before a message's words.
        case header
        /// The words.
        case content
        /// What the template puts behind them.
        case footer
        /// What belongs to no message, such as the generation prompt.
        case scaffold
    }

    var section: Section
    /// Which message; nil for scaffold.
    var message: Int?
    var role: String?
    var channel: String?
    /// The stretch's end in the rendered text, in bytes of UTF-8; it begins where the one before ends.
    var byteEnd: Int
}

/// A chat as its template renders it.
struct RenderedChat: Sendable, Equatable {
    var text: String
    /// Consecutive stretches that cover the text.
    var spans: [ChatSpan]
}

extension RenderedChat {
    /// Renders messages and finds each in the result. Throws `TokenizerError` with the template's own words where it refuses them.
    init(_ request: TextRequest, _ messages: [ChatMessage], _ tokenizer: Tokenizer) throws {
        var variables = request.variables
        if let enableThinking = request.enableThinking { variables["enable_thinking"] = .bool(enableThinking) }
        func render(_ messages: ArraySlice<ChatMessage>, opening: Bool) throws -> [UInt8] {
            let text = try tokenizer.render(
                Conversation(
                    messages: messages.map(\.json), tools: request.tools, documents: request.documents,
                    addsGenerationPrompt: opening, variables: variables))
            return Array(text.utf8)
        }
        let opens = request.addsGenerationPrompt && !request.continuesFinalMessage
        var text = try render(messages[...], opening: opens)
        try RenderedChat.checkUse(of: request, messages, variables, tokenizer, opens: opens, text)
        // How much of the text each message and those before it make, as far as the template renders them alike alone.
        var ends: [Int] = []
        if request.locates, messages.count <= RenderedChat.mostMessagesLocated {
            for count in 1...messages.count {
                let part = count == messages.count && !opens ? text : try? render(messages[..<count], opening: false)
                guard let part, text.starts(with: part), part.count >= ends.last ?? 0 else { break }
                ends.append(part.count)
            }
        }
        var spans = ends.count == messages.count ? RenderedChat.spans(messages, text, ends) : []
        if request.continuesFinalMessage {
            let cut = RenderedChat.continued(messages[messages.count - 1].content ?? "", text)
            text = Array(text[..<cut])
            spans.removeAll { ($0.section == .footer || $0.section == .scaffold) && $0.byteEnd > cut }
            if !spans.isEmpty { spans[spans.count - 1].byteEnd = cut }
        }
        self.init(text: String(decoding: text, as: UTF8.self), spans: spans)
    }

    /// Refuses tools and documents that the template does not look at: they would be dropped without a word.
    private static func checkUse(
        of request: TextRequest, _ messages: [ChatMessage], _ variables: JSONObject, _ tokenizer: Tokenizer,
        opens: Bool,
        _ text: [UInt8]
    ) throws {
        for (key, isGiven) in [("tools", request.tools != nil), ("documents", request.documents != nil)] where isGiven {
            var bare = Conversation(
                messages: messages.map(\.json), tools: request.tools, documents: request.documents,
                addsGenerationPrompt: opens, variables: variables)
            if key == "tools" { bare.tools = nil } else { bare.documents = nil }
            guard let without = try? tokenizer.render(bare), without.utf8.elementsEqual(text) else { continue }
            throw InvalidRequest(
                "the model's chat template says nothing of \(key); leave them out, or write them into a message",
                at: [.string(key)])
        }
    }

    /// Chats of more messages are rendered without saying what comes from where: finding out takes a rendering for each.
    private static let mostMessagesLocated = 32

    private static func spans(_ messages: [ChatMessage], _ text: [UInt8], _ ends: [Int]) -> [ChatSpan] {
        var spans: [ChatSpan] = [], begin = 0
        for (index, (message, end)) in zip(messages, ends).enumerated() {
            func append(_ section: ChatSpan.Section, to end: Int) {
                guard end > spans.last?.byteEnd ?? 0 else { return }
                spans.append(
                    ChatSpan(
                        section: section, message: index, role: message.role, channel: message.channel, byteEnd: end))
            }
            // Templates often strip a message. The last place counts: a header may hold the same word, as in a role's name.
            let words = trimmed(Array((message.content ?? "").utf8))
            if !words.isEmpty, let place = lastRange(of: words, in: text[begin..<end]) {
                append(.header, to: place.lowerBound)
                append(.content, to: place.upperBound)
                append(.footer, to: end)
            } else {
                append(.header, to: end)
            }
            begin = end
        }
        if begin < text.count {
            spans.append(ChatSpan(section: .scaffold, role: "assistant", byteEnd: text.count))
        }
        return spans
    }

    /// Where a text whose last message stays open ends: behind that message's words, with the white space that the template left.
    private static func continued(_ content: String, _ text: [UInt8]) -> Int {
        let bytes = Array(content.utf8), words = trimmed(bytes)
        guard !words.isEmpty, let place = lastRange(of: words, in: text[...]) else { return text.count }
        let trailing = bytes.reversed().prefix { isSpace($0) }.reversed()
        return text[place.upperBound...].starts(with: trailing) ? place.upperBound + trailing.count : place.upperBound
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private static func trimmed(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
        let begin = bytes.firstIndex { !isSpace($0) } ?? bytes.endIndex
        let end = bytes.lastIndex { !isSpace($0) }.map { $0 + 1 } ?? begin
        return bytes[begin..<max(begin, end)]
    }

    private static func lastRange(of words: ArraySlice<UInt8>, in text: ArraySlice<UInt8>) -> Range<Int>? {
        guard words.count <= text.count, let first = words.first else { return nil }
        for begin in stride(from: text.endIndex - words.count, through: text.startIndex, by: -1)
        where text[begin] == first && text[begin..<begin + words.count].elementsEqual(words) {
            return begin..<begin + words.count
        }
        return nil
    }
}
