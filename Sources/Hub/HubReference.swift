import Foundation
import JSON

/// A repository on the hub, or something in it: `org/name`, `org/name@revision`, `org/name:file`, `datasets/org/name`,
/// `hf://org/name@revision/path`, `hf://datasets/org/name/path`.
public struct HubReference: Sendable, Hashable {
    /// What a repository holds. The hub keeps names of models and of data sets apart.
    public enum Kind: String, Sendable, CaseIterable {
        /// A model, adapter or half of a pair.
        case model
        /// A data set.
        case dataset

        /// The folder prefix in the cache, and the word in addresses of the hub's interface.
        package var plural: String { rawValue + "s" }
        /// The kind for a person.
        var words: String { self == .model ? "model" : "data set" }
    }

    /// What the repository holds.
    public var kind: Kind
    /// `org/name`, or `name` alone for the few repositories that have no owner.
    public var id: String
    /// A branch, tag, commit or `refs/pr/N`; nil for `main`.
    public var revision: String?
    /// A file or folder inside the repository; nil for all of it.
    public var path: String?

    /// A repository by its parts, unchecked: for names that come from the hub or the cache.
    package init(kind: Kind, id: String, revision: String? = nil, path: String? = nil) {
        self.kind = kind
        self.id = id
        self.revision = revision
        self.path = path
    }

    /// Reads a name of a repository.
    ///
    /// - Parameters:
    ///   - text: `org/name`, with `@revision` if it is not `main`, and `:file` for one file; `datasets/org/name`; or `hf://` and the
    ///     same, with a path.
    ///   - kind: what a name without `models/` or `datasets/` before it means.
    /// - Throws: ``HubError`` of kind `name`.
    public init(_ text: String, expecting kind: Kind = .model) throws {
        func fail(_ why: String) -> HubError { HubError(.name, "\(text.isEmpty ? "the empty name" : text): \(why)") }
        let isAddress = text.hasPrefix("hf://")
        if !isAddress, let scheme = text.range(of: "://") {
            throw fail("\(text[..<scheme.lowerBound]) addresses are not read; write org/name or hf://org/name")
        }
        var rest = isAddress ? Substring(text.dropFirst(5)) : Substring(text)
        var path: Substring?
        if !isAddress, let colon = rest.firstIndex(of: ":") {
            path = rest[rest.index(after: colon)...]
            rest = rest[..<colon]
            if path?.isEmpty == true { throw fail("no file stands after :") }
        }
        var parts = rest.split(separator: "/", omittingEmptySubsequences: false)
        self.kind = kind
        switch parts.first {
        case "datasets": self.kind = .dataset
        case "models": self.kind = .model
        case "spaces", "kernels", "buckets": throw fail("\(parts[0]) hold no models or data sets")
        default: parts.insert("", at: 0)
        }
        parts.removeFirst()
        guard parts.count >= 2 else { throw fail("a name on the hub has two parts, org/name") }
        rest = parts.joined(separator: "/")[...]
        let id = rest.prefix { $0 != "@" }
        if id.endIndex < rest.endIndex {
            // org/name@revision/path: a revision with slashes is written %2F where a path may follow, but for the known refs.
            let after = rest[rest.index(after: id.endIndex)...]
            var revision = after
            if isAddress {
                let special = after.firstMatch(of: /^refs\/(?:pr\/\d+|convert\/[\w.\-]+)/)
                revision = special.map { after[$0.range] } ?? after.prefix { $0 != "/" }
                if revision.endIndex < after.endIndex {
                    guard after[revision.endIndex] == "/" else { throw fail("not a revision: \(after)") }
                    path = after[after.index(after: revision.endIndex)...]
                }
            }
            let decoded = String(revision).removingPercentEncoding ?? String(revision)
            guard Self.isRevision(decoded) else {
                throw fail(
                    decoded.isEmpty
                        ? "no revision stands after @" : "no branch, tag or commit can be called “\(decoded)”")
            }
            self.revision = decoded
            self.id = String(id)
        } else {
            let pieces = id.split(separator: "/", omittingEmptySubsequences: false)
            self.id = pieces.prefix(2).joined(separator: "/")
            if pieces.count > 2 {
                guard isAddress else { throw fail("no such folder; a file on the hub is written hf://\(rest)") }
                path = pieces.dropFirst(2).joined(separator: "/")[...]
            }
        }
        guard Self.isID(self.id) else {
            throw fail(
                "no repository can be called that: a name is org/name, of letters, digits, “-”, “_” and “.” in between")
        }
        while path?.last == "/" { path?.removeLast() }
        if let path, !path.isEmpty {
            guard Self.isPath(String(path)) else { throw fail("a path that leads out of the repository") }
            self.path = String(path)
        }
    }

