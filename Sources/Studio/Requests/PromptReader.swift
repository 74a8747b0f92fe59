import JSON
import LanguageModel
import Tokenization

/// Reads prompts, one or a list of them.
struct PromptReader {
    typealias Inputs = (inputs: [Scheduler.Writing.Input], isBatch: Bool)
    /// The field.
    let key: String
    let writer: ModelFacts.Writer
    let settings: StudioSettings
    let pool: WorkPool

    func texts(
        _ value: JSONValue, _ fields: inout RequestFields, addsSpecialTokens: Bool = true
    ) async throws -> Inputs {
        let isBatch = value.array != nil
        let list = batch(value.array ?? [value], &fields)
        var inputs: [Scheduler.Writing.Input] = []
        for (index, value) in list.enumerated() {
            let place: [JSONValue] = isBatch ? [.string(key), .integer(index)] : [.string(key)]
            guard let text = value.string else {
                fields.note(place, "string_type", "Input should be a valid string", input: value)
                continue
            }
            guard !text.isLonger(than: settings.maximumInputCharacters) else {
                fields.note(
                    place, "string_too_long",
                    "String should have at most \(settings.maximumInputCharacters) characters")
                continue
            }
            let tokenizer = writer.tokenizer
            let ids = try await pool.run(size: text.utf8.count) {
                tokenizer.encode(text, addSpecialTokens: addsSpecialTokens)
            }
            if let input = checked(ids, place, &fields) { inputs.append(input) }
        }
        return (inputs, isBatch)
    }

    func tokens(_ value: JSONValue, _ fields: inout RequestFields) -> Inputs {
        let isBatch = value[0]?.array != nil
        let list = batch(isBatch ? value.array ?? [] : [value], &fields)
        return (
            list.enumerated().compactMap { index, value in
                let place: [JSONValue] = isBatch ? [.string(key), .integer(index)] : [.string(key)]
                guard let numbers = value.array else {
                    fields.note(place, "list_type", "Input should be a valid list", input: value)
                    return nil
                }
                let ids = numbers.compactMap { $0.int.flatMap(Int32.init(exactly:)) }
                guard ids.count == numbers.count,
                    ids.allSatisfy({ $0 >= 0 && Int($0) < writer.vocabularySize })
                else {
                    fields.note(
                        place, "value_error",
                        "Value error, ids are whole numbers from 0 to \(writer.vocabularySize - 1), the model's vocabulary"
                    )
                    return nil
                }
                return checked(ids, place, &fields)
            }, isBatch
        )
    }

    func embeddings(_ value: JSONValue, width: Int, _ fields: inout RequestFields) -> Inputs {
        let isBatch = value[0]?[0]?.array != nil
        let list = batch(isBatch ? value.array ?? [] : [value], &fields)
        return (
            list.enumerated().compactMap { index, value in
                let place: [JSONValue] = isBatch ? [.string(key), .integer(index)] : [.string(key)]
                guard let rows = value.array else {
                    fields.note(place, "list_type", "Input should be a valid list", input: value)
                    return nil
                }
                guard isFitting(rows.count, place, &fields) else { return nil }
                return fields.vectors(rows, place, width: width).map { .embeddings($0) }
            }, isBatch
        )
    }

    private func batch(_ list: [JSONValue], _ fields: inout RequestFields) -> [JSONValue] {
        let limit = settings.maximumDescribeBatch
        guard !list.isEmpty, list.count <= limit else {
            fields.note(
                [.string(key)], "value_error",
                "Value error, \(list.count) prompts were sent; send between 1 and \(limit)")
            return []
        }
        return list
    }

    private func checked(
        _ ids: [Int32], _ place: [JSONValue], _ fields: inout RequestFields
    ) -> Scheduler.Writing.Input? {
        isFitting(ids.count, place, &fields) ? .tokens(ids) : nil
    }

    private func isFitting(_ count: Int, _ place: [JSONValue], _ fields: inout RequestFields) -> Bool {
        if count >= 1, count <= settings.maximumInputTokens { return true }
        fields.note(
            place, "value_error",
            "Value error, the prompt has \(count) tokens; send between 1 and \(settings.maximumInputTokens)")
        return false
    }
}
