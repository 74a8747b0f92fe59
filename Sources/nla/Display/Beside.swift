import Autoencoder
import Evaluation
import Foundation
import JSON
import LanguageModel
import Tensors

/// What another pair says of the same tokens, to be shown under what this one says.
struct Beside {
    /// One token's.
    struct Row {
        let description: String
        let cosine: Double
        let varianceExplained: Double?
    }

    /// What it is called.
    let name: String
    /// Rows by position.
    let rows: [Int: Row]

    /// Opens what `argument` names, as `path` or `name=path`: a pair's folder, whose models explain the tokens now, or a file with what `nla explain --json` said
    /// of them before. Throws a one-line error, also for a file about another text.
    init(
        _ argument: String, _ ids: [Int32], _ positions: [Int], _ activations: Tensor, _ precision: Precision?,
        maximumTokens: Int
    ) throws {
        let candidate = try PairComparison.Candidate.read([argument])[0].located(), url = candidate.folder
        name = candidate.name
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
            throw ModelError("\(url.path): no such pair, and no such file of explanations")
        }
        rows =
            isFolder.boolValue
            ? try Beside.explained(url, positions, activations, precision, maximumTokens)
            : try Beside.recorded(url, ids)
    }

    private static func explained(
        _ folder: URL, _ positions: [Int], _ activations: Tensor, _ precision: Precision?, _ maximumTokens: Int
    ) throws -> [Int: Row] {
        let pair = try Pair(folder: folder, precision: precision)
        guard pair.verbalizer.sidecar.width == activations.width else {
            throw ModelError(
                "\(folder.path): reads vectors of \(pair.verbalizer.sidecar.width) numbers, these have \(activations.width); it belongs to another target"
            )
        }
        let variance = try TextExplainer.variance(pair, else: activations)
        let rows = try TextExplainer(pair, variance: variance?.variance).explain(
            activations, .init(maximumTokens: maximumTokens, keys: positions.map(UInt64.init)))
        return Dictionary(
            rows.map { row in
                let shown = Row(
                    description: row.explanation.description, cosine: row.score.cosine,
                    varianceExplained: row.varianceExplained)
                return (positions[row.index], shown)
            }, uniquingKeysWith: { first, _ in first })
    }

    private static func recorded(_ file: URL, _ ids: [Int32]) throws -> [Int: Row] {
        let fail = { (what: String) in ModelError("\(file.path): \(what); make it with nla explain --json on this text")
        }
        guard let data = FileManager.default.contents(atPath: file.path),
            let results = try? JSONValue.parse(data)["results"]?.array
        else { throw fail("holds no explanations") }
        var rows: [Int: Row] = [:]
        for result in results {
            guard let position = result["position"]?.int, let token = result["token_id"]?.int,
                let description = result["description"]?.string, let cosine = result["cosine_similarity"]?.double
            else { throw fail("holds no explanations") }
            guard ids.indices.contains(position), Int(ids[position]) == token else {
                throw fail("is about another text: its token \(position) is not this one's")
            }
            rows[position] = Row(
                description: description, cosine: cosine, varianceExplained: result["variance_explained"]?.double)
        }
        return rows
    }
}
