import Claims
import Foundation
import JSON
import LanguageModel
import Tensors
import Tokenization

/// Lets a target answer chats that have no answers yet: each answer is appended, then the next of the chat's `follow_ups`, and so on.
///
/// Answers are written together. What one says follows from the seed, the chat's id and the turn, up to the rounding of sums. Finished
/// chats are kept in parts beside the output, so that a run that was stopped goes on, and ends with the same file.
public struct ChatSampler {
    /// How answers are drawn.
    public struct Options: Sendable, Equatable {
        /// How tokens are drawn.
        public var sampling = Sampling(temperature: 0.8, topP: 0.95)
        /// Tokens of an answer at most. One that is longer is cut off, and ends its chat.
        public var maximumTokens = 200
        /// Tokens of a conversation at most, the answer's included: a prompt that leaves no room ends its chat.
        public var maximumLength = 2048
        /// Answers that are written at once.
        public var batchSize = 32
        /// Chats of a part.
        public var chatsPerPart = 256
        /// The same seed draws the same answers.
        public var seed: UInt64 = 0

        /// The usual ones.
        public init() {}
    }

    /// How far a run is.
    public struct Progress: Sendable {
        /// Chats that are finished, and those that there are.
        public let chats: Int, of: Int
        /// Tokens written by this run, and per second.
        public let tokens: Int
        /// Tokens of this run per second.
        public let tokensPerSecond: Double
    }

    /// A chat as it is read.
    private struct Chat {
        let id: String, kind: String
        let record: JSONObject
        var messages: [JSONObject]
        var followUps: [String]
        var isCut = false
        var isOpen = true
    }

    private let decoder: TransformerDecoder
    private let tokenizer: Tokenizer
    private let stopTokens: Set<Int32>
    private let precision: Precision
    private let identity: String
    private let options: Options

    /// A sampler on an open target.
    ///
    /// - Parameter identity: names the model in the parts, so that a run does not go on with another.
    public init(
        _ decoder: TransformerDecoder, _ tokenizer: Tokenizer, stopTokens: Set<Int32>, precision: Precision,
        identity: String, _ options: Options = Options()
    ) {
        require(options.batchSize > 0 && options.chatsPerPart > 0 && options.maximumTokens > 0, "nothing to write")
        self.decoder = decoder
        self.tokenizer = tokenizer
        self.stopTokens = stopTokens
        self.precision = precision
        self.identity = identity
        self.options = options
    }

    /// Answers the chats of a JSON Lines file, and writes them as documents with their text and facts, in the same order. The parts are
    /// removed once the output is written.
    ///
    /// - Throws: a one-line error for a chat that cannot be read, and for parts that another model or other options made.
    public func run(
        _ input: URL, to output: URL, progress: (Progress) -> Void = { _ in }
    ) throws {
        let chats = try read(input)
        let parts = try PartFolder(of: output, settings: settings(try ContentHash.file(input)))
        let clock = ContinuousClock(), start = clock.now
        var tokens = 0
        let ranges = stride(from: 0, to: chats.count, by: options.chatsPerPart).map {
            $0..<min(chats.count, $0 + options.chatsPerPart)
        }
        for (index, range) in ranges.enumerated() {
            try parts.write(index) {
                var some = Array(chats[range])
                tokens += try answer(&some)
                return try some.map(line).joined()
            }
            progress(
                Progress(
                    chats: range.upperBound, of: chats.count, tokens: tokens,
                    tokensPerSecond: Double(tokens) / max((clock.now - start) / .seconds(1), 1e-9)))
        }
        try parts.finish(ranges.count)
    }

    // MARK: Files

    private func read(_ url: URL) throws -> [Chat] {
        var chats: [Chat] = [], seen: Set<String> = []
        try JSONLines.read(DocumentLines.contents(url), source: url.path, failure: { ModelError($0) }) { line in
            guard let record = line.json.object else { throw ModelError("\(line.place): an object is needed") }
            let id = record["id"]?.string ?? "\(url.lastPathComponent):\(line.number)"
            guard seen.insert(id).inserted else {
                throw ModelError("\(line.place): the id \(id) stands before already; give every chat its own")
            }
            let messages: [JSONObject]
            do { messages = try Conversation(line.json, source: line.place).messages } catch let error as TokenizerError
            {
                throw ModelError("\(error)")
            }
            guard messages.last?["role"]?.string == "user" else {
                throw ModelError("\(line.place): must end with a message of the user, which the model answers")
            }
            chats.append(
                Chat(
                    id: id, kind: record["kind"]?.string ?? "chat", record: record, messages: messages,
                    followUps: record["follow_ups"]?.array?.compactMap(\.string) ?? []))
        }
        guard !chats.isEmpty else { throw ModelError("\(url.path): no chats in it") }
        return chats
    }

