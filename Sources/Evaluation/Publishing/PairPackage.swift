import Autoencoder
import Foundation
import JSON
import LanguageModel
import Tensors

/// A pair as a folder that is ready to publish: `av/`, `ar/`, perhaps `target/`, a model card, and nothing that names this machine.
///
///     let package = try PairPackage(verbalizer: av, reconstructor: ar, target: target, of: folder)
///     try package.write(to: url)
///
/// Weights are copied, bit for bit. An adapter stays one: its base goes by its name on the hub.
public struct PairPackage {
    /// What the folders leave open.
    public struct Options: Sendable {
        /// What is added to the sidecars; it becomes part of them.
        public var supplement = SidecarSupplement()
        /// What the model that both learnt from is called on the hub: `org/name`, or `org/name@revision`.
        public var baseModel: String?
        /// An evaluation of the pair; nil looks for `evaluation.json` in the pair's folder and beside it.
        public var evaluation: URL?

        /// The usual ones.
        public init() {}
    }

    /// Every file of the package but the confidence, which is made when the rest is written.
    public let files: [PackedFile]
    /// What the model that both learnt from is called on the hub, if it is known.
    public let base: ModelLocation.Repository?
    /// What the card says the pair is worth; nil where nothing was measured.
    public let scores: PublishedScores?
    /// What a person should know before publishing, a line each.
    public let notes: [String]
    private let pair: Pair
    private let confidence: Confidence?

    /// Paths of all files.
    public var paths: [String] {
        files.map(\.path) + (confidence.map { $0.reasonToLeaveOut == nil ? [Confidence.fileName] : [] } ?? [])
    }

    /// Bytes of all files.
    public var bytes: Int { files.reduce(0) { $0 + $1.bytes } }

    /// The models' folders in the package, with the bytes of each.
    public var models: [(name: String, bytes: Int)] {
        ["av", "ar", "target"].compactMap { name in
            let own = files.filter { $0.path.hasPrefix(name + "/") }
            return own.isEmpty ? nil : (name, own.reduce(0) { $0 + $1.bytes })
        }
    }

    /// Opens a pair and looks at everything that will be packed. Writes nothing.
    ///
    /// - Parameters:
    ///   - target: packed too; nil leaves it out.
    ///   - folder: the pair's, for its evaluation and its confidence; nil for halves that were named apart.
    /// - Throws: a one-line error, for an adapter whose base has no name on the hub too.
    public init(
        verbalizer: URL, reconstructor: URL, target: URL?, of folder: URL?, _ options: Options = Options()
    ) throws {
        let pair = try Pair(verbalizer: verbalizer, reconstructor: reconstructor, options.supplement)
        self.pair = pair
        let model = try target.map {
            try pair.openTarget($0, base: options.supplement.base, allowsAdapter: true)
        }
        let asked = try options.baseModel.map { name in
            guard let repository = ModelLocation.Repository(name) else {
                throw ModelError("\(name): a name on the hub is org/name, or org/name@revision")
            }
            return repository
        }
        var sidecars = (av: pair.verbalizer.sidecar, ar: pair.reconstructor.sidecar)
        let recorded = [sidecars.av, sidecars.ar].compactMap { $0.target?.name }.lazy
            .compactMap { ModelLocation.Repository($0) }.first
        let bases = BaseNames(
            asked: asked, given: options.supplement.base, target: model?.checkpoint, recorded: recorded)
        let adapters = (
            verbalizer: try bases.name(ofAdapter: verbalizer, over: pair.verbalizer.checkpoint),
            reconstructor: try bases.name(ofAdapter: reconstructor, over: pair.reconstructor.checkpoint)
        )
        base =
            asked ?? recorded ?? model.flatMap { ModelLocation.Repository(snapshot: $0.checkpoint.folder) }
            ?? adapters.verbalizer ?? adapters.reconstructor
        if let base {
            sidecars.av.target?.name = base.id
            sidecars.ar.target?.name = base.id
        }
        let evaluation = try PairPackage.evaluation(options.evaluation, folder)
        scores = evaluation.scores
        confidence = try folder.flatMap { try Confidence(in: $0, pair) }
        var files = try PackedModel(verbalizer, as: "av", base: adapters.verbalizer, sidecar: sidecars.av).files
        files += try PackedModel(reconstructor, as: "ar", base: adapters.reconstructor, sidecar: sidecars.ar).files
        if let target {
            let name = try model.flatMap { try bases.name(ofAdapter: target, over: $0.checkpoint) }
            files += try PackedModel(target, as: "target", base: name, sidecar: nil).files
        }
        if let scores {
            files.append(PackedFile("evaluation.json", text: scores.json.serialized(indent: 2) + "\n"))
        }
        let card = ModelCard(
            verbalizer: sidecars.av, reconstructor: sidecars.ar,
            blocks: pair.verbalizer.checkpoint.configuration.blockCount, base: base, adapters: adapters,
            hasTarget: target != nil, scores: scores)
        files.append(PackedFile("README.md", text: card.text))
        self.files = files
        var notes = pair.inferences
        if base == nil { notes.append("README.md: names no base_model; say it with --base-model org/name") }
        if scores == nil {
            notes.append("README.md: says “not measured”\(evaluation.reason ?? "; give --evaluation FILE")")
        }
        if let reason = confidence?.reasonToLeaveOut { notes.append(reason) }
        notes.append("README.md: names no license; add one before you publish")
        self.notes = notes
    }

