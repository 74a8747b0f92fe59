import Foundation

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
