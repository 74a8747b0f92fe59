import Foundation
import JSON

/// One repository's folder in the cache, as huggingface_hub lays it out:
///
///     models--org--name/
///         blobs/HASH                  the bytes, once, under the hub's entity tag
///         snapshots/COMMIT/a/b.json   a relative link to them
///         refs/main                   the commit that a branch or tag was
///         trees/COMMIT.json           which files the commit has
///         .no_exist/COMMIT/c.json     empty: a file that was asked for and is not in the commit
struct CacheFolder: Sendable {
    let cache: URL
    let reference: HubReference
    /// The folder.
    let folder: URL

    init(_ cache: URL, _ reference: HubReference) {
        self.cache = cache
        self.reference = reference
        folder = cache.appendingPathComponent(reference.folderName)
    }

    func blob(_ name: String) -> URL { folder.appendingPathComponent("blobs/\(name)") }
    func snapshot(_ commit: String) -> URL { folder.appendingPathComponent("snapshots/\(commit)") }
    func tree(_ commit: String) -> URL { folder.appendingPathComponent("trees/\(commit).json") }
    func ref(_ revision: String) -> URL { folder.appendingPathComponent("refs/\(revision)") }
    /// The file that is locked by whoever fetches a blob.
    func lock(_ blob: String) -> URL {
        cache.appendingPathComponent(".locks/\(reference.folderName)/\(blob).lock")
    }

    /// The commit that a revision was when it was last asked for; nil where the cache does not know it.
    func commit(_ revision: String) -> String? {
        if HubReference.isCommit(revision) { return revision }
        let text = FileManager.default.contents(atPath: ref(revision).path).map {
            String(decoding: $0.prefix(200), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        }
        // Without a reference the revision's own name is tried, as huggingface_hub does; some programs make such folders.
        let name = text ?? revision
        let isName = !name.isEmpty && !name.contains("/") && !name.hasPrefix(".")
        return isName && (text != nil || Self.isThere(snapshot(name).path)) ? name : nil
    }

    /// Remembers which commit a branch or tag is.
    func remember(_ revision: String, is commit: String) throws {
        guard revision != commit else { return }
        let url = ref(revision)
        if FileManager.default.contents(atPath: url.path) == Data(commit.utf8) { return }
        try Disk.makeFolder(url.deletingLastPathComponent())
        try Disk.write(Data(commit.utf8), to: url)
    }

    /// Remembers that a commit has no such file.
    func rememberMissing(_ path: String, in commit: String) {
        let url = folder.appendingPathComponent(".no_exist/\(commit)/\(path)")
        guard !Self.isThere(url.path) else { return }
        try? Disk.makeFolder(url.deletingLastPathComponent())
        try? Disk.write(Data(), to: url)
    }

    /// Bytes of a snapshot's files that are there, by path.
    ///
    /// - Throws: ``HubError`` of kind `damaged` where a link leads out of the cache.
    func files(_ commit: String) throws -> [String: Int] {
        var sizes: [String: Int] = [:]
        let roots = roots()
        func walk(_ folder: URL, _ prefix: String) throws {
            for name in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
            where name != ".DS_Store" {
                let url = folder.appendingPathComponent(name)
                guard let kind = Self.kind(url.path) else { continue }
                if kind == S_IFDIR {
                    guard prefix.utf8.count < 2000 else { continue }
                    try walk(url, prefix + name + "/")
                } else {
                    sizes[prefix + name] = try size(url, roots)
                }
            }
        }
        try walk(snapshot(commit), "")
        return sizes
    }

    /// Where links may lead: a cache, or a part of it, may itself be a link to another disk.
    private func roots() -> [String] {
        [cache.path, folder.path, folder.appendingPathComponent("blobs").path].compactMap(Self.realPath)
    }

    private func size(_ url: URL, _ roots: [String]) throws -> Int? {
        // A broken link counts as a file that is not there.
        var status = stat()
        guard let target = Self.realPath(url.path), stat(target, &status) == 0 else { return nil }
        guard roots.contains(where: { target.hasPrefix($0 + "/") }) else {
            throw HubError(.damaged, "\(url.path): a link that leads out of the cache, to \(target); remove it")
        }
        return status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
    }

    /// Gives a blob its name in a snapshot: a relative link.
    ///
    /// - Throws: ``HubError`` of kind `damaged` where a folder on the way is a link; `Disk.Failure`.
    func link(_ path: String, _ commit: String, to blobName: String) throws {
        let parts = path.split(separator: "/").map(String.init)
        var url = snapshot(commit)
        try Disk.makeFolder(url)
        for part in parts.dropLast() {
            url.appendPathComponent(part)
            if let kind = Self.kind(url.path) {
                guard kind == S_IFDIR else {
                    throw HubError(.damaged, "\(url.path): no folder; remove it")
                }
            } else {
                try Disk.makeFolder(url, withMissing: false)
            }
        }
        url.appendPathComponent(parts.last ?? "")
        let target = String(repeating: "../", count: parts.count + 1) + "blobs/" + blobName
        if let old = try? FileManager.default.destinationOfSymbolicLink(atPath: url.path), old == target { return }
        let temporary = url.path + ".\(getpid())-\(UInt32.random(in: 0...UInt32.max)).partial"
        guard symlink(target, temporary) == 0 else {
            throw HubError(.disk, "\(url.path): cannot make a link: \(String(cString: strerror(errno)))")
        }
        do { try Disk.rename(temporary, to: url) } catch {
            unlink(temporary)
            throw error
        }
    }

    /// The size of a blob that is there; nil where it is not.
    func size(ofBlob name: String) -> Int? {
        var status = stat()
        guard stat(blob(name).path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }

    /// Removes what is left of fetching a blob that is whole now, where nobody fetches it.
    func removeParts(of name: String) {
        let parts = [".incomplete", ".pieces.incomplete"].map { blob(name).path + $0 }.filter(Self.isThere)
        guard !parts.isEmpty, let lock = try? CacheLock.attempt(lock(name)) else { return }
        withExtendedLifetime(lock) { for part in parts { unlink(part) } }
    }

    /// Marks the cache for programs that make backups (Cache Directory Tagging Specification), as huggingface_hub does.
    func tag() {
        let url = cache.appendingPathComponent("CACHEDIR.TAG")
        guard !Self.isThere(url.path) else { return }
        let text = """
            Signature: 8a477f597d28d172789f06886806bc55
            # This file is a cache directory tag created by interlinear for the cache of huggingface_hub.
            # See https://bford.info/cachedir/

            """
        try? Disk.write(Data(text.utf8), to: url)
    }

    static func isThere(_ path: String) -> Bool { kind(path) != nil }

    /// The kind of what has a path, links not followed.
    static func kind(_ path: String) -> mode_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
    }

    static func realPath(_ path: String) -> String? {
        guard let pointer = realpath(path, nil) else { return nil }
        defer { free(pointer) }
        return String(cString: pointer)
    }
}
