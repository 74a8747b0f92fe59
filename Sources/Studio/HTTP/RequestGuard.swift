import HTTPTypes
import Hummingbird
import HummingbirdCore

/// Decides who is answered: requests that name this server, from its own pages or from programs, with the secret if there is one.
///
/// A page anywhere in the world can make its visitor's browser call `http://127.0.0.1`. It betrays itself by its `Origin`, or, if
/// its own name was made to point here, by the `Host` it calls.
struct RequestGuard: RouterMiddleware {
    typealias Context = StudioContext

    private let secret: [UInt8]?
    /// Names the server may be called by; nil for any.
    private let hosts: Set<String>?
    private let origins: Set<String>
    private let hasPage: Bool
    private static let secretName = HTTPField.Name("X-SECRET-KEY")!

    init(_ settings: StudioSettings) {
        hasPage = settings.page != nil
        secret = settings.secret.map { Array($0.utf8) }
        let named = Set(settings.allowedHosts.map { $0.lowercased() })
        // A server for other machines is called by names that it cannot know; it has a secret.
        hosts =
            settings.isLocal || !named.isEmpty
            ? named.union(StudioSettings.loopbackNames).union([settings.host.lowercased()]) : nil
        origins = Set(settings.allowedOrigins.map { $0.lowercased() })
    }

    func handle(
        _ request: Request, context: StudioContext, next: (Request, StudioContext) async throws -> Response
    ) async throws -> Response {
        guard let authority = request.head.authority, !authority.isEmpty else {
            throw ErrorReply(.badRequest, "the request has no Host header; send the server's name")
        }
        if let hosts, !hosts.contains(RequestGuard.name(of: authority)) {
            throw ErrorReply(
                .forbidden,
                "the request is for another host than this server; call it as localhost, or allow the name (--allow-host)"
            )
        }
        let origin = try allowedOrigin(request, authority)
        if let origin, request.method == .options { return preflight(origin) }
        if !isPage(request) { try checkSecret(request) }
        var response = try await next(request, context)
        if let origin { response.headers[.accessControlAllowOrigin] = origin }
        return response
    }

    /// The name in `name:port`, lowercase; of an IPv6 address with its brackets.
    static func name(of authority: String) -> String {
        let text = authority.lowercased()
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") { return String(text[...end]) }
        return String(text.prefix { $0 != ":" })
    }

    /// The foreign origin that the request comes from, if it is one that may call; nil for requests from programs and from the
    /// server's own pages. Throws for pages that may not.
    private func allowedOrigin(_ request: Request, _ authority: String) throws -> String? {
        guard let origin = request.headers[.origin] else { return nil }
        let own = ["http://\(authority)", "https://\(authority)"].map { $0.lowercased() }
        if own.contains(origin.lowercased()) { return nil }
        guard origins.contains(origin.lowercased()) else {
            throw ErrorReply(
                .forbidden,
                "pages of other origins may not call this server; allow the origin (--allow-origin) if you trust it")
        }
        return origin
    }

    private func preflight(_ origin: String) -> Response {
        var response = Response(status: .noContent)
        response.headers[.accessControlAllowOrigin] = origin
        response.headers[.accessControlAllowMethods] = "GET, POST, PATCH, DELETE"
        response.headers[.accessControlAllowHeaders] = "content-type, x-secret-key, authorization"
        response.headers[.accessControlMaxAge] = "600"
        return response
    }

    /// Whether a request is for the page's own files, which say nothing that is not in the program: the page itself asks for the
    /// secret.
    private func isPage(_ request: Request) -> Bool {
        guard hasPage, request.method == .get else { return false }
        return request.uri.path.hasPrefix("/page/") || (request.uri.path == "/" && StudioEndpoints.isBrowser(request))
    }

    /// The secret comes as `X-SECRET-KEY`, or as the bearer token that clients of OpenAI's interface send.
    private func checkSecret(_ request: Request) throws {
        guard let secret else { return }
        let bearer = request.headers[.authorization].flatMap { value in
            value.lowercased().hasPrefix("bearer ") ? String(value.dropFirst("bearer ".count)) : nil
        }
        guard let offered = request.headers[RequestGuard.secretName] ?? bearer else {
            throw ErrorReply(.unauthorized, "this server has a secret; send it as X-SECRET-KEY")
        }
        guard RequestGuard.isEqual(Array(offered.utf8), secret) else {
            throw ErrorReply(.unauthorized, "the X-SECRET-KEY is not this server's")
        }
    }

    /// Whether two secrets are equal, in a time that depends on the length of the offered one alone.
    static func isEqual(_ offered: [UInt8], _ secret: [UInt8]) -> Bool {
        guard !secret.isEmpty else { return false }
        var difference = offered.count ^ secret.count
        for (index, byte) in offered.enumerated() { difference |= Int(byte ^ secret[index % secret.count]) }
        return difference == 0
    }
}
