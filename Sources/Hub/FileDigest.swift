import Digests

/// The hash by which the hub knows a file: SHA-256 of a large one, git's SHA-1 of a blob of others.
enum FileDigest {
    /// What a file is to come to.
    enum Expected: Equatable {
        case sha256(String)
        case git(String)

        /// What an entity tag says; nil for one that is no hash, as some mirrors give them.
        init?(_ tag: String) {
            guard HubListing.isHash(tag) else { return nil }
            switch tag.utf8.count {
            case 64: self = .sha256(tag)
            case 40: self = .git(tag)
            default: return nil
            }
        }

        var name: String {
            switch self {
            case .sha256: "SHA-256"
            case .git: "git hash"
            }
        }

        var value: String {
            switch self {
            case .sha256(let value), .git(let value): value
            }
        }
    }

    /// A hash in the making.
    struct Running {
        private var hash: Digest

        init(_ expected: Expected, size: Int) {
            switch expected {
            case .sha256: hash = Digest(.sha256)
            case .git:
                hash = Digest(.sha1)
                hash.update("blob \(size)\0".utf8)
            }
        }

        mutating func update(_ bytes: UnsafeRawBufferPointer) { hash.update(bytes) }

        func value() -> String { hash.finalize().hexadecimal }
    }
}
