import Foundation
import JSON
import LanguageModel
import Yams

extension Sidecar {
    /// Reads `nla_meta.yaml` in a model folder. Throws one-line errors.
    ///
    /// What the file leaves open is taken from the folder: a reconstructor has a value head, and its depth is that of its layer.
    ///
    /// - Parameter supplement: what the user adds to the file.
    public init(folder: URL, _ supplement: SidecarSupplement = SidecarSupplement()) throws {
        let file = folder.appendingPathComponent(Sidecar.fileName)
        guard FileManager.default.fileExists(atPath: folder.path) else {
            throw ModelError("\(folder.path): no such folder")
        }
        guard FileManager.default.fileExists(atPath: file.path) else {
            throw ModelError(
                "\(file.path): missing; a verbalizer or reconstructor needs this sidecar beside its weights")
        }
        // In another format it is still a head; whoever opens it says so.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        let hasHead = names.contains { $0.hasPrefix("value_head.") }
        try self.init(
            yaml: Sidecar.text(of: file), source: file.path, assumed: hasHead ? .reconstructor : .verbalizer,
            supplement, blockCount: { Sidecar.blockCount(folder) })
    }

    /// Reads the sidecar of a file of activations, wherever it stands.
    init(file: URL) throws {
        try self.init(yaml: Sidecar.text(of: file), source: file.path, assumed: .dataset)
    }

    private static func text(of file: URL) throws -> String {
        let data = FileManager.default.contents(atPath: file.path)
        if let data, let complaint = FileFormat.complaint(of: data, wanted: .yaml) {
            throw ModelError("\(file.path): \(complaint)")
        }
        guard let data, data.count < 1 << 20, let text = String(data: data, encoding: .utf8)
        else { throw ModelError("\(file.path): cannot be read; a short UTF-8 text is needed") }
        return text
    }

    /// Blocks of the model in a folder, if its `config.json` says so.
    private static func blockCount(_ folder: URL) -> Int? {
        guard let data = FileManager.default.contents(atPath: folder.appendingPathComponent("config.json").path),
            let json = try? JSONValue.parse(data)
        else { return nil }
        let key = json.settingName("num_hidden_layers")
        return json[key]?.int ?? json["text_config"]?[key]?.int
    }

