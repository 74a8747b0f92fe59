import Activations
import Autoencoder
import Claims
import Foundation
import JSON
import LanguageModel
import Parquet
import Runs
import Tensors

/// The reference layout of activations: a Parquet file with a row for each, and `FILE.nla_meta.yaml` beside it (docs/method.md §2).
///
/// Columns are `doc_id`, `token_position`, `n_raw_tokens` (tokens up to this one, it included), `text` (up to this token),
/// `activation_vector` (a fixed-size list of float32) and, where explanations are given, `api_explanation`. What only our stores know
/// stands beside them: `split`, `byte_end`, `moment`, and `document`, the document's line at its first row. The file's notes hold the
/// store's manifest and the documents without rows, so that ``ActivationImport`` makes the same store again, to the byte.
enum ReferenceLayout {
    static let vector = "activation_vector", document = "doc_id", position = "token_position", tokens = "n_raw_tokens"
    static let text = "text", explanation = "api_explanation"
    static let split = "split", byteEnd = "byte_end", moment = "moment", line = "document"
    /// The key of our note.
    static let note = "interlinear.store"

    static func schema(width: Int, hasExplanations: Bool) -> [ParquetField] {
        var fields = [
            ParquetField(document, .string, isOptional: false), ParquetField(position, .int64, isOptional: false),
            ParquetField(tokens, .int64, isOptional: false), ParquetField(text, .string, isOptional: false),
            ParquetField(split, .string, isOptional: false), ParquetField(byteEnd, .int64, isOptional: false),
            ParquetField(moment, .int64), ParquetField(line, .string),
            ParquetField(vector, .floats(length: width), isOptional: false),
        ]
        if hasExplanations { fields.append(ParquetField(explanation, .string)) }
        return fields
    }

    /// Rows of vectors as a column.
    static func vectors(_ field: ParquetField, _ values: [Float], width: Int) -> ParquetColumn {
        let element = ParquetColumn(ParquetField("element", .float, isOptional: false), .floats(values))
        return ParquetColumn(
            field, .lists(offsets: Array(stride(from: 0, through: values.count, by: width)), elements: element))
    }

    /// Texts, some of which are missing, as a column.
    static func texts(_ field: ParquetField, _ texts: [String?]) -> ParquetColumn {
        ParquetColumn(
            field, .bytes(ByteStrings(texts.map { $0 ?? "" })),
            validity: field.isOptional && texts.contains(nil) ? texts.map { $0 != nil } : nil)
    }
}

extension ActivationStore {
    /// Writes the store in the reference layout, with its sidecar. Memory holds some hundred rows at a time.
    ///
    /// - Parameters:
    ///   - explanations: what a teacher wrote about the rows, for the column `api_explanation`.
    ///   - baseModel: what people call the target, for the sidecar.
    /// - Throws: a one-line error where a file cannot be written.
    public func writeParquet(to file: URL, explanations: JSONLTeacher? = nil, baseModel: String? = nil) throws {
        let width = hiddenSize, rows = rowCount
        let schema = ReferenceLayout.schema(width: width, hasExplanations: explanations != nil)
        try Sidecar.write(nil, beside: file) {
            do {
                try ParquetWriter.write(to: file, schema, notes: [ReferenceLayout.note: note()]) { writer in
                    for start in stride(from: 0, to: rows, by: 256) {
                        try writer.append(columns(Array(start..<min(rows, start + 256)), schema, explanations))
                    }
                }
            } catch let error as ParquetError { throw ModelError(error.description) }
        }
        try AtomicFile.write(referenceSidecar(baseModel), to: Sidecar.place(beside: file))
    }

    private func columns(_ rows: [Int], _ schema: [ParquetField], _ explanations: JSONLTeacher?) -> [ParquetColumn] {
        let places = rows.map(row)
        func integers(_ value: (StoredRow) -> Int) -> ParquetColumn.Content { .int64(places.map { Int64(value($0)) }) }
        return schema.map { field in
            switch field.name {
            case ReferenceLayout.document: ReferenceLayout.texts(field, rows.map { document(of: $0).id })
            case ReferenceLayout.position: ParquetColumn(field, integers(\.position))
            case ReferenceLayout.tokens: ParquetColumn(field, integers { $0.position + 1 })
            case ReferenceLayout.text: ReferenceLayout.texts(field, rows.map(textSoFar))
            case ReferenceLayout.split: ReferenceLayout.texts(field, rows.map(split))
            case ReferenceLayout.byteEnd: ParquetColumn(field, integers(\.byteEnd))
            case ReferenceLayout.moment:
                ParquetColumn(field, integers { $0.moment ?? -1 }, validity: places.map { $0.moment != nil })
            case ReferenceLayout.line:
                ReferenceLayout.texts(
                    field,
                    zip(rows, places).map { row, place in
                        let isFirst = row == 0 || self.row(row - 1).document != place.document
                        return isFirst ? documents[place.document].line : nil
                    })
            case ReferenceLayout.vector: ReferenceLayout.vectors(field, vectors(rows).floats(), width: hiddenSize)
            default: ReferenceLayout.texts(field, rows.map { explanations?[id(of: $0)] })
            }
        }
    }

    /// What the columns do not say: the manifest, and the documents without rows with their numbers.
    private func note() -> String {
        let withRows = Set((0..<rowCount).map { row($0).document })
        let others = documents.indices.filter { !withRows.contains($0) }.map { index -> JSONValue in
            ["number": .integer(index), "line": .string(documents[index].line)]
        }
        return (["manifest": manifest.json, "documents": .array(others)] as JSONValue).serialized()
    }

    private func referenceSidecar(_ baseModel: String?) -> String {
        func quoted(_ text: String) -> String { JSONValue.string(text).serialized() }
        let settings = manifest.settings
        var lines = [
            "kind: nla_dataset", "schema_version: 1", "stage: base", "row_count: \(rowCount)", "d_model: \(hiddenSize)",
        ]
        lines.append("extraction:")
        if let baseModel { lines.append("  base_model: \(quoted(baseModel))") }
        lines += ["  d_model: \(hiddenSize)", "  layer_index: \(settings.layerIndex)", "  norm: none"]
        lines.append("  positions_per_doc: \(settings.positions.perDocument)")
        lines += ["target:", "  sha256: \(quoted(settings.targetHash))"]
        if let baseModel { lines.append("  name: \(quoted(baseModel))") }
        return lines.joined(separator: "\n") + "\n"
    }
}