    /// The evaluation that is named, or the one that lies in the pair's folder or, of a pair in its run, beside it.
    private static func evaluation(
        _ named: URL?, _ folder: URL?
    ) throws -> (scores: PublishedScores?, reason: String?) {
        if let named { return (try PublishedScores(named, of: folder), nil) }
        guard let folder else { return (nil, nil) }
        var places = [folder.appending(path: "evaluation.json")]
        if folder.lastPathComponent == "pair" {
            places.append(folder.deletingLastPathComponent().appending(path: "evaluation.json"))
        }
        guard let place = places.first(where: { FileManager.default.fileExists(atPath: $0.path) }) else {
            return (nil, nil)
        }
        do { return (try PublishedScores(place, of: folder), nil) } catch { return (nil, "; \(error)") }
    }

    /// Throws if a package cannot be written there: worth asking before a pair is opened.
    public static func checkNew(_ folder: URL) throws {
        guard (try? FileManager.default.attributesOfItem(atPath: folder.path)) == nil else {
            throw ModelError("\(folder.path): exists already; name a new folder")
        }
        try Checkpoint.checkWritable(folder)
    }

    /// Writes the package. The folder appears under its name when it is complete; it must not exist.
    public func write(to folder: URL) throws {
        try PairPackage.checkNew(folder)
        if let free = Disk.freeSpace(folder), bytes + (16 << 20) > free {
            throw ModelError(
                "\(folder.path): \(bytes / 1_000_000) MB are to be written, and the disk has \(free / 1_000_000) MB free; free some, or name a folder on another disk"
            )
        }
        try AtomicFolder.write(to: folder) { partial in
            for file in files {
                let place = partial.appending(path: file.path)
                try Disk.makeFolder(place.deletingLastPathComponent())
                switch file.content {
                case .copy(let source): try Disk.copy(source, to: place)
                case .text(let text): try AtomicFile.write(text, to: place)
                }
            }
            for name in Set(files.map { ($0.path as NSString).deletingLastPathComponent }) where !name.isEmpty {
                try Disk.synchronize(folder: partial.appending(path: name))
            }
            try confidence?.write(to: partial, pair)
        }
    }
}

/// What the bases of adapters are called on the hub.
private struct BaseNames {
    /// What the person says.
    let asked: ModelLocation.Repository?
    /// The base that the pair was opened over, if one was named.
    let given: URL?
    /// The target's checkpoint, and the name that the sidecars have for it.
    let target: Checkpoint?, recorded: ModelLocation.Repository?

    /// The name for an adapter's base; nil for a folder that is a whole model. Throws where it has none.
    func name(ofAdapter folder: URL, over base: Checkpoint) throws -> ModelLocation.Repository? {
        guard try ModelSource.isAdapter(folder) else { return nil }
        if let asked { return asked }
        if given == nil, let own = try ModelSource.baseName(of: folder) { return own }
        if let cached = ModelLocation.Repository(snapshot: base.folder) { return cached }
        if let target, let recorded, isSame(target.folder, base.folder) { return recorded }
        if let own = try ModelSource.baseName(of: folder) { return own }
        throw ModelError(
            "\(folder.path): is an adapter over \(base.folder.path), a folder that nobody else has; say what it is called on the hub: --base-model org/name"
        )
    }

    private func isSame(_ one: URL, _ other: URL) -> Bool {
        one.resolvingSymlinksInPath().path == other.resolvingSymlinksInPath().path
    }
}

/// `confidence.json` of a pair: it knows the pair by the hashes of its halves, which change with the form of their sidecars.
private struct Confidence {
    static let fileName = "confidence.json"
    private let object: JSONObject
    /// Why it is not packed.
    let reasonToLeaveOut: String?

    /// Nil where a folder has none.
    init?(in folder: URL, _ pair: Pair) throws {
        let file = folder.appending(path: Confidence.fileName)
        guard let data = FileManager.default.contents(atPath: file.path) else { return nil }
        object = (try? JSONValue.parse(data).object) ?? JSONObject()
        let isOwn =
            try object["verbalizer"]?.string == TargetHash.compute(pair.verbalizer)
            && object["reconstructor"]?.string == TargetHash.compute(pair.reconstructor)
        reasonToLeaveOut =
            isOwn
            ? nil : "\(file.path): is of another pair, and left out; nla verify --write-confidence makes one of this"
    }

    /// Writes it beside halves that are packed.
    func write(to folder: URL, _ pair: Pair) throws {
        guard reasonToLeaveOut == nil else { return }
        let folders = Pair.folders(folder)
        var packed = object
        packed["verbalizer"] = .string(
            try TargetHash.compute(autoencoder: folders.verbalizer, over: pair.verbalizer.checkpoint))
        packed["reconstructor"] = .string(
            try TargetHash.compute(autoencoder: folders.reconstructor, over: pair.reconstructor.checkpoint))
        try AtomicFile.write(
            JSONValue.object(packed).serialized(indent: 2) + "\n", to: folder.appending(path: Confidence.fileName))
    }
}
