import Foundation
import JSON

/// Where a model is, and how patiently to ask it.
public struct RemoteModelSettings: Sendable {
    /// How the server takes questions.
    public let wire: RemoteProtocol
    /// The model's name for the server.
    public let model: String
    /// The full address of the questions.
    public let address: String
    /// The key, if one is sent.
    let key: RemoteKey?
    /// What to do about a refused key.
    let keyAdvice: String
    /// Whether the server is the service that the protocol comes from.
    let isOriginal: Bool

    /// Most questions in flight at once; fewer while the server says that it is overloaded.
    public var concurrency = 8
    /// Longest time to connect.
    public var connectTimeout: Duration = .seconds(10)
    /// Longest time for one attempt, from connecting to the answer's last byte.
    public var requestTimeout: Duration = .seconds(120)
    /// Bytes beyond which an answer is not read.
    public var longestAnswer = 4 << 20
    /// When to ask again.
    public var retries = Backoff()
    /// How many attempts for one question may end in an answer that is of no use.
    public var maxBadAnswers = 2

    /// Settings for a model on the protocol's own service or, with `baseURL`, on another server.
    ///
    /// The key comes from the environment: from `keyVariable`, or from the protocol's usual variable. The usual one is sent only to
    /// the service it is for and to this machine; for any other server the variable must be named.
    ///
    /// - Throws: ``RemoteModelError`` for an address that is none, and for a missing key.
    public init(
        _ wire: RemoteProtocol, model: String, baseURL: String? = nil, keyVariable: String? = nil,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws {
        guard !model.isEmpty else { throw RemoteModelError.settings("the model's name is empty") }
        let (base, host) = try Self.checked(baseURL ?? wire.defaultBaseURL)
        let originalHost = URLComponents(string: wire.defaultBaseURL)?.host
        let isOriginal = host == originalHost && base.scheme == "https"
        self.wire = wire
        self.model = model
        self.isOriginal = isOriginal
        var address = base
        address.percentEncodedPath = wire.path(below: base.percentEncodedPath)
        self.address = address.string ?? ""
        let variable = keyVariable ?? wire.defaultKeyVariable
        let isLocal = ["localhost", "127.0.0.1", "::1", "[::1]"].contains(host)
        if keyVariable != nil || isOriginal || isLocal {
            key = try environment[variable].flatMap { try RemoteKey($0, variable: variable) }
            keyAdvice = key == nil ? "set the key in \(variable)" : "check the key in \(variable)"
            if key == nil, keyVariable != nil || isOriginal {
                throw RemoteModelError.settings("\(variable) is not set in the environment; put the API key there")
            }
        } else {
            key = nil
            keyAdvice = "no key was sent; name the environment variable that holds it"
        }
    }

    private static func checked(_ text: String) throws -> (URLComponents, host: String) {
        guard let parts = URLComponents(string: text), let host = parts.host?.lowercased(), !host.isEmpty,
            parts.scheme == "https" || parts.scheme == "http"
        else {
            throw RemoteModelError.settings("\(text): no address; it must begin with https:// or http:// and a host")
        }
        guard parts.user == nil, parts.password == nil, parts.query == nil, parts.fragment == nil else {
            throw RemoteModelError.settings("the base address must be scheme, host, port and path only")
        }
        return (parts, host)
    }
}

/// An API key that does not show itself when it is printed.
struct RemoteKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    let value: String

    /// Nil for an empty key, which counts as none.
    init?(_ text: String, variable: String) throws {
        value = text.trimmingCharacters(in: .whitespacesAndNewlines)
        if value.isEmpty { return nil }
        guard value.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw RemoteModelError.settings("\(variable) holds characters that no API key has; set it again")
        }
    }

    var description: String { "(key)" }
    var debugDescription: String { description }
    var customMirror: Mirror { Mirror(self, children: []) }
}
