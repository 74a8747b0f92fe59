import Foundation
import JSON

/// Where the hub and its cache are, and how files are fetched: from the environment variables that huggingface_hub reads.
public struct HubSettings: Sendable {
    /// The folder of the cache: `HF_HUB_CACHE`, else `hub` in `HF_HOME`, …
    public var cache: URL
    /// The hub's address without a slash at the end: `HF_ENDPOINT`.
    public var endpoint: String
    /// Whether nothing may be asked of the hub: `HF_HUB_OFFLINE`, `TRANSFORMERS_OFFLINE`.
    public var isOffline: Bool
    /// Whether progress is not to be shown: `HF_HUB_DISABLE_PROGRESS_BARS`.
    public var hidesProgress: Bool
    /// Who asks; nil for somebody unknown.
    var token: HubToken?
    /// Proxies by scheme, and the hosts that are reached without.
    var proxies: HubProxies

    /// Most connections at once, over all files.
    public var connections = 8
    /// Bytes that a connection asks for at once; a file of no more is fetched in one piece.
    public var pieceSize = 16 << 20
    /// Bytes after which a piece's progress is noted in the part.
    public var cellSize = 1 << 20
    /// Longest time to connect.
    public var connectTimeout: Duration = .seconds(10)
    /// Longest silence of a server: `HF_HUB_DOWNLOAD_TIMEOUT`, in seconds.
    public var readTimeout: Duration = .seconds(30)
    /// Whether a file gets its name only when its bytes are on the disk, so that a power failure cannot leave a name without them.
    public var isDurable = true
    /// When a request is made again.
    public var patience = Backoff(longestDelay: .seconds(30))
    /// Where time comes from.
    public var clock = HubClock.machine
    /// Free bytes of the disk that a folder lies on; nil where that cannot be told.
    public var freeSpace: @Sendable (URL) -> Int? = { Disk.freeSpace($0) }

    /// Settings from the environment.
    ///
    /// - Throws: ``HubError`` of kind `settings` where a variable says nothing usable.
    public init(environment: [String: String] = ProcessInfo.processInfo.environment) throws {
        let paths = HubPaths(environment)
        cache = URL(fileURLWithPath: paths.cache)
        endpoint = try Self.address(environment["HF_ENDPOINT"])
        isOffline = Self.isTrue(environment["HF_HUB_OFFLINE"].nonEmpty ?? environment["TRANSFORMERS_OFFLINE"])
        hidesProgress = Self.isTrue(environment["HF_HUB_DISABLE_PROGRESS_BARS"])
        token = try HubToken(environment, file: paths.tokenFile)
        proxies = try HubProxies(environment)
        if let text = environment["HF_HUB_DOWNLOAD_TIMEOUT"].nonEmpty {
            guard let seconds = Int(text), (1...86_400).contains(seconds) else {
                throw HubError(.settings, "HF_HUB_DOWNLOAD_TIMEOUT=\(text): not a number of seconds")
            }
            readTimeout = .seconds(seconds)
        }
    }

    /// The folder of the cache alone; see ``HubSettings/cache``.
    public static func cache(environment: [String: String]) -> URL {
        URL(fileURLWithPath: HubPaths(environment).cache)
    }

    private static func isTrue(_ value: String?) -> Bool {
        ["1", "ON", "YES", "TRUE"].contains(value?.uppercased() ?? "")
    }

    private static func address(_ text: String?) throws -> String {
        var text = text ?? "https://huggingface.co"
        while text.hasSuffix("/") { text.removeLast() }
        let parts = URLComponents(string: text)
        guard HubOrigin(text) != nil, parts?.query == nil, parts?.user == nil else {
            throw HubError(.settings, "HF_ENDPOINT=\(text): no address; it begins with https:// or http:// and a host")
        }
        return text
    }
}

extension Optional where Wrapped == String {
    /// Nil for the empty text too.
    var nonEmpty: String? { self?.isEmpty == false ? self : nil }
}

/// Scheme, host and port of an address.
package struct HubOrigin: Hashable {
    let scheme: String, host: String, port: Int

    package init?(_ address: String) {
        guard let parts = URLComponents(string: address), let scheme = parts.scheme?.lowercased(),
            let host = parts.host?.lowercased(), !host.isEmpty, scheme == "https" || scheme == "http"
        else { return nil }
        self.scheme = scheme
        self.host = host
        port = parts.port ?? (scheme == "https" ? 443 : 80)
    }
}
