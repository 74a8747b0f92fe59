/// Where special tokens go around a text: tokenizer.json's `post_processor`, for single texts.
struct PostProcessor: Sendable {
    /// The ids before the text and after it.
    var prefix: [Int32] = []
    var suffix: [Int32] = []

    init() {}

    /// What a step does to a text that stands by itself. `reason` is why a step cannot be done.
    init(_ step: PostProcessorStep) throws(PostProcessorStep.Problem) {
        let items = try step.apply(to: [[.text]]).flatMap { $0 }
        let texts = items.filter { $0 == .text }.count
        guard texts == 1, let place = items.firstIndex(of: .text) else {
            throw PostProcessorStep.Problem(
                reason: "does not hold the text once but \(texts) times; hold it once")
        }
        prefix = items[..<place].compactMap(\.id)
        suffix = items[(place + 1)...].compactMap(\.id)
    }
}

/// A step of a post-processor. Steps work on parts: a text is one part, and a template makes each of its pieces a part of its own.
indirect enum PostProcessorStep: Sendable {
    /// What parts consist of.
    enum Item: Equatable, Sendable {
        case id(Int32)
        case text

        var id: Int32? { if case .id(let id) = self { id } else { nil } }
    }

    /// A piece of a template: special tokens, or one of two texts.
    enum TemplatePiece: Sendable {
        case special([Int32])
        case sequence(Int)
    }

    /// Why a post-processor cannot be used, as the end of a sentence.
    struct Problem: Error {
        let reason: String
    }

    /// Changes offsets only.
    case byteLevel
    case template(single: [TemplatePiece], pair: [TemplatePiece])
    case bert(cls: Int32, sep: Int32)
    case roberta(cls: Int32, sep: Int32)
    case sequence([PostProcessorStep])

    /// The parts with special tokens.
    func apply(to parts: [[Item]]) throws(Problem) -> [[Item]] {
        switch self {
        case .byteLevel: return parts
        case .bert(let cls, let sep):
            return parts.enumerated().map { ($0 == 0 ? [.id(cls)] : []) + $1 + [.id(sep)] }
        case .roberta(let cls, let sep):
            return parts.enumerated().map { [.id($0 == 0 ? cls : sep)] + $1 + [.id(sep)] }
        case .sequence(let steps):
            var parts = parts
            for step in steps { parts = try step.apply(to: parts) }
            return parts
        case .template(let single, let pair):
            guard parts.count <= 2, !parts.isEmpty else {
                throw Problem(
                    reason:
                        "has a TemplateProcessing behind a step that makes \(parts.count) parts; leave one out")
            }
            var made: [[Item]] = []
            for piece in parts.count == 1 ? single : pair {
                switch piece {
                case .special(let ids): made.append(ids.map { .id($0) })
                case .sequence(let index) where index < parts.count: made.append(parts[index])
                case .sequence:
                    throw Problem(
                        reason: "asks for a second text where there is one; leave \"B\" out of \"single\"")
                }
            }
            return made
        }
    }
}
