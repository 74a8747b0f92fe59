import Digests
import Foundation
import JSON

/// A repository of a scripted hub.
public struct Repository: Sendable {
    /// The bytes of a file.
    public enum Content: Sendable {
        /// In memory.
        case bytes([UInt8], sha256: String)
        /// On disk.
        case file(URL, size: Int, sha256: String)

        var count: Int {
            switch self {
            case .bytes(let bytes, _): bytes.count
            case .file(_, let size, _): size
            }
        }
        var sha256: String {
            switch self {
            case .bytes(_, let sha256), .file(_, _, let sha256): sha256
            }
        }
    }

    /// A file.
    public struct File: Sendable {
        /// The path.
        public let path: String
        /// The bytes.
        public let content: Content
        /// Whether it lies on the storage host.
        public let isLarge: Bool
        /// Git's hash of it, or of the pointer to it.
        public let blob: String

        /// A file of these bytes.
        public init(_ path: String, _ bytes: [UInt8], isLarge: Bool = false) {
            self.path = path
            self.isLarge = isLarge
            let sha256 = Digest.of(bytes).hexadecimal
            content = .bytes(bytes, sha256: sha256)
            blob = isLarge ? Self.pointer(sha256, bytes.count) : Self.git(bytes)
        }

        /// A small file of text.
        public init(_ path: String, _ text: String) { self.init(path, Array(text.utf8)) }

        /// A file on disk, on the storage host.
        public init(_ path: String, at url: URL) throws {
            self.path = path
            isLarge = true
            let handle = try FileHandle(forReadingFrom: url)
            var hash = Digest(.sha256), size = 0
            while let data = try handle.read(upToCount: 1 << 22), !data.isEmpty {
                hash.update(data)
                size += data.count
            }
            let sha256 = hash.finalize().hexadecimal
            content = .file(url, size: size, sha256: sha256)
            blob = Self.pointer(sha256, size)
        }

        /// The entity tag.
        public var tag: String { isLarge ? content.sha256 : blob }

        private static func git(_ bytes: [UInt8]) -> String {
            var hash = Digest(.sha1)
            hash.update("blob \(bytes.count)\0".utf8)
            hash.update(bytes)
            return hash.finalize().hexadecimal
        }

        private static func pointer(_ sha256: String, _ size: Int) -> String {
            git(Array("version https://git-lfs.github.com/spec/v1\noid sha256:\(sha256)\nsize \(size)\n".utf8))
        }
    }

    /// `models` or `datasets`.
    public var kind = "models"
    /// `org/name`.
    public var id: String
    /// Files by commit.
    public var commits: [String: [File]]
    /// Commits by branch and tag; `main` among them.
    public var refs: [String: String]
    /// Whether terms have to be accepted first.
    public var isGated = false
    /// Whether only the token's owner may know of it.
    public var isPrivate = false
    /// The name that it had before; requests for that are redirected.
    public var formerID: String?

    /// A repository with one commit, which `main` is.
    public init(_ id: String, kind: String = "models", _ files: [File], commit: String = Repository.commit(1)) {
        self.id = id
        self.kind = kind
        commits = [commit: files]
        refs = ["main": commit]
    }

    /// A commit's hash for tests.
    public static func commit(_ number: Int) -> String {
        Digest.of("commit \(number)".utf8, .sha1).hexadecimal
    }