    /// Reads the text of a sidecar, with older and newer field names; keys it does not know are left alone.
    ///
    /// - Parameters:
    ///   - source: what errors call it.
    ///   - assumed: what it stands beside where it does not say so itself; nil to refuse such a file.
    ///   - supplement: what the user adds to the file.
    ///   - blockCount: blocks of the model beside it, if they are known.
    public init(
        yaml text: String, source: String, assumed: Role? = nil, _ supplement: SidecarSupplement = SidecarSupplement(),
        blockCount: () -> Int? = { nil }
    ) throws {
        if let complaint = YAMLNesting.complaint(text) { throw ModelError("\(source): \(complaint)") }
        let root: Node?
        do { root = try Yams.compose(yaml: text) } catch { throw ModelError("\(source): \(Sidecar.line(error))") }
        guard let root, root.mapping != nil else { throw ModelError("\(source): no YAML mapping; download it again") }
        let reader = SidecarReader(root: root, source: source)
        let (role, isAssumed) = try reader.role(assumed)
        // Data sets are of version 1 wherever they were made elsewhere; models never are. Files by hand name none.
        let version = try reader.integer(["schema_version"])
        guard [nil, Sidecar.schemaVersion].contains(version) || (role == .dataset && version == 1) else {
            throw ModelError(
                "\(source): schema_version: \(version.map(String.init) ?? "none") found, \(role == .dataset ? "1 or " : "")\(Sidecar.schemaVersion) is read here; "
                    + "convert the \(role == .dataset ? "data set" : "checkpoint")")
        }
        if role == .dataset, let norm = try reader.text(["extraction", "norm"]), norm != "none" {
            throw reader.fail(
                "extraction.norm", "«\(norm)» is not supported; activations as they are (none) are needed")
        }
        guard let width = try reader.integer(["d_model"], ["extraction", "d_model"]), (1...1 << 20).contains(width)
        else { throw reader.fail("d_model", "a positive whole number is needed") }
        let layer = try reader.layer(role, supplement, blockCount)
        self.init(role: role, width: width, layer: layer.index)
        if isAssumed { inferences.append("role \(role.rawValue), from the folder's files") }
        if let place = layer.inferredFrom { inferences.append("layer \(layer.index), from \(place)") }
        let place = role == .dataset ? nil : try reader.injection(supplement)
        injection = supplement.injection?.method ?? place?.method ?? .replace
        injectionBlock = supplement.injection?.block ?? place?.block ?? InjectionPlace.defaultBlock
        let scale = try supplement.injectionScale ?? reader.scale("injection_scale")
        guard scale != nil || role != .verbalizer || injection != .replace else {
            throw reader.fail(
                "extraction.injection_scale",
                "missing; the verbalizer was trained on vectors of one length: give it with --injection-scale (a number, sqrt_d_model, or raw for vectors as they are)"
            )
        }
        injectionScale = scale ?? .untouched
        lossScale = try reader.scale("mse_scale") ?? .rootOfWidth
        marker = try reader.marker(required: role == .verbalizer)
        reconstructorSuffix = try reader.identifiers(["tokens", "critic_suffix_ids"])
        (verbalizerTemplate, verbalizerMessages) = try reader.messages("av", "actor")
        reconstructorTemplate = try reader.text(["prompt_templates", "ar"], ["prompt_templates", "critic"])
        if role == .verbalizer && verbalizerTemplate == nil { throw reader.fail("prompt_templates.av", "missing") }
        if role == .reconstructor && reconstructorTemplate == nil {
            throw reader.fail("prompt_templates.ar", "missing")
        }
        if let hash = try reader.text(["target", "sha256"]) {
            target = TargetIdentity(hash: hash, name: try reader.text(["target", "name"]))
        }
        targetStorage = try reader.text(["target", "storage"]).map { $0.onOneLine.abridged }
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

    /// The first of several places that holds something; null counts as absent. Throws if another holds something else.
    private func node(_ paths: [[String]]) throws -> (node: Node, name: String)? {
        let found = paths.compactMap { path in
            self[path].flatMap { isNull($0) ? nil : (node: $0, name: path.joined(separator: ".")) }
        }
        guard let first = found.first else { return nil }
        if let other = found.first(where: { !says($0.node, first.node) }) {
            throw fail(other.name, "contradicts \(first.name), which says something else; keep one of them")
        }
        return first
    }

    /// What stands at a place.
    private subscript(_ path: [String]) -> Node? {
        var next: Node? = root
        for key in path { next = next?.mapping == nil ? nil : next?[key] }
        return next
    }

    /// Whether two values are the same: 150 is 150.0.
    private func says(_ one: Node, _ other: Node) -> Bool {
        if let one = one.scalar, let other = other.scalar {
            return one.string == other.string || (Double(one.string).map { $0 == Double(other.string) } ?? false)
        }
        return one == other
    }

    private func isNull(_ node: Node) -> Bool {
        node.scalar.map { $0.style == .plain && ["", "~", "null", "Null", "NULL"].contains($0.string) } ?? false
    }

    func integer(_ paths: [String]...) throws -> Int? {
        guard let (node, name) = try node(paths) else { return nil }
        // Some writers know no whole numbers, and some quote all values.
        let quoted = node.scalar.flatMap { Int($0.string) ?? Double($0.string).flatMap { Int(exactly: $0) } }
        guard let number = node.int ?? node.float.flatMap({ Int(exactly: $0) }) ?? quoted else {
            throw fail(name, "«\(node.string ?? "a structure")» is no whole number")
        }
        return number
    }

    func number(_ paths: [String]...) throws -> Double? {
        guard let (node, name) = try node(paths) else { return nil }
        guard let number = node.float, number.isFinite else {
            throw fail(name, "«\(node.string ?? "a structure")» is no number")
        }
        return number
    }

    func text(_ paths: [String]...) throws -> String? {
        guard let (node, name) = try node(paths) else { return nil }
        guard let text = node.string else { throw fail(name, "text is needed") }
        return text
    }

    func identifiers(_ path: [String]) throws -> [Int32] {
        guard let (node, name) = try node([path]) else { return [] }
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

    /// What the file stands beside, and whether that is only assumed.
    func role(_ assumed: Sidecar.Role?) throws -> (Sidecar.Role, isAssumed: Bool) {
        let kind = try text(["kind"])
        if kind == "nla_dataset" { return (.dataset, false) }
        guard kind == nil || kind == "nla_model" else {
            throw fail("kind", "«\(kind ?? "")» is neither nla_model nor nla_dataset")
        }
        switch try text(["role"]) {
        case "av", "actor", "verbalizer": return (.verbalizer, false)
        case "ar", "critic", "reconstructor": return (.reconstructor, false)
        case nil:
            guard let assumed, kind == nil || assumed != .dataset else {
                throw fail("role", "missing; av (actor) or ar (critic) is needed")
            }
            return (assumed, assumed != .dataset)
        case let other?: throw fail("role", "«\(other)» is neither av (actor) nor ar (critic)")
        }
    }

    /// K stands in several places, which must agree; where it stands in none, the option, the reconstructor's depth and the
    /// reconstructor's layer say it, in this order.
    func layer(
        _ role: Sidecar.Role, _ supplement: SidecarSupplement, _ blockCount: () -> Int?
    ) throws -> (index: Int, inferredFrom: String?) {
        let places = [
            ["extraction", "layer_index"], ["extraction_layer_index"], ["extraction", "extraction_layer_index"],
            ["layer_index"], ["critic", "extraction_layer_index"], ["ar", "extraction_layer_index"],
            ["ar", "num_hidden_layers"], ["critic", "num_hidden_layers"],
        ]
        let found = try places.compactMap { path in
            try integer(path).map { (name: path.joined(separator: "."), value: $0) }
        }
        if let asked = supplement.layer {
            if let other = found.first(where: { $0.value != asked }) {
                throw fail(other.name, "\(other.value) contradicts --layer \(asked)")
            }
            return (asked, nil)
        }
        if let first = found.first {
            if let other = found.first(where: { $0.value != first.value }) {
                throw fail(other.name, "\(other.value) contradicts \(first.name), which is \(first.value)")
            }
            guard (0..<10_000).contains(first.value) else { throw fail(first.name, "\(first.value) is no block") }
            return (first.value, first.name == "extraction.layer_index" ? nil : first.name)
        }
        if role == .reconstructor, let count = blockCount(), (1...10_000).contains(count) {
            return (count - 1, "the \(count) blocks of config.json")
        }
        if let layer = supplement.reconstructorLayer { return (layer, "the reconstructor") }
        throw fail("extraction.layer_index", "missing; give it with --layer")
    }

    /// How the vector enters, where the file says so: our own sidecars do. What others may have called it is refused by name, unless an
    /// option settles it.
    func injection(_ supplement: SidecarSupplement) throws -> InjectionPlace? {
        let known = ["injection", "injection_block", "injection_scale"]
        for path in [["extraction"], []] where supplement.injection == nil {
            for (key, value) in self[path]?.mapping ?? [:] {
                guard let name = key.string, name.lowercased().contains("inject"), !known.contains(name),
                    !isNull(value)
                else { continue }
                throw fail(
                    (path + [name]).joined(separator: "."),
                    "is not known here; say how the vector enters with --injection (replace, norm-matched or norm-matched@BLOCK)"
                )
            }
        }
        let block = try integer(["extraction", "injection_block"], ["injection_block"])
        if let block, !(0..<10_000).contains(block) {
            throw fail("extraction.injection_block", "\(block) is no block")
        }
        guard let name = try text(["extraction", "injection"], ["injection"]) else {
            guard block == nil || supplement.injection != nil else {
                throw fail(
                    "extraction.injection",
                    "missing, although injection_block says that the vector is added to a block's output; give --injection"
                )
            }
            return nil
        }
        guard let method = InjectionMethod(name: name) else {
            throw fail(
                "extraction.injection",
                "«\(name)» is not known; known are \(InjectionMethod.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return InjectionPlace(method, block: block ?? InjectionPlace.defaultBlock)
    }

    /// A length; nil where the key is absent, which is another thing than null.
    func scale(_ key: String) throws -> Sidecar.Scale? {
        var found: (scale: Sidecar.Scale, name: String)?
        for path in [["extraction", key], [key]] {
            guard let node = self[path] else { continue }
            let name = path.joined(separator: ".")
            let scale: Sidecar.Scale
            if isNull(node) {
                scale = .untouched
            } else if let text = node.string,
                let read = Sidecar.Scale(text) ?? node.float.flatMap({ Sidecar.Scale("\($0)") })
            {
                scale = read
            } else {
                throw fail(
                    name, "«\(node.string ?? "a structure")» is no positive number, null, raw or sqrt_d_model")
            }
            if let found, found.scale != scale {
                throw fail(name, "contradicts \(found.name), which says something else; keep one of them")
            }
            found = found ?? (scale, name)
        }
        return found?.scale
    }

    /// A prompt template: a text, or a list of messages, of which one holds the marker.
    func messages(_ names: String...) throws -> (template: String?, messages: [TemplateMessage]?) {
        guard let (node, name) = try node(names.map { ["prompt_templates", $0] }) else { return (nil, nil) }
        if let text = node.string { return (text, nil) }
        let messages = node.sequence?.map { item in
            item["role"]?.string.flatMap { role in
                item["content"]?.string.map { TemplateMessage(role: role, content: $0) }
            }
        }
        guard let found = messages?.compactMap({ $0 }), found.count == messages?.count, !found.isEmpty else {
            throw fail(name, "a text is needed, or a list of messages with role and content")
        }
        let marked = found.first { $0.content.pieces(around: "injection_char").count > 1 }
        return (marked?.content ?? found[found.count - 1].content, found)
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
