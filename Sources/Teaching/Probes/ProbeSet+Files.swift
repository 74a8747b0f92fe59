import Activations
import Claims
import Foundation
import JSON
import LanguageModel
import Tensors

extension ProbeSet {
    private static let names = (tensors: "probes.safetensors", description: "probes.json")

    /// Throws a `ModelError` if probes cannot be written there: worth asking before training.
    public static func checkWritable(_ folder: URL) throws { try Checkpoint.checkWritable(folder) }

    /// Writes `probes.json` (questions and values) and `probes.safetensors` (weights) as a folder, which appears under its name
    /// only when it is complete. It must not exist, or be empty. Throws a `ModelError` or a `TensorFileError`.
    public func save(to folder: URL) throws {
        try ProbeSet.checkWritable(folder)
        var tensors: [(name: String, tensor: Tensor)] = [
            ("mean", Tensor(features.mean, shape: [hiddenSize])),
            ("inverse_deviation", Tensor(features.inverseDeviation, shape: [hiddenSize])),
        ]
        for (index, probe) in probes.enumerated() { tensors.append(("probe.\(index)", probe.weights)) }
        try AtomicFolder.write(to: folder) { partial in
            try SafetensorsFile.write(tensors, to: partial.appendingPathComponent(Self.names.tensors))
            try AtomicFile.write(
                json.serialized(indent: 2) + "\n", to: partial.appendingPathComponent(Self.names.description))
        }
    }

    private var json: JSONValue {
        [
            "format": "interlinear-probes", "version": 1, "d_model": .integer(hiddenSize),
            "layer_index": .integer(layerIndex), "target_sha256": .string(targetHash),
            "word_places": .integer(wordPlaces),
            "fitted_splits": fittedSplits.map { .array($0.map { .string($0) }) } ?? .null,
            "probes": .array(
                probes.map {
                    [
                        "subject": .string($0.question.subject), "relation": .string($0.question.relation),
                        "values": .array($0.values.map { .string($0) }),
                    ]
                }),
        ]
    }

    /// Reads what ``save(to:)`` wrote.
    ///
    /// - Parameter target: the hash of the model whose activations they must read; nil for any.
    /// - Throws: a `ModelError` or a `TensorFileError` that names the file and what is wrong in it.
    public init(folder: URL, target: String? = nil) throws {
        let url = folder.appendingPathComponent(Self.names.description)
        func fail(_ reason: String) -> ModelError { ModelError("\(url.path): \(reason); train the probes again") }
        guard let data = FileManager.default.contents(atPath: url.path) else {
            throw ModelError("\(url.path): missing; a folder of probes has one, nla data probes writes it")
        }
        let json: JSONValue
        do { json = try JSONValue.parse(data) } catch { throw fail("\(error)") }
        guard json["format"]?.string == "interlinear-probes", json["version"]?.int == 1 else {
            throw fail("no description of probes of version 1")
        }
        guard let width = json["d_model"]?.int, (1...1 << 20).contains(width), let layer = json["layer_index"]?.int,
            layer >= 0, let hash = json["target_sha256"]?.string, let places = json["word_places"]?.int,
            (0...1 << 10).contains(places),
            let entries = json["probes"]?.array
        else { throw fail("d_model, layer_index, target_sha256, word_places or probes are missing or none") }
        if let target, target != hash {
            throw ModelError(
                "\(folder.path): probes of the model \(hash.prefix(12))…, not of \(target.prefix(12))…; train them on this one"
            )
        }
        let file = try SafetensorsFile(folder.appendingPathComponent(Self.names.tensors))
        func tensor(_ name: String, _ shape: [Int]) throws -> Tensor {
            let tensor = try file.requiredTensor(name)
            guard tensor.shape == shape, tensor.elementType == .float32 else {
                throw ModelError(
                    "\(file.url.path): \(name) is \(tensor.elementType.rawValue) \(tensor.shape), not F32 \(shape); train the probes again"
                )
            }
            guard tensor.firstNonFinite() == nil else {
                throw ModelError("\(file.url.path): \(name) holds NaN or infinity; train the probes again")
            }
            return tensor
        }
        let features = ProbeFeatures(
            mean: try tensor("mean", [width]).floats(),
            inverseDeviation: try tensor("inverse_deviation", [width]).floats())
        var known: Set<Question> = []
        let probes = try entries.enumerated().map { index, entry in
            guard let subject = entry["subject"]?.string, let relation = entry["relation"]?.string,
                let values = entry["values"]?.array?.compactMap(\.string), values.count > 1,
                values.count == entry["values"]?.array?.count,
                known.insert(Question(subject: subject, relation: relation)).inserted
            else { throw fail("probe \(index) has no question of its own, or no two values") }
            return Probe(
                question: Question(subject: subject, relation: relation), values: values,
                weights: try tensor("probe.\(index)", [values.count, features.width]))
        }
        self.init(
            probes, features, layerIndex: layer, targetHash: hash, wordPlaces: places,
            fittedSplits: json["fitted_splits"]?.array?.compactMap(\.string))
    }
}

extension ProbeSet {
    /// The contents of a folder of probes. Throws a `ModelError` if there are none.
    static func hash(folder: URL) throws -> String {
        try [names.description, names.tensors].map { try ContentHash.file(folder.appending(path: $0)) }
            .joined(separator: " ")
    }

    /// Loads probes for a store's activations. Throws a `ModelError` if they read another model, layer or width.
    public init(folder: URL, matching store: ActivationStore) throws {
        let settings = store.manifest.settings
        try self.init(folder: folder, target: settings.targetHash)
        guard layerIndex == settings.layerIndex, hiddenSize == settings.hiddenSize else {
            throw ModelError(
                "\(folder.path): probes of layer \(layerIndex) and width \(hiddenSize), the activations of \(store.folder.path) are of layer \(settings.layerIndex) and width \(settings.hiddenSize)"
            )
        }
    }
}
