import Foundation
import JSON
import LanguageModel
import Yams

extension Sidecar {
    /// Reads `nla_meta.yaml` in a model folder. Throws one-line errors.
    public init(folder: URL) throws {
        let file = folder.appendingPathComponent(Sidecar.fileName)
        guard FileManager.default.fileExists(atPath: folder.path) else {
            throw ModelError("\(folder.path): no such folder")
        }
        guard FileManager.default.fileExists(atPath: file.path) else {
            throw ModelError(
                "\(file.path): missing; a verbalizer or reconstructor needs this sidecar beside its weights")
        }
        try self.init(file: file)
    }

    /// Reads a sidecar, wherever it stands.
    init(file: URL) throws {
        let data = FileManager.default.contents(atPath: file.path)
        if let data, let complaint = FileFormat.complaint(of: data, wanted: .yaml) {
            throw ModelError("\(file.path): \(complaint)")
        }
        guard let data, data.count < 1 << 20, let text = String(data: data, encoding: .utf8)
        else { throw ModelError("\(file.path): cannot be read; a short UTF-8 text is needed") }
        try self.init(yaml: text, source: file.path)
    }

    /// Reads the text of a sidecar, with older and newer field names; keys it does not know are left alone.
    ///
    /// - Parameter source: what errors call it.
    public init(yaml text: String, source: String) throws {
        if let complaint = YAMLNesting.complaint(text) { throw ModelError("\(source): \(complaint)") }
        let root: Node?
        do { root = try Yams.compose(yaml: text) } catch { throw ModelError("\(source): \(Sidecar.line(error))") }
        guard let root, root.mapping != nil else { throw ModelError("\(source): no YAML mapping; download it again") }
        let reader = SidecarReader(root: root, source: source)
        let version = try reader.integer(["schema_version"])
        // Data sets are of version 1 wherever they were made elsewhere; models never are.
        let isDataSet = try reader.text(["kind"]) == "nla_dataset"
        guard version == Sidecar.schemaVersion || (isDataSet && version == 1) else {
            throw ModelError(
                "\(source): schema_version: \(version.map(String.init) ?? "none") found, \(isDataSet ? "1 or " : "")\(Sidecar.schemaVersion) is read here; "
                    + "convert the \(isDataSet ? "data set" : "checkpoint")")
        }
        if isDataSet, let norm = try reader.text(["extraction", "norm"]), norm != "none" {
            throw reader.fail(
                "extraction.norm", "«\(norm)» is not supported; activations as they are (none) are needed")
        }
        let role = try reader.role()
        guard let width = try reader.integer(["d_model"], ["extraction", "d_model"]), (1...1 << 20).contains(width)
        else { throw reader.fail("d_model", "a positive whole number is needed") }
        self.init(
            role: role, width: width, layer: try reader.layer(), injectionScale: try reader.scale("injection_scale"),
            lossScale: try reader.scale("mse_scale"))
        if let name = try reader.text(["extraction", "injection"]) {
            guard let method = InjectionMethod(rawValue: name) else {
                throw reader.fail(
                    "extraction.injection",
                    "«\(name)» is not known; known are \(InjectionMethod.allCases.map(\.rawValue).joined(separator: ", "))"
                )
            }
            injection = method
        }
        marker = try reader.marker(required: role == .verbalizer)
        reconstructorSuffix = try reader.identifiers(["tokens", "critic_suffix_ids"])
        verbalizerTemplate = try reader.text(["prompt_templates", "av"], ["prompt_templates", "actor"])
        reconstructorTemplate = try reader.text(["prompt_templates", "ar"], ["prompt_templates", "critic"])
        if role == .verbalizer && verbalizerTemplate == nil { throw reader.fail("prompt_templates.av", "missing") }
        if role == .reconstructor && reconstructorTemplate == nil {
            throw reader.fail("prompt_templates.ar", "missing")
        }
        if let hash = try reader.text(["target", "sha256"]) {
            target = Target(hash: hash, name: try reader.text(["target", "name"]))
        }
        variance = try reader.variance()
    }

    /// What Yams says, without the file's text.
    private static func line(_ error: any Error) -> String {
        switch error {
        case YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
            YamlError.composer(_, let problem, let mark, _):
            return "line \(mark.line): \(problem)"
        case YamlError.duplicatedKeysInMapping(let duplicates, let context):
            let key = (duplicates.first ?? "").split(whereSeparator: \.isNewline).joined(separator: " ").prefix(80)
            return "line \(context.mark.line): the key \(key) stands there twice"
        default: return "no readable YAML"
        }
    }
}

/// Fields by path, with their types checked.
private struct SidecarReader {
    let root: Node
    let source: String

    /// What the file says is repeated in one line, and not all of it where it is long.
    func fail(_ key: String, _ reason: String) -> ModelError {
        let line = reason.split(whereSeparator: \.isNewline).joined(separator: " ")
        let scalars = line.unicodeScalars
        let text = scalars.count > 400 ? String(scalars.prefix(200)) + "…" + String(scalars.suffix(120)) : line
        return ModelError("\(source): \(key): \(text)")
    }

