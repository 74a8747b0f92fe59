/// A request: what is asked of which address.
package struct HTTPRequest: Sendable {
    /// `GET`, `HEAD`, `POST`, …
    package var method: String
    /// The whole address, which begins with `http://` or `https://`.
    package var address: String
    /// Names and values in the order in which they are sent. `Host` and `Content-Length` are made from the rest where they are not here.
    package var headers: [(name: String, value: String)]
    /// The body; nil for none.
    package var body: [UInt8]?

    /// A request.
    package init(
        _ method: String, _ address: String, headers: [(String, String)] = [], body: [UInt8]? = nil
    ) {
        self.method = method
        self.address = address
        self.headers = headers.map { (name: $0.0, value: $0.1) }
        self.body = body
    }
}

/// The head of an answer.
package struct HTTPHead: Sendable {
    /// The status, as 200.
    package let status: Int
    /// Names, in the server's letters, and values.
    package let headers: [(name: String, value: String)]

    /// The value of the first header of this name, in small letters or large.
    package func header(_ name: String) -> String? {
        let name = name.lowercased()
        return headers.first { $0.name.lowercased() == name }?.value
    }

    /// A head from its lines; nil where the first is no status line.
    init?(_ lines: [String]) {
        let first = lines.first?.split(separator: " ", maxSplits: 2) ?? []
        guard first.count >= 2, let status = Int(first[1]) else { return nil }
        self.status = status
        headers = lines.dropFirst().compactMap { line in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            func trimmed(_ text: Substring) -> String {
                let isSpace = { (character: Character) in character == " " || character == "\t" }
                let start = text.drop(while: isSpace)
                return String(start[..<(start.lastIndex { !isSpace($0) }.map(start.index(after:)) ?? start.startIndex)])
            }
            return (trimmed(line[..<colon]), trimmed(line[line.index(after: colon)...]))
        }
    }
}

/// Why a request has no whole answer.
package enum HTTPFailure: Error, Equatable, CustomStringConvertible {
    /// Nobody is there: no such host, no way to it, nobody who listens.
    case unreachable(String)
    /// No connection in the time for it.
    case connectTimeout
    /// The server said nothing for too long.
    case silence
    /// The connection ended before the answer did.
    case cut
    /// What came is no HTTP.
    case notHTTP
    /// Anything else, in the library's words.
    case other(String)

    package var description: String {
        switch self {
        case .unreachable(let why), .other(let why): why
        case .connectTimeout: "no connection in time"
        case .silence: "silence"
        case .cut: "the connection was cut"
        case .notHTTP: "the answer is no HTTP"
        }
    }
}

/// A proxy that all requests of a client go through.
package struct HTTPProxy: Sendable {
    package var host: String
    package var port: Int
    /// Whether it speaks SOCKS 5. Another is asked by `CONNECT` to pass bytes on, also for `http://`.
    package var isSOCKS: Bool
    /// Who asks, and the password; nil for nobody in particular.
    package var user: String?
    package var password: String?

    /// A proxy.
    package init(host: String, port: Int, isSOCKS: Bool, user: String? = nil, password: String? = nil) {
        self.host = host
        self.port = port
        self.isSOCKS = isSOCKS
        self.user = user
        self.password = password
    }
}
