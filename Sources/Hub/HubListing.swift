import Foundation
import HTTP
import JSON

/// One file of a revision, as the hub lists it.
public struct HubFile: Sendable, Hashable {
    /// The path inside the repository.
    public let path: String
    /// Bytes.
    public let size: Int
    /// Git's hash of the blob, of the pointer where the file is large.
    let blob: String
    /// SHA-256 of a large file.
    let sha256: String?
    /// The hash by which a newer storage finds it; kept for other programs that read the list.
    let xet: String?

    /// The name in `blobs/`, which is the hub's entity tag.
    var blobName: String { sha256 ?? blob }
}

/// The files of one commit. It never changes, so that it is kept as `trees/COMMIT.json`, as huggingface_hub keeps it.
struct HubListing: Sendable {
    let files: [HubFile]

    /// The list from the cache, if it is there and whole.
    init?(at url: URL) {
        guard let data = FileManager.default.contents(atPath: url.path), let json = try? JSONValue.parse(data),
            json["format_version"]?.int == 1, let entries = json["files"]?.object
        else { return nil }
        var files: [HubFile] = []
        for (path, entry) in entries {
            guard let size = entry["size"]?.int, size >= 0, let blob = entry["blob_id"]?.string else { return nil }
            let file = HubFile(
                path: path, size: entry["lfs_size"]?.int ?? size, blob: blob, sha256: entry["lfs_sha256"]?.string,
                xet: entry["xet_hash"]?.string)
            guard Self.isSafe(file) else { return nil }
            files.append(file)
        }
        self.files = files
    }

    /// Keeps the list. What cannot be written is fetched again another time.
    func keep(at url: URL) {
        var entries = JSONObject()
        for file in files.sorted(by: { $0.path.unicodeScalars.lexicographicallyPrecedes($1.path.unicodeScalars) }) {
            var entry = JSONObject([("size", .integer(file.size)), ("blob_id", .string(file.blob))])
            if let sha256 = file.sha256 {
                entry["lfs_sha256"] = .string(sha256)
                entry["lfs_size"] = .integer(file.size)
            }
            if let xet = file.xet { entry["xet_hash"] = .string(xet) }
            entries[file.path] = .object(entry)
        }
        let json: JSONValue = ["format_version": 1, "files": .object(entries)]
        try? Disk.makeFolder(url.deletingLastPathComponent())
        try? Disk.write(Data(json.serialized(JSONFormat(indent: 1, escapesNonASCII: true)).utf8), to: url)
    }

    /// Reads the pages of the hub's list.
    ///
    /// - Throws: ``HubError`` where a name would lead out of the folder, or is none.
    init(pages: [JSONValue], _ name: String) throws {
        var files: [HubFile] = []
        for entry in pages.flatMap({ $0.array ?? [] }) where entry["type"]?.string == "file" {
            guard let path = entry["path"]?.string, let size = entry["size"]?.int, let blob = entry["oid"]?.string
            else {
                throw HubError(.damaged, "\(name): the hub's list of files is not of the known form")
            }
            let lfs = entry["lfs"]
            let file = HubFile(
                path: path, size: lfs?["size"]?.int ?? size, blob: blob,
                sha256: lfs?["oid"]?.string ?? lfs?["sha256"]?.string,
                xet: entry["xetHash"]?.string)
            guard HubReference.isPath(path) else {
                throw HubError(
                    .damaged, "\(name): a file called \(path) would lie outside of its folder; nothing was fetched")
            }
            guard Self.isSafe(file) else {
                throw HubError(.damaged, "\(name): the hub's list says of \(path) what cannot be")
            }
            files.append(file)
        }
        self.files = files
    }

    private static func isSafe(_ file: HubFile) -> Bool {
        HubReference.isPath(file.path) && (0...(1 << 50)).contains(file.size) && isBlobName(file.blob)
            && file.sha256.map { $0.utf8.count == 64 && isHash($0) } ?? true
    }

    static func isHash(_ text: String) -> Bool {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// Whether a text can be the name of a blob.
    static func isBlobName(_ text: String) -> Bool {
        (1...200).contains(text.utf8.count) && !text.hasPrefix(".") && !text.hasSuffix(".incomplete")
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == 0x2D || byte == 0x2E || byte == 0x5F
            }
    }
}

/// The hub's interface: what a revision is, and which files it has.
struct HubInterface: Sendable {
    let transport: HubTransport
    let settings: HubSettings
    /// Tells that something is waited for.
    let waiting: @Sendable (String, Duration) -> Void

    /// The commit that a revision is.
    func commit(_ reference: HubReference) async throws -> String {
        let json: JSONValue
        do {
            json = try await get("\(base(reference))/revision/\(Self.escaped(reference.revisionOrMain))", reference)
                .json
        } catch let error as HubError where error.kind == .missing {
            throw await nearer(error, reference)
        }
        guard let commit = json["sha"]?.string, HubReference.isCommit(commit) else {
            throw HubError(
                .unreachable, "\(settings.endpoint): its answer names no commit of \(reference); check HF_ENDPOINT")
        }
        return commit
    }

    /// The files of a commit.
    func listing(_ reference: HubReference, commit: String) async throws -> HubListing {
        var pages: [JSONValue] = [], next: String? = "\(base(reference))/tree/\(commit)?recursive=true&expand=false"
        while let address = next {
            let (json, head, from) = try await get(address, reference)
            guard json.array != nil else {
                throw HubError(.damaged, "\(reference): the hub's list of files is not of the known form")
            }
            pages.append(json)
            next = head.header("link").flatMap(Self.nextPage).map { HubTransport.resolve($0, from: from) }
            if let next, !transport.isOnHub(next) {
                throw HubError(
                    .damaged, "\(reference): the hub's list of files goes on at another host; check HF_ENDPOINT")
            }
            guard pages.count < 10_000 else { throw HubError(.damaged, "\(reference): a list of files without end") }
        }
        return try HubListing(pages: pages, reference.description)
    }

