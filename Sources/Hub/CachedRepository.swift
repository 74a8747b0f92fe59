import Foundation
import JSON

/// One repository in the cache.
public struct CachedRepository: Sendable {
    /// What a snapshot's files make it.
    public enum Role: String, Sendable, CaseIterable {
        /// A language model that activations can be taken from.
        case target
        /// A half of a pair: writes explanations.
        case verbalizer
        /// A half of a pair: makes vectors of explanations.
        case reconstructor
        /// Both halves, in folders of their own.
        case pair
        /// A PEFT adapter over another model.
        case adapter
        /// A tokenizer without weights.
        case tokenizer
        /// A data set.
        case dataset = "data set"
        /// Something else, or not enough of it to tell.
        case other
    }

    /// One commit of it.
    public struct Revision: Sendable {
        /// The commit.
        public let commit: String
        /// Branches and tags that were this commit when they were last asked for.
        public let names: [String]
        /// The folder.
        public let folder: URL
        /// Paths of the files that are here.
        public let files: [String]
        /// Bytes of them, each blob once.
        public let size: Int
        /// Whether all files of the commit are here; nil where the cache has no list of them.
        public let isWhole: Bool?
        /// What it is.
        public let role: Role
        /// The base that an adapter names, with `@revision` where it names one.
        public let base: String?
        /// When the last of its files was written.
        public let modified: Date?
    }

    /// The repository's name.
    public let reference: HubReference
    /// The folder.
    public let folder: URL
    /// Its commits, the one called `main` first.
    public let revisions: [Revision]
    /// Bytes of all blobs of all its commits, each once.
    public let size: Int
    /// Bytes on the disk of files that are on their way.
    public let partialSize: Int
    /// What is out of order, a line each.
    public let complaints: [String]
}

