import JSON
import Tokenization

/// PEFT's `adapter_config.json`: which layers an adapter changes, and by how much. Settings that would compute something else are
/// refused by name, unknown ones too: PEFT adds some with every version.
///
/// Patterns are matched against the names of modules as PEFT sees them, such as `model.layers.3.mlp.up_proj`.
struct AdapterSettings {
    private let rank: Int
    private let alpha: Double
    private let isRankStabilized: Bool
    /// Whether rows have magnitudes of their own (DoRA).
    let isDecomposed: Bool
    private let targets: Targets
    private let excluded: Targets?
    /// Ends of the names of modules whose own weights take the place of the model's.
    private let savedModules: [String]
    /// Indices of blocks that alone are changed, and what stands before the index; nil for all blocks.
    private let layers: (indices: Set<Int>, patterns: [PythonPattern])?
    private let rankPatterns: [(pattern: PythonPattern, value: Int)]
    private let alphaPatterns: [(pattern: PythonPattern, value: Double)]

    private enum Targets {
        /// Whole names, or what they end in.
        case names([String])
        case pattern(PythonPattern)
        /// Every linear layer but the output's.
        case allLinear

        func cover(_ module: String) -> Bool {
            switch self {
            case .names(let names): names.contains { module == $0 || module.hasSuffix("." + $0) }
            case .pattern(let pattern): pattern.matches(module)
            case .allLinear: module.split(separator: ".").last != "lm_head"
            }
        }
    }

    /// Whether PEFT would put an adapter there.
    func cover(_ module: String) -> Bool {
        guard excluded?.cover(module) != true, !saves(module), targets.cover(module) else { return false }
        guard let layers, case .names(let names) = targets, !names.contains(module) else { return true }
        guard let index = layers.patterns.lazy.compactMap({ AdapterSettings.blockIndex(module, $0) }).first else {
            return false
        }
        return layers.indices.contains(index)
    }

    /// Whether the adapter's file has its own weights of a module, alone or as a part of one that is named in `modules_to_save`. As in
    /// PEFT a name need not begin where a part does: `norm` is every norm.
    func saves(_ module: String) -> Bool {
        guard !savedModules.isEmpty else { return false }
        let ends = module.indices.filter { module[$0] == "." } + [module.endIndex]
        return ends.contains { end in savedModules.contains { module[..<end].hasSuffix($0) } }
    }

    /// The first number between dots whose way there matches.
    private static func blockIndex(_ module: String, _ way: PythonPattern) -> Int? {
        var before = Substring()
        let parts = module.split(separator: ".", omittingEmptySubsequences: false)
        for (place, part) in parts.enumerated() {
            if place > 0, place + 1 < parts.count, let index = Int(part), part.allSatisfy(\.isNumber),
                way.matches(String(before))
            {
                return index
            }
            before = module[..<part.endIndex]
        }
        return nil
    }

    /// The rank of a module's adapter.
    func rank(of module: String) -> Int { rankPatterns.first { $0.pattern.matches(module) }?.value ?? rank }

    /// The factor of a module's update: alpha / rank, or alpha / √rank.
    func scale(of module: String) -> Float {
        let alpha = alphaPatterns.first { $0.pattern.matches(module) }?.value ?? alpha
        let rank = Double(rank(of: module))
        return Float(alpha / (isRankStabilized ? rank.squareRoot() : rank))
    }

    /// The settings that hold for most layers, in the terms of adapters made here.
    var summary: LoRAConfiguration {
        var names = LoRAConfiguration.allLinear
        if case .names(let targets) = targets { names = targets }
        var summary = LoRAConfiguration(rank: rank, alpha: alpha, targets: names)
        summary.isRankStabilized = isRankStabilized
        return summary
    }
}

// MARK: - Reading

extension AdapterSettings {
    /// What changes nothing in what a loaded adapter computes.
    static let ignored: Set = [
        "auto_mapping", "base_model_name_or_path", "revision", "inference_mode", "peft_version", "task_type",
        "lora_dropout", "megatron_core", "qalora_group_size", "runtime_config", "loftq_config", "eva_config",
        "corda_config", "lora_ga_config", "layers_pattern",
    ]
    private static let read: Set = [
        "peft_type", "r", "lora_alpha", "use_rslora", "target_modules", "exclude_modules", "layers_to_transform",
        "rank_pattern", "alpha_pattern", "init_lora_weights", "fan_in_fan_out", "bias", "modules_to_save", "use_dora",
    ]

