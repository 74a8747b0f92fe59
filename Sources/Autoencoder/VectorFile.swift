import Foundation
import LanguageModel
import Parquet
import Tensors

/// Activations in a safetensors file, one tensor [n, d], or in a column of a Parquet file.
public enum VectorFile {
    /// Names that mark the activations among other tensors, as `nla extract` writes them beside ids.
    private static let names = ["activations", "vectors", "reconstructions"]

    /// Reads the vectors, in float32. A single vector [d] is one row. Throws if the file holds no such tensor or column, or several, if the
    /// width is another, and for NaN or infinity, naming the row. A sidecar beside the file is checked too.
    ///
    /// - Parameter reader: the sidecar of the model that is to read them; nil for any.
    public static func read(_ file: URL, for reader: Sidecar? = nil) throws -> Tensor { try read([file], for: reader) }

    /// Reads the vectors of several files as one, in order. Throws as the reading of one does, and where their widths differ or their sidecars
    /// are about different activations.
    public static func read(_ files: [URL], for reader: Sidecar? = nil) throws -> Tensor {
        let parts = try files.map { try vectors($0, for: reader) }
        guard let first = parts.first else { throw ModelError("no file of activations is named") }
        for (file, part) in zip(files, parts) where part.width != first.width {
            throw ModelError(
                "\(file.path): has \(part.width) numbers per row, \(files[0].path) has \(first.width); they do not belong together"
            )
        }
        if let (sidecar, place) = try Sidecar.read(beside: files) {
            try sidecar.check(.dataSet(width: first.width, layer: sidecar.layer), at: place, against: files[0].path)
            if let reader { try sidecar.check(reader, at: place, against: "this autoencoder") }
        }
        guard parts.count > 1 else { return first }
        return Tensor(parts.flatMap { $0.floats() }, shape: [parts.reduce(0) { $0 + $1.rows }, first.width])
    }

    private static func vectors(_ file: URL, for reader: Sidecar?) throws -> Tensor {
        guard FileManager.default.fileExists(atPath: file.path) else { throw ModelError("\(file.path): no such file") }
        let (name, vectors) = try ParquetFile.isParquet(file) ? column(file) : tensor(file)
        if let reader, vectors.width != reader.width {
            throw ModelError(
                "\(file.path): \(name) has \(vectors.width) numbers per row, this autoencoder reads \(reader.width); it comes from another model"
            )
        }
        if let bad = vectors.firstNonFinite() {
            throw ModelError(
                "\(file.path): row \(bad / vectors.width) of \(name) holds NaN or infinity; every number must be finite"
            )
        }
        return vectors
    }

    /// The column with activations in a Parquet file: the one called so, or the only one of lists of numbers.
    private static func column(_ file: URL) throws -> (name: String, vectors: Tensor) {
        do {
            let stored = try ParquetFile(file)
            let lists = stored.schema.filter(isVectors).map(\.name)
            guard
                let name = (["activation_vector"] + names).first(where: lists.contains)
                    ?? (lists.count == 1 ? lists[0] : nil)
            else {
                throw ModelError(
                    "\(file.path): holds \(stored.schema.prefix(12).map { "\($0.name) (\($0.type.name))" }.joined(separator: ", ")); "
                        + "a column activation_vector with lists of numbers is needed")
            }
            var values: [Float] = [], width = 0
            var rows = try stored.rows(columns: [name])
            while let batch = try rows.next() {
                let part = try batch.column(name).matrix()
                guard width == 0 || part.width == width else {
                    throw ModelError(
                        "\(file.path): row \(batch.firstRow) of \(name) has \(part.width) numbers, those before it \(width)"
                    )
                }
                width = part.width
                values += part.values
            }
            guard !values.isEmpty else { throw ModelError("\(file.path): \(name) holds no activations") }
            return (name, Tensor(values, shape: [values.count / width, width]))
        } catch let error as ParquetError { throw ModelError(error.description) }
    }

    private static func isVectors(_ field: ParquetField) -> Bool {
        guard case .list(let element, _) = field.type, case .leaf(let leaf) = element.type else { return false }
        return leaf.storage == .float || leaf.storage == .double || leaf.meaning == .float16
    }

    private static func tensor(_ file: URL) throws -> (name: String, vectors: Tensor) {
        let stored = try SafetensorsFile(file)
        guard
            let name = names.first(where: { stored.entries[$0] != nil })
                ?? (stored.names.count == 1 ? stored.names[0] : nil)
        else {
            throw ModelError(
                "\(file.path): holds \(stored.names.isEmpty ? "nothing" : stored.names.prefix(6).joined(separator: ", ")); "
                    + "one tensor [n, d] is needed, or one named activations")
        }
        let tensor = try stored.requiredTensor(name)
        guard tensor.elementType.isFloatingPoint, (1...2).contains(tensor.shape.count), tensor.count > 0 else {
            throw ModelError(
                "\(file.path): \(name) is \(tensor.elementType) \(tensor.shape); floating-point [n, d] is needed")
        }
        return (
            name,
            tensor.converted(to: .float32).reshaped(tensor.shape.count == 1 ? [1, tensor.count] : tensor.shape)
        )
    }

    /// The rows of vectors read from a file that have a direction: not all zeros, of which words can say nothing. Throws if there is
    /// none.
    public static func directed(_ vectors: Tensor, of file: URL) throws -> [Int] {
        let rows = (0..<vectors.rows).filter { Scores.norm(vectors.rows($0..<$0 + 1)) > 0 }
        guard !rows.isEmpty else {
            throw ModelError("\(file.path): every row is all zeros, and has no direction that words could say")
        }
        return rows
    }

    /// Writes vectors [n, d] as `activations`, or as the column `activation_vector` of Parquet if the file's name ends so; without a
    /// sidecar: reconstructions are no data set.
    public static func write(_ vectors: Tensor, to file: URL) throws {
        if RecordWriter.isParquet(file) {
            let field = ParquetField("activation_vector", .floats(length: vectors.width), isOptional: false)
            return try Sidecar.write(nil, beside: file) {
                do {
                    try ParquetWriter.write(to: file, [field]) { writer in
                        for start in stride(from: 0, to: vectors.rows, by: 256) {
                            let part = vectors.rows(start..<min(vectors.rows, start + 256)).floats()
                            let offsets = Array(stride(from: 0, through: part.count, by: vectors.width))
                            let element = ParquetColumn(
                                ParquetField("element", .float, isOptional: false), .floats(part))
                            try writer.append([ParquetColumn(field, .lists(offsets: offsets, elements: element))])
                        }
                    }
                } catch let error as ParquetError { throw ModelError(error.description) }
            }
        }
        try Sidecar.write(nil, beside: file) { try SafetensorsFile.write([("activations", vectors)], to: file) }
    }
}