extension Hub {
    /// What the cache holds, by name. What else lies in its folder is passed over.
    public func list() throws -> [CachedRepository] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: settings.cache.path)) ?? []
        return names.compactMap { name in Self.reference(folder: name) }.map { scan($0) }
            .sorted {
                ($0.reference.id.lowercased(), $0.reference.kind.rawValue) < (
                    $1.reference.id.lowercased(), $1.reference.kind.rawValue
                )
            }
    }

    /// The repository whose folder has this name.
    private static func reference(folder: String) -> HubReference? {
        for kind in HubReference.Kind.allCases where folder.hasPrefix(kind.plural + "--") {
            let id = folder.dropFirst(kind.plural.count + 2).replacingOccurrences(of: "--", with: "/")
            return HubReference.isID(id) ? HubReference(kind: kind, id: id) : nil
        }
        return nil
    }

    private func scan(_ reference: HubReference) -> CachedRepository {
        let cache = CacheFolder(settings.cache, reference)
        var complaints: [String] = [], revisions: [CachedRepository.Revision] = [], blobs: [String: Int] = [:]
        let refs = refs(cache)
        for commit in Self.names(cache.folder.appendingPathComponent("snapshots")) {
            do {
                let found = try revision(commit, cache, refs.filter { $0.value == commit }.map(\.key).sorted())
                revisions.append(found.revision)
                blobs.merge(found.blobs) { first, _ in first }
            } catch { complaints.append("\(error)") }
        }
        for (name, commit) in refs.sorted(by: { $0.key < $1.key })
        where !CacheFolder.isThere(cache.snapshot(commit).path) {
            complaints.append("\(reference)@\(name): the commit \(commit) is not here")
        }
        revisions.sort {
            ($0.names.contains("main") ? 0 : 1, $0.commit) < ($1.names.contains("main") ? 0 : 1, $1.commit)
        }
        let parts = Self.names(cache.folder.appendingPathComponent("blobs")).filter { $0.hasSuffix(".incomplete") }
        return CachedRepository(
            reference: reference, folder: cache.folder, revisions: revisions, size: blobs.values.reduce(0, +),
            partialSize: parts.reduce(0) { $0 + Self.sizeOnDisk(cache.blob($1)) }, complaints: complaints)
    }

    private func revision(
        _ commit: String, _ cache: CacheFolder, _ names: [String]
    ) throws -> (
        revision: CachedRepository.Revision, blobs: [String: Int]
    ) {
        let sizes = try cache.files(commit), files = sizes.keys.sorted(), folder = cache.snapshot(commit)
        var blobs: [String: Int] = [:], modified: Date?
        for path in files {
            let url = folder.appendingPathComponent(path)
            var status = stat()
            guard let target = CacheFolder.realPath(url.path), stat(target, &status) == 0 else { continue }
            blobs[target] = Int(status.st_size)
            #if canImport(Darwin)
                let seconds = status.st_mtimespec.tv_sec
            #else
                let seconds = status.st_mtim.tv_sec
            #endif
            modified = max(modified ?? .distantPast, Date(timeIntervalSince1970: Double(seconds)))
        }
        let (role, base) = Self.role(files, folder, cache.reference.kind)
        return (
            CachedRepository.Revision(
                commit: commit, names: names, folder: folder, files: files, size: blobs.values.reduce(0, +),
                isWhole: HubListing(at: cache.tree(commit)).map { $0.files.allSatisfy { sizes[$0.path] == $0.size } },
                role: role, base: base, modified: modified), blobs
        )
    }

    /// What files make it: by the files that are there, and by what the sidecar and the adapter's configuration say.
    private static func role(
        _ files: [String], _ folder: URL, _ kind: HubReference.Kind
    ) -> (CachedRepository.Role, base: String?) {
        if kind == .dataset { return (.dataset, nil) }
        func text(_ name: String) -> Data? {
            guard files.contains(name),
                let handle = try? FileHandle(forReadingFrom: folder.appendingPathComponent(name))
            else { return nil }
            return try? handle.read(upToCount: 1 << 20)
        }
        let settings = text("adapter_config.json").flatMap { try? JSONValue.parse($0) }
        let revision = settings?["revision"]?.string.flatMap { ["", "main"].contains($0) ? nil : $0 }
        let base = settings?["base_model_name_or_path"]?.string.map { name in
            revision.map { "\(name)@\($0)" } ?? name
        }
        let isAdapter = files.contains("adapter_config.json")
        let sidecar = text("nla_meta.yaml").map { String(decoding: $0, as: UTF8.self) }
        // The one line that matters; the sidecar's own reader needs YAML.
        let said = sidecar?.firstMatch(of: /(?m)^\s*role:\s*["']?(\w+)/).map { String($0.1) }
        if files.contains("value_head.safetensors") || said == "ar" || said == "critic" || said == "reconstructor" {
            return (.reconstructor, base)
        }
        if files.contains(where: { $0.hasPrefix("av/") }), files.contains(where: { $0.hasPrefix("ar/") }) {
            return (.pair, base)
        }
        if sidecar != nil { return (.verbalizer, base) }
        if isAdapter { return (.adapter, base) }
        if files.contains("config.json"), files.contains(where: { $0.hasSuffix(".safetensors") }) {
            return (.target, nil)
        }
        if files.contains(where: { $0.lowercased().hasSuffix(".gguf") }) { return (.target, nil) }
        return (files.contains("tokenizer.json") ? .tokenizer : .other, nil)
    }

    /// Commits by branch or tag.
    private func refs(_ cache: CacheFolder) -> [String: String] {
        let top = cache.folder.appendingPathComponent("refs")
        var refs: [String: String] = [:]
        func walk(_ folder: URL, _ prefix: String) {
            for name in Self.names(folder) {
                let url = folder.appendingPathComponent(name)
                switch CacheFolder.kind(url.path) {
                case S_IFDIR where prefix.utf8.count < 250: walk(url, prefix + name + "/")
                case S_IFREG where !name.hasSuffix(".tmp") && !name.hasSuffix(".partial"):
                    if let commit = FileManager.default.contents(atPath: url.path).map({
                        String(decoding: $0.prefix(200), as: UTF8.self)
                    }) {
                        refs[prefix + name] = commit.trimmingCharacters(in: .whitespacesAndNewlines)
                    }
                default: break
                }
            }
        }
        walk(top, "")
        return refs
    }

    private static func names(_ folder: URL) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).filter { $0 != ".DS_Store" }
            .sorted()
    }

    /// Bytes that a file takes on the disk: parts have holes.
    private static func sizeOnDisk(_ url: URL) -> Int {
        var status = stat()
        return lstat(url.path, &status) == 0 ? Int(status.st_blocks) * 512 : 0
    }

    // MARK: Removing

    /// Removes a repository from the cache, or one revision of it, with the blobs that only that has.
    ///
    /// - Returns: bytes that are free now.
    /// - Throws: ``HubError``: `missing` where there is no such thing, `busy` where a process is fetching it.
    @discardableResult
    public func remove(_ reference: HubReference) throws -> Int {
        let cache = CacheFolder(settings.cache, reference)
        guard reference.path == nil else {
            throw HubError(.name, "\(reference): a repository or a revision can be removed, not a file alone")
        }
        guard CacheFolder.kind(cache.folder.path) == S_IFDIR else {
            throw HubError(.missing, "\(reference.repository): not in the cache at \(settings.cache.path)")
        }
        let locks = try takeLocks(cache)
        defer { withExtendedLifetime(locks) {} }
        guard let revision = reference.revision else { return try removeAll(cache) }
        let refs = refs(cache)
        let commits = Self.names(cache.folder.appendingPathComponent("snapshots"))
        let short =
            revision.utf8.count >= 7 && HubListing.isHash(revision) ? commits.filter { $0.hasPrefix(revision) } : []
        guard let commit = refs[revision] ?? (commits.contains(revision) ? revision : short.count == 1 ? short[0] : nil)
        else {
            throw HubError(
                .missing, "\(reference): the cache holds no such revision; nla models shows those that it holds")
        }
        let others = commits.filter { $0 != commit }
        guard !others.isEmpty else { return try removeAll(cache) }
        // Names first: what is interrupted leaves bytes without a name, never a name without bytes.
        for (name, target) in refs where target == commit { unlink(cache.ref(name).path) }
        let own = Self.blobs(cache, commit)
        try Self.removeTree(cache.snapshot(commit))
        try Self.removeTree(cache.tree(commit))
        try Self.removeTree(cache.folder.appendingPathComponent(".no_exist/\(commit)"))
        let kept = Set(others.flatMap { Self.blobs(cache, $0) })
        var freed = 0
        for blob in own where !kept.contains(blob) {
            freed += Self.sizeOnDisk(cache.blob(blob))
            try Self.removeTree(cache.blob(blob))
        }
        return freed
    }

    private func removeAll(_ cache: CacheFolder) throws -> Int {
        let blobs = Self.names(cache.folder.appendingPathComponent("blobs"))
        let freed = blobs.reduce(0) { $0 + Self.sizeOnDisk(cache.blob($1)) }
        for part in ["refs", "snapshots", "trees", ".no_exist", "blobs"] {
            try Self.removeTree(cache.folder.appendingPathComponent(part))
        }
        try Self.removeTree(cache.folder)
        return freed
    }

    /// Everybody who fetches something of it, for as long as the result lives.
    private func takeLocks(_ cache: CacheFolder) throws -> [CacheLock] {
        let folder = settings.cache.appendingPathComponent(".locks/\(cache.reference.folderName)")
        return try Self.names(folder).filter { $0.hasSuffix(".lock") }.map { name in
            guard let lock = try CacheLock.attempt(folder.appendingPathComponent(name)) else {
                throw HubError(
                    .busy, "\(cache.reference.repository): another process is fetching it; nothing was removed")
            }
            return lock
        }
    }

    /// Names of the blobs that a snapshot's links lead to.
    private static func blobs(_ cache: CacheFolder, _ commit: String) -> Set<String> {
        var blobs: Set<String> = []
        func walk(_ folder: URL, _ depth: Int) {
            for name in names(folder) {
                let url = folder.appendingPathComponent(name)
                switch CacheFolder.kind(url.path) {
                case S_IFDIR where depth < 100: walk(url, depth + 1)
                case S_IFLNK:
                    let target = (try? FileManager.default.destinationOfSymbolicLink(atPath: url.path)) ?? ""
                    let parts = target.split(separator: "/")
                    if parts.count >= 2, parts[parts.count - 2] == "blobs" {
                        blobs.insert(String(parts[parts.count - 1]))
                    }
                default: break
                }
            }
        }
        walk(cache.snapshot(commit), 0)
        return blobs
    }

    private static func removeTree(_ url: URL) throws {
        guard CacheFolder.isThere(url.path) else { return }
        do { try FileManager.default.removeItem(at: url) } catch {
            throw HubError(.disk, "\(url.path): cannot be removed: \(error.localizedDescription)")
        }
    }
}
