import Foundation
import LanguageModel

/// Where a server listens, whom it answers, and how much it does at once.
public struct StudioSettings: Sendable {
    // MARK: Where and whom

    /// The address to listen at.
    public var host = "127.0.0.1"
    /// The port; 0 for any that is free.
    public var port = 8000
    /// What clients must send as `X-SECRET-KEY`; nil for no secret. Needed to listen at any but this machine's own addresses.
    public var secret: String?
    /// Host names, beside this machine's own, under which clients may call.
    public var allowedHosts: [String] = []
    /// Origins, such as `https://lab.example`, whose pages may call; none by default.
    public var allowedOrigins: [String] = []

    // MARK: The page

    /// The page and its library; nil for a server of programs alone.
    public var page: Page?

    /// What the page shows beside the models.
    public struct Page: Sendable {
        /// The SQLite file with everything that was explained; made if there is none.
        public var library: URL
        /// Folders of runs, or folders of such folders.
        public var runs: [URL] = []
        /// Folders of HTML reports.
        public var reports: [URL] = []
        /// A folder to take the page's files from, for people who work on them; nil for those in the program.
        public var folder: URL?
        /// Bytes that the library may take; nil for as many as the disk has.
        public var maximumLibraryBytes: Int?

        /// A page with a library.
        public init(library: URL) { self.library = library }
    }

    // MARK: One request

    /// Characters of a text.
    public var maximumInputCharacters = 65536
    /// Tokens of a text.
    public var maximumInputTokens = 16384
    /// Positions that one request may have explained.
    public var maximumPositions = 512
    /// Tokens of an explanation.
    public var maximumNewTokens = 4096
    /// Activations of one request.
    public var maximumDescribeBatch = 512
    /// Characters of a description to be scored.
    public var maximumDescriptionCharacters = 8192
    /// Tokens of a continuation; more are cut to this.
    public var maximumCompletionTokens = 512
    /// Bytes of a body.
    public var maximumBodyBytes = 64 << 20
    /// How long a request may take, from its last byte to its answer's.
    public var timeLimit: Duration = .seconds(300)
    /// How long a body may take to arrive, and how long a client may read nothing of what is sent.
    public var stallLimit: Duration = .seconds(30)
    /// How long the head of a connection's first request may take to arrive.
    public var headLimit: Duration = .seconds(10)

    // MARK: All requests

    /// Texts written at once by each model.
    public var maximumConcurrent = 64
    /// `/explain` requests at once.
    public var maximumExplains = 16
    /// `/describe`, `/compare` and `/generate` requests at once.
    public var maximumDescribes = 16
    /// `/extract`, `/completion`, `/v1/completions` and `/v1/chat/completions` requests at once.
    public var maximumSourceRequests = 16
    /// `/score` requests at once.
    public var maximumScores = 16
    /// Open connections. For further ones those are closed that nobody is being answered on, half a request's head first.
    public var maximumConnections = 1024
    /// Bytes that the keys and values of all models together may take.
    public var cacheBytes = Int(ProcessInfo.processInfo.physicalMemory / 4)

    // MARK: What it says

    /// The seed of everything random; nil draws one for each request.
    public var seed: UInt64?
    /// Whether the log holds what is asked and answered. Texts may be private, so not unless asked for.
    public var logsContents = false

    /// The defaults: this machine only, port 8000.
    public init() {}

    /// Whether only programs on this machine can connect.
    public var isLocal: Bool { StudioSettings.loopbackNames.contains(host.lowercased()) || host.hasPrefix("127.") }

    static let loopbackNames: Set<String> = ["localhost", "127.0.0.1", "::1", "[::1]"]

    /// Throws a one-line error for settings that cannot be served.
    public func check() throws {
        guard isLocal || secret != nil else {
            throw ModelError(
                "\(host): anybody who reaches that address could use the models; set a secret (--secret-file, or NLA_SECRET_KEY), or listen at 127.0.0.1"
            )
        }
        if let secret, secret.isEmpty || secret.unicodeScalars.contains(where: { !(0x21...0x7E).contains($0.value) }) {
            throw ModelError(
                "the secret is empty or holds characters that no HTTP header carries; use visible ASCII characters without spaces"
            )
        }
        guard (0...65535).contains(port) else { throw ModelError("port \(port): ports are between 0 and 65535") }
    }
}
