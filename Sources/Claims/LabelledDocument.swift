import JSON

/// A text with what is true in it.
///
/// Places are UTF-8 byte offsets into the text: a fact that holds from offset n holds for every beginning of the text that is at
/// least n bytes long.
public struct LabelledDocument: Sendable, Equatable {
    /// A fact and the part of the text over which it holds.
    public struct Truth: Sendable, Equatable {
        /// What is true.
        public var fact: Fact
        /// The first offset at which it holds.
        public var from: Int
        /// The offset at which it stops holding; nil if it holds to the end.
        public var until: Int?
        /// The offset from which words have said it; nil if none ever does.
        public var statedFrom: Int?

        /// A fact that holds on `from..<until`.
        public init(_ fact: Fact, from: Int, until: Int? = nil, statedFrom: Int? = nil) {
            self.fact = fact
            self.from = from
            self.until = until
            self.statedFrom = statedFrom
        }

        /// How it stands for the beginning of the text with `length` bytes; nil where it does not hold.
        public func standing(at length: Int) -> Standing? {
            guard length >= from, until.map({ length < $0 }) ?? true else { return nil }
            return statedFrom.map { length >= $0 } ?? false ? .stated : .latent
        }
    }

    /// A place where the next words depend on a fact.
    public struct Moment: Sendable, Equatable {
        /// Length in bytes of the text so far: the answer is what follows.
        public var offset: Int
        /// What is about to happen: "rhyme", "answer", "ending", and so on.
        public var kind: String
        /// What the fact answers; its value is the truth that holds here.
        public var question: Question
        /// The words that follow and that the fact decides, with their leading space.
        public var answer: String

        /// A place where `answer` follows.
        public init(offset: Int, kind: String, question: Question, answer: String) {
            self.offset = offset
            self.kind = kind
            self.question = question
            self.answer = answer
        }
    }

    /// A name that no other document of the collection has.
    public var id: String
    /// The kind of text.
    public var kind: String
    /// The text.
    public var text: String
    /// What is true, and where.
    public var truths: [Truth]
    /// The places where a fact is about to matter, in order.
    public var moments: [Moment]

    /// A text with its truth.
    public init(id: String, kind: String, text: String, truths: [Truth] = [], moments: [Moment] = []) {
        self.id = id
        self.kind = kind
        self.text = text
        self.truths = truths
        self.moments = moments
    }

    /// What holds for the first `length` bytes of the text, with how it stands.
    public func truths(at length: Int) -> [(fact: Fact, standing: Standing)] {
        truths.compactMap { truth in truth.standing(at: length).map { (truth.fact, $0) } }
    }
}

extension LabelledDocument {
    /// As one line of a JSON Lines file.
    public var json: JSONValue {
        var object: JSONObject = JSONObject([
            ("id", .string(id)), ("kind", .string(kind)), ("text", .string(text)),
        ])
        object["facts"] = .array(
            truths.map { truth in
                var entry = JSONObject([
                    ("subject", .string(truth.fact.subject)), ("relation", .string(truth.fact.relation)),
                    ("value", .string(truth.fact.value)), ("from", .integer(truth.from)),
                ])
                if let until = truth.until { entry["until"] = .integer(until) }
                if let stated = truth.statedFrom { entry["stated_from"] = .integer(stated) }
                return .object(entry)
            })
        object["moments"] = .array(
            moments.map {
                [
                    "offset": .integer($0.offset), "kind": .string($0.kind), "subject": .string($0.question.subject),
                    "relation": .string($0.question.relation), "answer": .string($0.answer),
                ]
            })
        return .object(object)
    }

    /// Reads what ``json`` writes; only `text` is required, and `id` falls back to `fallbackID`. Throws a ``ClaimsError``.
    public init(json: JSONValue, fallbackID: String) throws {
        func text(_ value: JSONValue, _ key: String) throws -> String {
            guard let text = value[key]?.string else { throw ClaimsError("\"\(key)\" is missing or no text") }
            return text
        }
        func place(_ value: JSONValue, _ key: String, within length: Int) throws -> Int? {
            guard let given = value[key], !given.isNull else { return nil }
            guard let offset = given.int, (0...length).contains(offset) else {
                throw ClaimsError("\"\(key)\" must be a byte offset between 0 and \(length)")
            }
            return offset
        }
        let body = try text(json, "text")
        let length = body.utf8.count
        self.init(id: json["id"]?.string ?? fallbackID, kind: json["kind"]?.string ?? "text", text: body)
        for entry in json["facts"]?.array ?? [] {
            let fact = Fact(try text(entry, "subject"), try text(entry, "relation"), try text(entry, "value"))
            truths.append(
                Truth(
                    fact, from: try place(entry, "from", within: length) ?? 0,
                    until: try place(entry, "until", within: length),
                    statedFrom: try place(entry, "stated_from", within: length)))
        }
        for entry in json["moments"]?.array ?? [] {
            guard let offset = try place(entry, "offset", within: length) else {
                throw ClaimsError("\"offset\" is missing in a moment")
            }
            moments.append(
                Moment(
                    offset: offset, kind: try text(entry, "kind"),
                    question: Question(subject: try text(entry, "subject"), relation: try text(entry, "relation")),
                    answer: try text(entry, "answer")))
        }
    }
}

/// What is wrong with labels or claims.
public struct ClaimsError: Error, CustomStringConvertible {
    /// One line.
    public let description: String
    /// An error with its line.
    public init(_ description: String) { self.description = description.onOneLine }
}