    /// The revision that is meant.
    public var revisionOrMain: String { revision ?? "main" }

    /// Whether the revision is a commit, which never changes.
    var isCommit: Bool { Self.isCommit(revisionOrMain) }

    static func isCommit(_ text: String) -> Bool {
        text.utf8.count == 40 && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// As huggingface_hub's `validate_repo_id`, in ASCII.
    static func isID(_ id: String) -> Bool {
        let parts = id.split(separator: "/", omittingEmptySubsequences: false)
        let isGood = parts.allSatisfy { part in
            (1...96).contains(part.utf8.count)
                && part.wholeMatch(of: /[A-Za-z0-9_](?:[A-Za-z0-9_.\-]*[A-Za-z0-9_])?/) != nil
        }
        return (1...2).contains(parts.count) && isGood && !id.contains("--") && !id.contains("..")
            && !id.hasSuffix(".git")
    }

    /// As `git check-ref-format`, and as a path below `refs/`.
    static func isRevision(_ revision: String) -> Bool {
        let parts = revision.split(separator: "/", omittingEmptySubsequences: false)
        let isBad = revision.unicodeScalars.contains {
            $0.value <= 32 || $0.value == 127 || "~^:?*[\\".unicodeScalars.contains($0)
        }
        return !isBad && !revision.contains("..") && !revision.contains("@{") && revision.utf8.count <= 250
            && parts.allSatisfy { !$0.isEmpty && !$0.hasPrefix(".") && !$0.hasSuffix(".lock") && !$0.hasSuffix(".") }
    }

    /// Whether a file's path stays inside its repository, on every system.
    package static func isPath(_ path: String) -> Bool {
        path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
            !$0.isEmpty && $0 != "." && $0 != ".." && !$0.contains("\\") && !$0.contains("\0")
                && $0.utf8.count <= 255
        } && path.utf8.count <= 2000
    }
}

extension HubReference: CustomStringConvertible {
    /// As it would be typed, without `hf://` where there is no path.
    public var description: String {
        let repository = (kind == .dataset ? "datasets/" : "") + id
        guard let path else { return repository + (revision.map { "@\($0)" } ?? "") }
        let escaped = revision.map { revision in
            revision.wholeMatch(of: /refs\/(?:pr\/\d+|convert\/[\w.\-]+)/) != nil
                ? revision : revision.replacingOccurrences(of: "/", with: "%2F")
        }
        return "hf://" + repository + (escaped.map { "@\($0)" } ?? "") + "/" + path
    }

    /// The repository alone.
    package var repository: HubReference { HubReference(kind: kind, id: id) }

    /// The folder's name in the cache, as huggingface_hub's `repo_folder_name`.
    package var folderName: String { kind.plural + "--" + id.replacingOccurrences(of: "/", with: "--") }
}

/// What a person names a model, pair, adapter or data set by.
public enum HubName: Sendable, Hashable {
    /// A file or folder on this machine.
    case local(URL)
    /// Something on the hub, or in its cache.
    case hub(HubReference)

    /// Tells a path from a name on the hub: what is there as a file or folder is one.
    ///
    /// - Throws: ``HubError`` of kind `name` where it is neither.
    public init(_ text: String, expecting kind: HubReference.Kind = .model) throws {
        let isThere = !text.isEmpty && FileManager.default.fileExists(atPath: text)
        if isThere {
            self = .local(URL(fileURLWithPath: text))
        } else if text.isEmpty || text.hasPrefix("/") || text.hasPrefix("./") || text.hasPrefix("../")
            || text.hasPrefix("~")
            || !text.contains("/")
        {
            throw HubError(.name, "\(text.isEmpty ? "the empty name" : text): no such folder")
        } else {
            self = .hub(try HubReference(text, expecting: kind))
        }
    }
}
