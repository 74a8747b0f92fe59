import JSON
import Synchronization
import Tensors

/// A kind of model: which `model_type`s it reads, what it makes of their `config.json`, and how their checkpoints name the weights.
///
/// The built-in families and those of other packages are registered the same way. A family is expressible when its blocks are those of
/// ``DecoderConfiguration``; only names and defaults may differ:
///
///     try ModelFamily.register(
///         ModelFamily(modelTypes: ["my_llama"], settingNames: ["num_hidden_layers": "n_layer"]) { reader in
///             try ModelFamily.llama.configuration(reader)
///         })
///     let checkpoint = try Checkpoint(folder: folder)      // whose config.json says "model_type": "my_llama"
public struct ModelFamily: Sendable {
    /// Values of `model_type` that it reads. The first is its name, ``DecoderConfiguration/family``.
    public let modelTypes: [String]
    /// transformers' name of a setting ↦ the one that the files of this family have in its place.
    public let settingNames: [String: String]
    /// Whether the output matrix is the embedding where a file does not say (`tie_word_embeddings`).
    public let tiesEmbeddings: Bool
    /// The family-independent name of a weight (see ``Checkpoint/canonicalName(_:)``) by the file's name; nil for what is no part of the
    /// text model.
    public let weightName: @Sendable (_ fileName: String) -> String?
    /// Turns a `config.json` into the decoder that it describes. Throws a ``ModelError`` that names the key.
    public let configuration: @Sendable (ConfigurationReader) throws -> DecoderConfiguration

    /// A family.
    ///
    /// - Parameters:
    ///   - modelTypes: at least one.
    ///   - settingNames: transformers' name of a setting ↦ the file's, for those whose names differ.
    ///   - tiesEmbeddings: whether the output matrix is the embedding where a file does not say.
    ///   - weightName: the family-independent name of a weight by the file's; by default transformers' names, under any published prefix.
    ///   - configuration: makes the decoder's configuration.
    public init(
        modelTypes: [String], settingNames: [String: String] = [:], tiesEmbeddings: Bool = false,
        weightName: @escaping @Sendable (_ fileName: String) -> String? = { Checkpoint.canonicalName($0) },
        configuration: @escaping @Sendable (ConfigurationReader) throws -> DecoderConfiguration
    ) {
        require(!modelTypes.isEmpty && !modelTypes.contains(""), "a family without a model_type")
        self.modelTypes = modelTypes
        self.settingNames = settingNames
        self.tiesEmbeddings = tiesEmbeddings
        self.weightName = weightName
        self.configuration = configuration
    }

    /// The name of the family, as in `model_type`.
    public var name: String { modelTypes[0] }

    /// The name that the files of this family give a setting of transformers.
    func settingName(_ key: String) -> String { settingNames[key] ?? key }

    // MARK: The registry

    /// The families that are known; the built-in ones from the beginning.
    private static let registry = Mutex(Registry([llama, qwen2, qwen3, gemma3]))

    /// Makes a family known to everything that opens checkpoints, for the rest of the process. Any thread may call it.
    ///
    /// Throws a ``ModelError``, and registers nothing, if one of its `model_type`s is known already.
    public static func register(_ family: ModelFamily) throws { try registry.withLock { try $0.register(family) } }

    /// Every family, in the order of registration.
    public static var all: [ModelFamily] { registry.withLock { $0.families } }

    /// The family that reads a `model_type`; nil if none does.
    public static func named(_ modelType: String) -> ModelFamily? { registry.withLock { $0.byType[modelType] } }

    private struct Registry {
        private(set) var families: [ModelFamily] = []
        private(set) var byType: [String: ModelFamily] = [:]

        init(_ builtIn: [ModelFamily]) {
            for family in builtIn {
                do { try register(family) } catch { trap("\(error)") }
            }
        }

        mutating func register(_ family: ModelFamily) throws {
            if let taken = family.modelTypes.first(where: { byType[$0] != nil }) {
                throw ModelError(
                    "model_type \(taken): the family \(byType[taken]?.name ?? taken) reads it already; a family is registered once"
                )
            }
            families.append(family)
            for type in family.modelTypes { byType[type] = family }
        }
    }
}

extension DecoderConfiguration {
    /// Reads a `config.json`, by the family that its `model_type` names. A wrapped multimodal configuration (`text_config`) is read for
    /// its text part.
    ///
    /// - Parameters:
    ///   - json: the parsed file.
    ///   - source: its path, for messages.
    public init(json: JSONValue, source: String) throws {
        let outer = try ConfigurationReader(json, source: source)
        var object = outer.json, place = source
        if let text = outer.value("text_config") {
            guard let inner = text.object else { throw outer.fail("text_config", "not an object") }
            object = inner
            place = "\(source): text_config"
        }
        if let message = json.errorMessage, outer.json["model_type"] == nil {
            throw ModelError(
                "\(source): a server's error message (\(outer.shown(.string(message)))), no configuration; download it again"
            )
        }
        let type = try ConfigurationReader(.object(object), source: place).text(
            "model_type", default: try? outer.text("model_type"))
        guard let family = ModelFamily.named(type) else {
            let known = ModelFamily.all.flatMap(\.modelTypes).joined(separator: ", ")
            throw outer.fail(
                "model_type",
                "unknown architecture \(outer.shown(.string(type))); known are \(known) (CONTRIBUTING.md says how to add one)"
            )
        }
        _ = try Quantization(json: json, source: source)
        let tie = family.settingName("tie_word_embeddings")
        if outer.value("text_config") != nil {
            // A wrapped model ties its embeddings as the outer file says, and what the inner one says is read by nobody.
            let wrapper = outer.value("model_type")?.string.flatMap(ModelFamily.named)
            if let tied = outer.json[tie] {
                object[tie] = tied.isNull ? false : tied
            } else if wrapper?.tiesEmbeddings == true {
                object[tie] = true
            }
        }
        if object[tie] == nil, family.tiesEmbeddings { object[tie] = true }
        self = try family.configuration(ConfigurationReader(.object(object), source: place, family: family))
    }

    /// The family-independent name of a weight by the name that a checkpoint of this family has for it.
    func weightName(_ fileName: String) -> String? {
        guard let family = ModelFamily.named(family) else { return Checkpoint.canonicalName(fileName) }
        return family.weightName(fileName)
    }
}

extension JSONValue {
    /// The name under which this `config.json` has a setting of transformers; its own, unless the family has another.
    package func settingName(_ key: String) -> String {
        let type = self["text_config"]?["model_type"]?.string ?? self["model_type"]?.string
        return type.flatMap(ModelFamily.named)?.settingName(key) ?? key
    }
}