    /// Where a file's bytes are to be had, and what the hub says of them.
    func locate(_ path: String, _ reference: HubReference, commit: String) async throws -> HubLocation {
        let address = self.address(path, reference, commit: commit)
        let (head, _, from) = try await ask("HEAD", address, reference, file: path)
        guard let said = head.header("x-repo-commit") else {
            throw HubError(
                .unreachable, "\(settings.endpoint): its answer names no commit, as a hub's would; check HF_ENDPOINT")
        }
        guard said == commit else {
            throw HubError(.damaged, "\(reference): the hub answers with commit \(said) where \(commit) was asked for")
        }
        let isRedirect = (300..<400).contains(head.status)
        var tag = head.header("x-linked-etag") ?? head.header("etag") ?? ""
        if tag.hasPrefix("W/") { tag.removeFirst(2) }
        tag = tag.trimmingCharacters(in: CharacterSet(charactersIn: "\""))
        guard HubListing.isBlobName(tag) else {
            throw HubError(
                .unreachable, "\(reference): the hub gives \(path) no entity tag, or an unusable one; check HF_ENDPOINT"
            )
        }
        let size = head.number("x-linked-size") ?? (isRedirect ? nil : head.number("content-length"))
        let target = head.header("location").map { HubTransport.resolve($0, from: from) }
        return HubLocation(address: isRedirect ? target ?? from : from, tag: tag, size: size)
    }

    /// Where the hub serves a file.
    private func address(_ path: String, _ reference: HubReference, commit: String) -> String {
        let prefix = reference.kind == .dataset ? "datasets/" : ""
        let file = path.split(separator: "/").map { Self.escaped(String($0)) }.joined(separator: "/")
        return "\(settings.endpoint)/\(prefix)\(reference.id)/resolve/\(commit)/\(file)"
    }

    private func base(_ reference: HubReference) -> String {
        "\(settings.endpoint)/api/\(reference.kind.plural)/\(reference.id)"
    }

    /// As Python's `quote(text, safe="")`.
    private static func escaped(_ text: String) -> String {
        var safe = CharacterSet(charactersIn: "-._~")
        safe.insert(charactersIn: "0"..."9")
        safe.insert(charactersIn: "A"..."Z")
        safe.insert(charactersIn: "a"..."z")
        return text.addingPercentEncoding(withAllowedCharacters: safe) ?? text
    }

    /// The address of the next page in a `Link` header.
    private static func nextPage(_ header: String) -> String? {
        header.firstMatch(of: /<([^>]*)>\s*;[^,<]*rel="?next"?/).map { String($0.1) }
    }

    private func get(
        _ address: String, _ reference: HubReference
    ) async throws -> (
        json: JSONValue, head: HubHead, address: String
    ) {
        let (head, body, from) = try await ask("GET", address, reference, file: nil)
        guard let json = try? JSONValue.parse(body) else {
            throw HubError(
                .unreachable, "\(settings.endpoint): an answer that is no JSON; check HF_ENDPOINT and the proxy")
        }
        return (json, head, from)
    }

    /// Asks until there is an answer that is one.
    private func ask(
        _ method: String, _ address: String, _ reference: HubReference, file: String?
    ) async throws -> (
        head: HubHead, body: [UInt8], address: String
    ) {
        try await Retries(settings, waiting).run { [transport, settings] in
            let answer = try await transport.ask(method, address)
            let isGood = (200..<300).contains(answer.head.status)
            // A file's redirect to its storage is the answer.
            let isPlace =
                method == "HEAD" && (300..<400).contains(answer.head.status) && answer.head.header("location") != nil
            guard isGood || isPlace else {
                throw HubAnswer.failure(answer.head, body: answer.body, about: reference, file: file, settings)
            }
            return answer
        }
    }

    /// The same error with the nearest thing that there is: a data set of that name, the branches and tags.
    private func nearer(_ error: HubError, _ reference: HubReference) async -> HubError {
        var quick = self.settings
        quick.patience.maxAttempts = 1
        let interface = HubInterface(transport: transport, settings: quick, waiting: { _, _ in })
        if error.description.contains("has no branch") {
            let refs = try? await interface.get("\(base(reference))/refs", reference).json
            let names = ["branches", "tags"].flatMap { refs?[$0]?.array ?? [] }.compactMap { $0["name"]?.string }
            let rest = names.count > 8 ? ", …" : ""
            if !names.isEmpty {
                return HubError(.missing, "\(error); there is \(names.prefix(8).joined(separator: ", "))\(rest)")
            }
            return error
        }
        var other = reference
        other.kind = reference.kind == .model ? .dataset : .model
        other.revision = nil
        guard (try? await interface.get("\(base(other))/revision/main", other)) != nil else { return error }
        let name = other.kind == .dataset ? "datasets/\(other.id)" : "models/\(other.id)"
        return HubError(.missing, "\(error); there is a \(other.kind.words) of that name: \(name)")
    }
}

/// Where a file's bytes are, and what the hub says of them.
struct HubLocation: Sendable {
    /// The hub's address, or that of a storage host.
    let address: String
    /// The entity tag without its quotation marks, which becomes the name in `blobs/`.
    let tag: String
    /// Bytes, where the hub says.
    let size: Int?
}