    /// Bytes that follow from a number.
    public static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        return (0..<count).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(truncatingIfNeeded: state >> 32)
        }
    }
}
extension ScriptedHub {
    /// What the hub answers when nothing goes wrong.
    func hubAnswer(_ request: Request) -> Answer {
        let pieces = request.uri.split(separator: "?", maxSplits: 1)
        let query = pieces.count > 1 ? String(pieces[1]) : ""
        var parts = pieces[0].split(separator: "/").map { $0.removingPercentEncoding ?? String($0) }
        let isInterface = parts.first == "api"
        if isInterface { parts.removeFirst() }
        var kind = "models"
        if let first = parts.first, ["models", "datasets"].contains(first) {
            kind = first
            parts.removeFirst()
        }
        guard parts.count >= 2 else { return error(404, "RepoNotFound", "Repository not found") }
        let id = parts[0] + "/" + parts[1], rest = Array(parts.dropFirst(2))
        let (all, token, pageSize) = withState { ($0.repositories, $0.token, $0.pageSize) }
        if let moved = all.first(where: { $0.kind == kind && $0.formerID == id }) {
            return Answer(
                status: 307, headers: [("location", request.uri.replacingOccurrences(of: id, with: moved.id))])
        }
        let given = request.header("authorization")?.replacingOccurrences(of: "Bearer ", with: "")
        if let given, let token, given != token {
            return Answer(
                status: 401, headers: [("x-error-message", "Invalid credentials in Authorization header")],
                text: "{\"error\":\"Invalid credentials in Authorization header\"}")
        }
        let isOwner = token != nil && given == token
        guard let repository = all.first(where: { $0.kind == kind && $0.id == id }), !repository.isPrivate || isOwner
        else {
            // Who is not known does not learn whether it exists.
            return given == nil
                ? error(401, "RepoNotFound", "Invalid username or password.")
                : error(404, "RepoNotFound", "Repository not found")
        }
        if isInterface { return interfaceAnswer(repository, rest, query, request, pageSize) }
        guard rest.count >= 3, rest[0] == "resolve" else { return error(404, nil, "no such page") }
        guard let commit = repository.refs[rest[1]] ?? (repository.commits[rest[1]] != nil ? rest[1] : nil) else {
            return error(404, "RevisionNotFound", "Invalid rev id: \(rest[1])")
        }
        if repository.isGated, !isOwner {
            return error(
                given == nil ? 401 : 403, "GatedRepo", "Access to model \(id) is restricted.",
                [("x-repo-commit", commit)])
        }
        let path = rest.dropFirst(2).joined(separator: "/")
        guard let file = repository.commits[commit]?.first(where: { $0.path == path }) else {
            return error(404, "EntryNotFound", "Entry not found", [("x-repo-commit", commit)])
        }
        var headers = [("x-repo-commit", commit), ("accept-ranges", "bytes")]
        guard file.isLarge else {
            headers.append(("etag", "\"\(file.tag)\""))
            return Answer(headers: headers, content: file.content)
        }
        headers += [
            ("x-linked-etag", "\"\(file.tag)\""), ("x-linked-size", "\(file.content.count)"),
            ("etag", "\"pointer-\(file.blob)\""),
            ("location", "\(storage)/\(kind)/\(file.path.split(separator: "/").last ?? "")/\(file.tag)?signature=good"),
        ]
        return Answer(status: 302, headers: headers, text: "Found")
    }

    private func interfaceAnswer(
        _ repository: Repository, _ rest: [String], _ query: String, _ request: Request, _ pageSize: Int
    ) -> Answer {
        func json(_ value: JSONValue, _ headers: [(String, String)] = []) -> Answer {
            Answer(headers: headers + [("content-type", "application/json")], text: value.serialized())
        }
        if rest.first == "refs" {
            let branches = repository.refs.sorted { $0.key < $1.key }.map { ref in
                ["name": .string(ref.key), "ref": .string("refs/heads/\(ref.key)"), "targetCommit": .string(ref.value)]
                    as JSONValue
            }
            return json(["branches": .array(branches), "tags": [], "converts": []])
        }
        let revision = rest.count >= 2 ? rest[1] : "main"
        guard let commit = repository.refs[revision] ?? (repository.commits[revision] != nil ? revision : nil),
            let files = repository.commits[commit]
        else { return error(404, "RevisionNotFound", "Invalid rev id: \(revision)") }
        guard rest.first == "tree" else {
            return json([
                "_id": "1", "id": .string(repository.id), "modelId": .string(repository.id), "sha": .string(commit),
                "private": .bool(repository.isPrivate), "gated": repository.isGated ? "auto" : false, "disabled": false,
                "tags": [], "downloads": 0, "likes": 0, "lastModified": "2026-01-01T00:00:00.000Z",
                "createdAt": "2026-01-01T00:00:00.000Z",
                "siblings": .array(files.map { ["rfilename": .string($0.path)] }),
            ])
        }
        var entries: [JSONValue] = [], folders: Set<String> = []
        for file in files.sorted(by: { $0.path < $1.path }) {
            var folder = ""
            for part in file.path.split(separator: "/").dropLast() {
                folder += (folder.isEmpty ? "" : "/") + part
                if folders.insert(folder).inserted {
                    entries.append(["type": "directory", "oid": .string(file.blob), "size": 0, "path": .string(folder)])
                }
            }
            var entry = JSONObject([
                ("type", "file"), ("oid", .string(file.blob)), ("size", .integer(file.content.count)),
                ("path", .string(file.path)),
            ])
            if file.isLarge {
                entry["lfs"] = ["oid": .string(file.tag), "size": .integer(file.content.count), "pointerSize": 134]
            }
            entries.append(.object(entry))
        }
        let start = query.firstMatch(of: /cursor=(\d+)/).flatMap { Int($0.1) } ?? 0
        let end = min(entries.count, start + pageSize)
        let path = request.uri.split(separator: "?")[0]
        let more =
            end < entries.count ? [("link", "<\(endpoint)\(path)?recursive=true&cursor=\(end)>; rel=\"next\"")] : []
        return json(.array(Array(entries[min(start, end)..<end])), more)
    }

    private func error(_ status: Int, _ code: String?, _ message: String, _ headers: [(String, String)] = []) -> Answer
    {
        Answer(
            status: status,
            headers: headers + (code.map { [("x-error-code", $0)] } ?? []) + [("x-error-message", message)],
            text: (["error": .string(message)] as JSONValue).serialized())
    }
}