    /// The first of several places that holds something; null counts as absent.
    private func node(_ paths: [[String]]) -> (node: Node, name: String)? {
        for path in paths {
            var next: Node? = root
            for key in path { next = next?.mapping == nil ? nil : next?[key] }
            if let next, !isNull(next) { return (next, path.joined(separator: ".")) }
        }
        return nil
    }

    private func isNull(_ node: Node) -> Bool {
        node.scalar.map { $0.style == .plain && ["", "~", "null", "Null", "NULL"].contains($0.string) } ?? false
    }

    func integer(_ paths: [String]...) throws -> Int? {
        guard let (node, name) = node(paths) else { return nil }
        guard let number = node.int else { throw fail(name, "«\(node.string ?? "a structure")» is no whole number") }
        return number
    }

    func number(_ paths: [String]...) throws -> Double? {
        guard let (node, name) = node(paths) else { return nil }
        guard let number = node.float, number.isFinite else {
            throw fail(name, "«\(node.string ?? "a structure")» is no number")
        }
        return number
    }

    func text(_ paths: [String]...) throws -> String? {
        guard let (node, name) = node(paths) else { return nil }
        guard let text = node.string else { throw fail(name, "text is needed") }
        return text
    }

    func identifiers(_ path: [String]) throws -> [Int32] {
        guard let (node, name) = node([path]) else { return [] }
        guard let list = node.sequence else { throw fail(name, "a list of ids is needed") }
        return try list.map { item in
            guard let id = item.int.flatMap({ Int32(exactly: $0) }), id >= 0 else { throw fail(name, "ids are needed") }
            return id
        }
    }

    private func identifier(_ key: String) throws -> Int32? {
        guard let number = try integer(["tokens", key]) else { return nil }
        guard let id = Int32(exactly: number), id >= 0 else { throw fail("tokens.\(key)", "\(number) is no token id") }
        return id
    }

    func role() throws -> Sidecar.Role {
        let kind = try text(["kind"])
        if kind == "nla_dataset" { return .dataset }
        guard kind == nil || kind == "nla_model" else {
            throw fail("kind", "«\(kind ?? "")» is neither nla_model nor nla_dataset")
        }
        switch try text(["role"]) {
        case "av", "actor": return .verbalizer
        case "ar", "critic": return .reconstructor
        case let other: throw fail("role", "«\(other ?? "none")» is neither av (actor) nor ar (critic)")
        }
    }

    /// K stands in up to three places, which must agree.
    func layer() throws -> Int {
        let places = [
            ["extraction", "layer_index"], ["critic", "extraction_layer_index"], ["ar", "extraction_layer_index"],
            ["ar", "num_hidden_layers"], ["critic", "num_hidden_layers"],
        ]
        let found = try places.compactMap { path in
            try integer(path).map { (name: path.joined(separator: "."), value: $0) }
        }
        guard let first = found.first else { throw fail("extraction.layer_index", "missing") }
        if let other = found.first(where: { $0.value != first.value }) {
            throw fail(other.name, "\(other.value) contradicts \(first.name), which is \(first.value)")
        }
        guard (0..<10_000).contains(first.value) else { throw fail(first.name, "\(first.value) is no block") }
        return first.value
    }

    func scale(_ key: String) throws -> Sidecar.Scale {
        guard let (node, name) = node([["extraction", key]]) else { return .untouched }
        if node.string == "sqrt_d_model" { return .rootOfWidth }
        guard let number = node.float, number.isFinite, number > 0, number < 1e30 else {
            throw fail(name, "«\(node.string ?? "a structure")» is no positive number, null or sqrt_d_model")
        }
        return .norm(number)
    }

    func marker(required: Bool) throws -> Sidecar.Marker? {
        let character = try text(["tokens", "injection_char"])
        let id = try identifier("injection_token_id")
        let left = try identifier("injection_left_neighbor_id"), right = try identifier("injection_right_neighbor_id")
        if let character, !character.isEmpty, let id, let left, let right {
            return Sidecar.Marker(text: character, id: id, leftNeighbor: left, rightNeighbor: right)
        }
        guard required else { return nil }
        let missing =
            character?.isEmpty != false
            ? "injection_char"
            : id == nil
                ? "injection_token_id"
                : left == nil ? "injection_left_neighbor_id" : "injection_right_neighbor_id"
        throw fail("tokens.\(missing)", "missing; without it the activation cannot be put in its place")
    }

    func variance() throws -> RawVariance? {
        guard let raw = try number(["scores", "variance", "raw"]) else { return nil }
        guard raw > 0, raw <= 2 else { throw fail("scores.variance.raw", "\(raw) is outside 0...2") }
        let squaredMeanNorm = try number(["scores", "variance", "squared_mean_norm"])
        guard (0...2).contains(squaredMeanNorm ?? 0) else {
            throw fail("scores.variance.squared_mean_norm", "\(squaredMeanNorm ?? 0) is outside 0...2")
        }
        let count = try integer(["scores", "variance", "count"])
        guard (count ?? 0) >= 0 else { throw fail("scores.variance.count", "\(count ?? 0) is no count") }
        return RawVariance(
            variance: raw, squaredMeanNorm: squaredMeanNorm, set: try text(["scores", "variance", "set"]) ?? "unnamed",
            count: count)
    }
}
