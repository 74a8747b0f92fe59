import JSON

/// Why something could not be had from the hub or its cache, in one line. Tokens are never part of it.
public struct HubError: Error, CustomStringConvertible, Sendable {
    /// What went wrong.
    public enum Kind: Sendable, Equatable {
        /// No such thing can have this name.
        case name
        /// A variable of the environment says nothing usable.
        case settings
        /// It is not in the cache, and the hub may not be asked.
        case offline
        /// No repository, revision or file of this name.
        case missing
        /// The hub knows who may have it, and this is somebody else: 401, 403.
        case refused
        /// The hub could not be reached, or did not answer as it should, for longer than is worth waiting.
        case unreachable
        /// What came is not what was announced: another length, another hash, a link that leads elsewhere.
        case damaged
        /// The disk is full, or cannot be written.
        case disk
        /// Somebody else holds it.
        case busy
        /// The person said no.
        case declined
    }

    /// What went wrong.
    public let kind: Kind
    /// The line.
    public let description: String

    init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description.onOneLine.abridged
    }
}