    private func settings(_ input: String) -> JSONValue {
        [
            "format": "sampled chats 1", "model": .string(identity), "input": .string(input),
            "temperature": .number(Double(options.sampling.temperature)),
            "top_p": .number(Double(options.sampling.topP)),
            "top_k": options.sampling.topK.map { .integer($0) } ?? .null, "max_tokens": .integer(options.maximumTokens),
            "max_length": .integer(options.maximumLength), "per_part": .integer(options.chatsPerPart),
            "seed": .string("\(options.seed)"),
        ]
    }

    private func line(_ chat: Chat) throws -> String {
        let known = chat.record["known"]?.object ?? JSONObject()
        let document: LabelledDocument
        do {
            document = try ChatDocument(messages: chat.messages, known: known, isCut: chat.isCut)
                .document(id: chat.id, kind: chat.kind, tokenizer)
        } catch let error as TokenizerError { throw ModelError("chat \(chat.id): \(error)") }
        var object = document.json.object ?? JSONObject()
        object["split"] = chat.record["split"]
        object["known"] = .object(known)
        object["messages"] = .array(chat.messages.map { .object($0) })
        object["is_cut_off"] = .bool(chat.isCut)
        return JSONValue.object(object).serialized() + "\n"
    }

    // MARK: Answers

    /// Answers some chats to their ends. Returns the number of tokens written.
    private func answer(_ chats: inout [Chat]) throws -> Int {
        var tokens = 0, turn: UInt64 = 0
        while chats.contains(where: \.isOpen) {
            let open = chats.indices.filter { chats[$0].isOpen }
            let prompts = try open.map { try prompt(chats[$0]) }
            let answers = try write(prompts, seeds: open.map { seed(chats[$0].id, turn) })
            for (index, answer) in zip(open, answers) {
                guard let answer else {
                    close(&chats[index])
                    continue
                }
                tokens += answer.tokens
                chats[index].messages.append(["role": "assistant", "content": .string(answer.text)])
                chats[index].isCut = answer.isCut
                if answer.isCut || chats[index].followUps.isEmpty {
                    chats[index].isOpen = false
                } else {
                    chats[index].messages.append(
                        ["role": "user", "content": .string(chats[index].followUps.removeFirst())])
                }
            }
            turn += 1
        }
        return tokens
    }

    /// Ends a chat whose last question finds no room for an answer, without the question where another answer stands before it.
    private func close(_ chat: inout Chat) {
        chat.isOpen = false
        if chat.messages.contains(where: { $0["role"]?.string == "assistant" }) { chat.messages.removeLast() }
    }

    private func seed(_ id: String, _ turn: UInt64) -> UInt64 {
        var random = Random(seed: options.seed, Random.key(id), turn)
        return random.next()
    }

    private func prompt(_ chat: Chat) throws -> [Int32] {
        do { return try tokenizer.encode(Conversation(messages: chat.messages)) } catch let error as TokenizerError {
            throw ModelError("chat \(chat.id): \(error)")
        }
    }

    private struct Answer {
        var text = ""
        var tokens = 0
        var isCut = false
    }

    /// An answer to each prompt; nil where the prompt leaves no room.
    private func write(_ prompts: [[Int32]], seeds: [UInt64]) throws -> [Answer?] {
        struct Writer {
            let place: Int
            let node: DecodingSession.Node
            var answer = Answer()
            var text: StreamingDecoder
        }
        let fits = prompts.indices.filter { prompts[$0].count + options.maximumTokens <= options.maximumLength }
        var answers = [Answer?](repeating: nil, count: prompts.count)
        let longest = fits.map { prompts[$0].count }.max() ?? 0
        let session = DecodingSession(
            decoder, precision: precision,
            expectedRows: min(options.batchSize, max(1, fits.count)) * (longest + options.maximumTokens))
        var writers: [DecodingSession.Leaf: Writer] = [:], next = 0
        while next < fits.count || !session.isIdle {
            // As many prompts together as there are places free; a few at a time, for one alone computes slowly.
            let free = options.batchSize - session.activeCount
            if next < fits.count, free >= min(8, options.batchSize) || session.isIdle {
                let some = fits[next..<min(fits.count, next + free)]
                var tree = TokenTree()
                for place in some { tree.append(prompts[place]) }
                for (place, node) in zip(some, session.prefill(tree)) {
                    let leaf = session.start(
                        after: node,
                        .init(sampling: options.sampling, maximumTokens: options.maximumTokens, stopTokens: stopTokens),
                        seed: seeds[place])
                    writers[leaf] = Writer(place: place, node: node, text: tokenizer.streamingDecoder())
                }
                next = some.endIndex
            }
            for event in session.step() {
                guard event.logProbability.isFinite else { throw ModelError("the model computes NaN; try --dtype f32") }
                guard var writer = writers[event.leaf] else { continue }
                writer.answer.tokens += 1
                if event.end != .stopToken { writer.answer.text += writer.text.append(event.token) }
                if let end = event.end {
                    writer.answer.text += writer.text.finish()
                    writer.answer.isCut = end == .length
                    answers[writer.place] = writer.answer
                    session.release(writer.node)
                    writers[event.leaf] = nil
                } else {
                    writers[event.leaf] = writer
                }
            }
        }
        return answers
    }
}
