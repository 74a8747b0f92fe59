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
    public var patience = HubPatience()
    /// Where time comes from.
    public var clock = HubClock.machine
    /// Free bytes of the disk that a folder lies on; nil where that cannot be told.
    public var freeSpace: @Sendable (URL) -> Int? = HubSettings.freeSpace

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
        guard let origin = HubOrigin(text), URLComponents(string: text)?.query == nil,
            URLComponents(string: text)?.user == nil
        else {
            throw HubError(.settings, "HF_ENDPOINT=\(text): no address; it begins with https:// or http:// and a host")
        }
        _ = origin
        return text
    }

    private static let freeSpace: @Sendable (URL) -> Int? = { folder in
        var url = folder
        while true {
            var status = statvfs()
            if statvfs(url.path, &status) == 0 {
                return Int(clamping: UInt64(status.f_bavail) &* UInt64(status.f_frsize))
            }
            let parent = url.deletingLastPathComponent()
            if parent.path == url.path { return nil }
            url = parent
        }
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

/// The folders of huggingface_hub's `constants.py`. A variable that is set to nothing counts as set. `~`, `~name`, `$NAME` and
/// `${NAME}` are expanded.
struct HubPaths {
    let cache: String, tokenFile: String

    init(_ environment: [String: String]) {
        func expanded(_ path: String) -> String {
            Self.expandingVariables(Self.expandingHome(path, environment), environment)
        }
        func join(_ folder: String, _ name: String) -> String {
            folder.isEmpty || folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
        }
        let base = environment["XDG_CACHE_HOME"] ?? join(Self.expandingHome("~", environment), ".cache")
        let home = expanded(environment["HF_HOME"] ?? join(base, "huggingface"))
        cache = expanded(environment["HF_HUB_CACHE"] ?? environment["HUGGINGFACE_HUB_CACHE"] ?? join(home, "hub"))
        tokenFile = expanded(environment["HF_TOKEN_PATH"] ?? join(home, "token"))
    }

    /// What Python's `os.path.expanduser` does: a leading `~` or `~name` becomes a home folder, if there is one.
    private static func expandingHome(_ path: String, _ environment: [String: String]) -> String {
        guard path.hasPrefix("~") else { return path }
        let user = path.dropFirst().prefix { $0 != "/" }
        let found: String?
        if user.isEmpty {
            found = environment["HOME"] ?? home(getpwuid(getuid()))
        } else {
            found = home(getpwnam(String(user)))
        }
        guard var folder = found else { return path }
        while folder.hasSuffix("/") { folder.removeLast() }
        let rest = path.dropFirst(1 + user.count)
        return folder.isEmpty && rest.isEmpty ? "/" : folder + rest
    }

    private static func home(_ entry: UnsafeMutablePointer<passwd>?) -> String? {
        entry?.pointee.pw_dir.map { String(cString: $0) }
    }

    /// What Python's `os.path.expandvars` does: variables that are not set stay as they stand.
    private static func expandingVariables(_ path: String, _ environment: [String: String]) -> String {
        var output = "", rest = Substring(path)
        while let dollar = rest.firstIndex(of: "$") {
            output += rest[..<dollar]
            let after = rest[rest.index(after: dollar)...]
            var name = Substring(), end = after.startIndex
            if after.first == "{" {
                if let close = after.firstIndex(of: "}") {
                    name = after[after.index(after: after.startIndex)..<close]
                    end = after.index(after: close)
                }
            } else {
                name = after.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
                end = name.endIndex
            }
            if let value = environment[String(name)], !name.isEmpty {
                output += value
            } else {
                output += rest[dollar..<end]
            }
            rest = rest[end...]
        }
        return output + rest
    }
}

/// An access token that does not show itself when it is printed.
struct HubToken: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    let value: String
    /// Where it comes from, for messages.
    let source: String

    /// The token of `HF_TOKEN`, else of `HUGGING_FACE_HUB_TOKEN`, else of the token file. Nil where there is none, and where
    /// `HF_HUB_DISABLE_IMPLICIT_TOKEN` says that none is to be sent unasked.
    init?(_ environment: [String: String], file: String) throws {
        func clean(_ text: String?) -> String? {
            text?.trimmingCharacters(in: .whitespacesAndNewlines).replacingOccurrences(of: "\r", with: "")
                .replacingOccurrences(of: "\n", with: "")
        }
        if let value = clean(environment["HF_TOKEN"]).nonEmpty {
            (self.value, source) = (value, "HF_TOKEN")
        } else if let value = clean(environment["HUGGING_FACE_HUB_TOKEN"]).nonEmpty {
            (self.value, source) = (value, "HUGGING_FACE_HUB_TOKEN")
        } else if let data = FileManager.default.contents(atPath: file),
            let value = clean(String(decoding: data.prefix(4096), as: UTF8.self)).nonEmpty
        {
            (self.value, source) = (value, file)
        } else {
            return nil
        }
        if ["1", "ON", "YES", "TRUE"].contains(environment["HF_HUB_DISABLE_IMPLICIT_TOKEN"]?.uppercased() ?? "") {
            return nil
        }
        guard value.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw HubError(.settings, "\(source) holds characters that no token has; set it again")
        }
    }

    var description: String { "(token)" }
    var debugDescription: String { description }
    var customMirror: Mirror { Mirror(self, children: []) }
}