    /// Reads the file. Throws a one-line error that names the key.
    init(_ json: JSONValue, source: String) throws {
        let reader = try ConfigurationReader(json, source: source)
        try AdapterSettings.refuseOthers(reader)
        rank = try reader.count("r", default: 8)
        alpha = try reader.number("lora_alpha", default: 8, in: -1e9...1e9)
        isRankStabilized = try reader.flag("use_rslora", default: false)
        isDecomposed = try reader.flag("use_dora", default: false)
        // PEFT's own choice for every family that is read here.
        targets = try AdapterSettings.targets("target_modules", reader) ?? .names(["q_proj", "v_proj"])
        excluded = try AdapterSettings.targets("exclude_modules", reader).flatMap {
            if case .names(let names) = $0, names.isEmpty { nil } else { $0 }
        }
        savedModules = try AdapterSettings.names("modules_to_save", reader) ?? []
        layers = try AdapterSettings.layers(reader)
        if case .names = targets {
        } else if layers != nil {
            throw reader.fail("layers_to_transform", "goes with a list of target_modules only")
        }
        rankPatterns = try AdapterSettings.patterns("rank_pattern", reader) { value in
            value.int.flatMap { (1..<1 << 31).contains($0) ? $0 : nil }
        }
        alphaPatterns = try AdapterSettings.patterns("alpha_pattern", reader) { value in
            value.double.flatMap { (-1e9...1e9).contains($0) ? $0 : nil }
        }
    }

    private static func refuseOthers(_ reader: ConfigurationReader) throws {
        guard let kind = reader.value("peft_type") else {
            throw reader.fail("peft_type", "missing; PEFT's adapter_config.json is needed, this is another program's")
        }
        guard kind.string == "LORA" else {
            throw reader.fail("peft_type", "\(reader.shown(kind)) is not supported; only LORA is")
        }
        try refuseChangedBases(reader)
        try reader.refuse("bias") { $0.string == "none" }
        // PEFT sets it to false for linear layers, which all layers here are.
        _ = try reader.flag("fan_in_fan_out", default: false)
        for key in reader.json.keys where !ignored.contains(key) && !read.contains(key) {
            // An empty object is a method with its own defaults, and aLoRA is on even with an empty list.
            try reader.refuse(key) { value in
                value.bool == false || (value.array?.isEmpty == true && key != "alora_invocation_tokens")
            }
        }
    }

    /// Some ways to begin subtract from the model's own weights what the adapter starts with; applied to the unchanged model such an
    /// adapter says something else.
    private static func refuseChangedBases(_ reader: ConfigurationReader) throws {
        guard let start = reader.value("init_lora_weights"), start.bool == nil else { return }
        let harmless = ["gaussian", "eva", "orthogonal", "mica"]
        if let name = start.string, harmless.contains(name.lowercased()) { return }
        throw reader.fail(
            "init_lora_weights",
            "\(reader.shown(start)) is not supported: adapters of this kind belong to a changed base model; "
                + "save it again with PEFT's path_initial_model_for_weight_conversion, or merge it (merge_and_unload) and give the result as the model"
        )
    }

    private static func targets(_ key: String, _ reader: ConfigurationReader) throws -> Targets? {
        guard let value = reader.value(key) else { return nil }
        if let text = value.string {
            if key == "target_modules", text.lowercased() == "all-linear" { return .allLinear }
            return .pattern(try pattern(text, key, reader))
        }
        return try names(key, reader).map { .names($0) }
    }

    private static func names(_ key: String, _ reader: ConfigurationReader) throws -> [String]? {
        guard let value = reader.value(key) else { return nil }
        guard let list = value.array else { throw reader.fail(key, "\(reader.shown(value)) is no list of names") }
        return try list.map { name in
            guard let text = name.string, !text.isEmpty else {
                throw reader.fail(key, "\(reader.shown(name)) is no name")
            }
            return text
        }
    }

    private static func layers(_ reader: ConfigurationReader) throws -> (Set<Int>, [PythonPattern])? {
        let key = "layers_to_transform"
        guard let value = reader.value(key) else { return nil }
        let indices = try (value.array ?? [value]).map { item in
            guard let index = item.int, index >= 0 else { throw reader.fail(key, "\(reader.shown(item)) is no layer") }
            return index
        }
        guard !indices.isEmpty else { return nil }
        let names = reader.value("layers_pattern")
        let texts = names?.array ?? names.map { [$0] } ?? []
        let ways = try texts.filter { $0.string?.isEmpty != true }.map { item in
            guard let text = item.string else {
                throw reader.fail("layers_pattern", "\(reader.shown(item)) is no name")
            }
            return try pattern("(?:|.*\\.)(?:\(text))", "layers_pattern", reader)
        }
        return (Set(indices), try ways.isEmpty ? [pattern(".*\\.[^.]*", "layers_pattern", reader)] : ways)
    }

    private static func patterns<Value>(
        _ key: String, _ reader: ConfigurationReader, _ convert: (JSONValue) -> Value?
    ) throws -> [(PythonPattern, Value)] {
        guard let value = reader.value(key) else { return [] }
        guard let object = value.object, object.count <= 10_000 else {
            throw reader.fail(key, "\(reader.shown(value)) is no object of names and numbers")
        }
        return try object.map { name, item in
            guard let number = convert(item) else {
                throw reader.fail(key, "\(reader.shown(.string(name))): \(reader.shown(item)) is not supported")
            }
            return (try pattern("(?:.*\\.)?(?:\(name))", key, reader), number)
        }
    }

    private static func pattern(_ text: String, _ key: String, _ reader: ConfigurationReader) throws -> PythonPattern {
        do { return try PythonPattern(text) } catch let problem as PythonPattern.Problem {
            throw reader.fail(key, "\(reader.shown(.string(text))): \(problem.reason)")
        }
    }
}
