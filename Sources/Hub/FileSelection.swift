import Foundation
import JSON

/// Which files of a repository are wanted.
public struct FileSelection: Sendable {
    /// A few words for messages: `*.json`, "the tokenizer".
    public let description: String
    /// The wanted ones among all paths of a revision, or of the folder in it that was named.
    package let choose: @Sendable (_ paths: [String]) -> [String]
    /// Whether files that are there are enough, where nobody knows what the revision has. Nil where that cannot be told.
    package let suffices: (@Sendable (_ paths: [String]) -> Bool)?
    /// For a selection of one data set's files: those among all paths that may belong to one. Nil for others.
    let candidates: (@Sendable (_ paths: [String]) -> [String])?

    /// A selection.
    ///
    /// - Parameters:
    ///   - description: a few words for messages.
    ///   - choose: gives the wanted ones among all paths.
    ///   - suffices: whether paths that are in the cache can be all that is wanted; nil where only the hub's list can tell.
    public init(
        _ description: String, choose: @escaping @Sendable ([String]) -> [String],
        suffices: (@Sendable ([String]) -> Bool)? = nil
    ) { self.init(description, choose: choose, suffices: suffices, candidates: nil) }

    private init(
        _ description: String, choose: @escaping @Sendable ([String]) -> [String],
        suffices: (@Sendable ([String]) -> Bool)?, candidates: (@Sendable ([String]) -> [String])?
    ) {
        self.description = description
        self.choose = choose
        self.suffices = suffices
        self.candidates = candidates
    }

    /// All there is.
    public static let everything = FileSelection("every file", choose: { $0 })

    /// Files by pattern, as huggingface_hub's `allow_patterns`: `*` matches across folders, `?` one character, `[…]` one of a set; a
    /// pattern that ends in `/` is everything below.
    public static func matching(_ include: [String], except exclude: [String] = []) -> FileSelection {
        let wanted = include.map(Glob.init), unwanted = exclude.map(Glob.init)
        return FileSelection(
            include.joined(separator: ", "),
            choose: { paths in
                paths.filter { path in
                    (include.isEmpty || wanted.contains { $0.matches(path) }) && !unwanted.contains { $0.matches(path) }
                }
            })
    }

    /// These files, all of which must be there.
    public static func files(_ names: [String]) -> FileSelection {
        FileSelection(
            names.joined(separator: ", "), choose: { paths in paths.filter(names.contains) },
            suffices: { names.allSatisfy($0.contains) })
    }

    /// What a tokenizer and a chat template are read from; no weights, unless it lies with them in the only GGUF model.
    public static let tokenizer = FileSelection(
        "the tokenizer",
        choose: { paths in
            let isInGGUF = !paths.contains("tokenizer.json") && !paths.contains { $0.hasSuffix(".safetensors") }
            return paths.filter(isTokenizer) + (isInGGUF ? onlyGGUF(paths) : [])
        }, suffices: { $0.contains("tokenizer.json") || hasWholeGGUF($0) })

    /// What a model, a half of a pair or an adapter is opened from: configuration, tokenizer, sidecar, and the weights in safetensors,
    /// once. Weights in other formats and second copies are left out. Where there are no safetensors, the only model in GGUF is taken;
    /// of several, one must be named.
    public static let model = FileSelection(
        "the model",
        choose: { paths in
            let weights = weights(paths)
            return paths.filter { path in
                isTokenizer(path) || weights.contains(path)
                    || (!path.contains("/")
                        && (configuration.contains(path) || path.hasSuffix(".safetensors.index.json")))
            }
        },
        suffices: { paths in
            if paths.contains("adapter_config.json") { return paths.contains("adapter_model.safetensors") }
            return (paths.contains("config.json") && hasAllShards(paths)) || hasWholeGGUF(paths)
        })

    /// A pair in one repository: what ``model`` chooses, of the top folder and of `av/`, `ar/` and `target/`.
    public static let pair = FileSelection(
        "the pair",
        choose: { paths in
            ["", "av/", "ar/", "target/"].flatMap { folder in
                model.choose(paths.filter { $0.hasPrefix(folder) }.map { String($0.dropFirst(folder.count)) })
                    .map { folder + $0 }
            }
        })

    /// The descriptions alone, by which the rest can be chosen: whether it is an adapter and over what, which layer, which shards.
    public static let descriptions = FileSelection(
        "the descriptions",
        choose: { paths in
            paths.filter {
                !$0.contains("/") && (configuration.contains($0) || $0.hasSuffix(".safetensors.index.json"))
            }
        }, suffices: { $0.contains("config.json") || $0.contains("adapter_config.json") })

    /// The data files of a data set: Parquet, JSON Lines, safetensors, and their sidecars.
    public static let dataset = FileSelection(
        "the data",
        choose: { paths in
            let endings = [".parquet", ".jsonl", ".json", ".safetensors", ".nla_meta.yaml", "/nla_meta.yaml"]
            return paths.filter { path in path == "nla_meta.yaml" || endings.contains(where: path.hasSuffix) }
        })