/// `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, in small letters or large.
package struct HubProxies: Sendable {
    /// One proxy.
    package struct Proxy: Sendable, Hashable {
        package let host: String, port: Int
        let isSOCKS: Bool
        let user: String?, password: String?
    }
    private var byScheme: [String: Proxy] = [:]
    private var exceptions: [String] = []

    package init(_ environment: [String: String]) throws {
        func variable(_ name: String) -> (name: String, value: String)? {
            for name in [name.lowercased(), name] {
                if let value = environment[name].nonEmpty { return (name, value) }
            }
            return nil
        }
        for scheme in ["http", "https"] {
            guard let found = variable(scheme.uppercased() + "_PROXY") ?? variable("ALL_PROXY") else { continue }
            byScheme[scheme] = try Self.proxy(found.value, found.name)
        }
        exceptions = (variable("NO_PROXY")?.value ?? "").split { $0 == "," || $0 == " " }.map { $0.lowercased() }
    }

    private static func proxy(_ text: String, _ name: String) throws -> Proxy {
        let whole = text.contains("://") ? text : "http://" + text
        guard let parts = URLComponents(string: whole), let host = parts.host, !host.isEmpty else {
            throw HubError(.settings, "\(name): no address of a proxy; it is http://host:port")
        }
        let scheme = parts.scheme?.lowercased() ?? ""
        let isSOCKS = scheme.hasPrefix("socks")
        guard isSOCKS || scheme == "http" else {
            throw HubError(.settings, "\(name): proxies are reached by http:// or socks5://, not by \(scheme)://")
        }
        return Proxy(
            host: host, port: parts.port ?? (isSOCKS ? 1080 : 80), isSOCKS: isSOCKS, user: parts.user,
            password: parts.password)
    }

    /// The proxy for an address, if it is to be reached through one.
    package func proxy(for origin: HubOrigin) -> Proxy? {
        guard let proxy = byScheme[origin.scheme] else { return nil }
        let isExcepted = exceptions.contains { entry in
            if entry == "*" { return true }
            var name = entry.hasPrefix("*.") ? entry.dropFirst(2)[...] : entry[...]
            if name.first == "." { name = name.dropFirst() }
            if let colon = name.lastIndex(of: ":"), let port = Int(name[name.index(after: colon)...]) {
                guard port == origin.port else { return false }
                name = name[..<colon]
            }
            return origin.host == name || origin.host.hasSuffix("." + name)
        }
        return isExcepted ? nil : proxy
    }
}