    /// The file of records that a data set has, Parquet or JSON Lines, with its sidecar; or all files of one table, whose names differ by
    /// their number alone. Of several none is chosen.
    public static let records = table("Parquet or JSON Lines", isRecords)

    /// The same for activations: Parquet or safetensors.
    public static let vectors = table("Parquet or safetensors", DataShards.isVectors)

    /// Whether a file holds records, by its ending.
    public static func isRecords(_ path: String) -> Bool { DataShards.isRecords(path) }

    private static func table(_ words: String, _ holds: @escaping @Sendable (String) -> Bool) -> FileSelection {
        FileSelection(
            "a \(words) file",
            choose: { paths in
                guard case .files(let files) = DataShards.choose(among: paths.filter(holds)) else { return [] }
                return files + DataShards.sidecars(of: files).filter(paths.contains)
            }, suffices: nil, candidates: { $0.filter(holds) })
    }

    /// An activation store or probes, in the folder that is named: no Parquet copy beside them, and no other folder's.
    public static let store = FileSelection(
        "an activation store (manifest.json) or probes (probes.json)",
        choose: { paths in
            let folders = ["", "half-0/", "half-1/"].filter { folder in
                paths.contains(folder + "manifest.json") || paths.contains(folder + "probes.json")
            }
            let endings = [".json", ".jsonl", ".safetensors"]
            return paths.filter { path in
                folders.contains { folder in
                    let name = path.dropFirst(folder.count)
                    return path.hasPrefix(folder) && !name.contains("/")
                        && (name == "nla_meta.yaml" || endings.contains(where: name.hasSuffix))
                }
            }
        })

    private static let configuration: Set<String> = [
        "config.json", "generation_config.json", "adapter_config.json", "nla_meta.yaml", "confidence.json", "README.md",
    ]

    private static func isTokenizer(_ path: String) -> Bool {
        let names: Set<String> = [
            "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
            "chat_template.jinja", "chat_template.json", "config.json",
        ]
        return names.contains(path) || (path.hasPrefix("additional_chat_templates/") && path.hasSuffix(".jinja"))
    }

    /// The safetensors of the top folder: `model.safetensors` or shards, and the files beside a model that have a meaning. A copy in
    /// the layout of the model's own program (`consolidated…`) is a second copy.
    private static func weights(_ paths: [String]) -> Set<String> {
        let top = paths.filter { !$0.contains("/") && $0.hasSuffix(".safetensors") }
        if top.isEmpty { return Set(onlyGGUF(paths)) }
        let special: Set<String> = ["model.safetensors", "value_head.safetensors", "adapter_model.safetensors"]
        let hasOwn = top.contains { $0 == "model.safetensors" || isShard($0) != nil }
        return Set(
            top.filter { name in
                if special.contains(name) { return true }
                if top.contains("model.safetensors") { return false }
                return hasOwn
                    ? isShard(name) != nil && !name.hasPrefix("consolidated") : !name.hasPrefix("consolidated")
            })
    }

    /// The number of shards that a shard's name says there are.
    private static func isShard(_ name: String) -> Int? {
        name.wholeMatch(of: /.*-\d{5}-of-(\d{5})\.safetensors/).flatMap { Int($0.1) }
    }

    private static func hasAllShards(_ paths: [String]) -> Bool {
        if paths.contains("model.safetensors") { return true }
        let counts = paths.compactMap(isShard)
        guard let count = counts.first else { return false }
        return paths.contains { $0.hasSuffix(".safetensors.index.json") } && counts.count >= count
    }
}

// MARK: - GGUF

extension FileSelection {
    /// The files of the one GGUF model in the top folder; none where there are several. Projectors of vision models do not count.
    private static func onlyGGUF(_ paths: [String]) -> [String] {
        let files = paths.filter {
            let name = $0.lowercased()
            return !name.contains("/") && name.hasSuffix(".gguf") && !name.hasPrefix("mmproj")
        }
        guard let first = files.min() else { return [] }
        let parts = ggufParts(of: first, among: files)
        return parts.count == files.count ? parts : []
    }

    /// All parts of the model that a file called `name-00001-of-00003.gguf` is a part of; the file alone where it is all of it.
    package static func ggufParts(of file: String, among paths: [String]) -> [String] {
        guard let whole = ggufWhole(file) else { return [file] }
        return paths.filter { path in ggufWhole(path).map { $0 == whole } ?? false }
    }

    /// What the names of a model's parts have in common; nil for a file that is no part.
    private static func ggufWhole(_ path: String) -> [Substring]? {
        path.wholeMatch(of: /(.*)-[0-9]{5}-of-([0-9]{5})(\.gguf)/.ignoresCase()).map { [$0.1, $0.2, $0.3] }
    }

    /// Whether the paths have a whole model in GGUF, and only one.
    private static func hasWholeGGUF(_ paths: [String]) -> Bool {
        let files = onlyGGUF(paths)
        guard let first = files.first else { return false }
        return (ggufWhole(first).flatMap { Int($0[1]) } ?? 1) == files.count
    }
}
