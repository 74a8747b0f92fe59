import Autoencoder
import Foundation
import HTTP
import JSON
import LanguageModel
import Logging
import Studio
import Synchronization
import TestSupport
import Testing
import TinyWorld

/// The bundled models, and a server on them at a port of its own.
enum Bundled {
    static let folder = bundledPair

    static func pair() throws -> Pair {
        TinyWorldTexts.register()
        return try Pair(folder: folder)
    }

    static func target() throws -> Target { try pair().openTarget(folder.appending(path: "target")) }

    /// All three models, under names that tests know.
    static func models() throws -> ServedModels {
        let pair = try pair()
        var models = ServedModels(
            verbalizer: pair.verbalizer, reconstructor: pair.reconstructor,
            target: try pair.openTarget(folder.appending(path: "target")))
        models.targetName = "tiny"
        return models
    }
}

/// Runs a server while `body` uses it, then shuts it down and waits for its end.
func withServer<Result: Sendable>(
    _ change: (inout StudioSettings) -> Void = { _ in }, models: () throws -> ServedModels = Bundled.models,
    logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, pool: WorkPool = WorkPool(),
    _ body: (Client, StudioServer) async throws -> Result
) async throws -> Result {
    var settings = StudioSettings()
    settings.port = 0
    settings.seed = 7
    // On a machine that does much else everything takes longer; tests of these limits set them.
    settings.timeLimit = .seconds(3600)
    settings.stallLimit = .seconds(3600)
    change(&settings)
    let server = try StudioServer(models(), settings, pool: pool, logger: logger)
    let (ports, found) = AsyncStream.makeStream(of: Int.self)
    let running = Task {
        defer { found.finish() }
        try await server.run { found.yield($0) }
    }
    var iterator = ports.makeAsyncIterator()
    guard let port = await iterator.next() else {
        try await running.value
        throw CancellationError()
    }
    do {
        let result = try await body(Client(port: port), server)
        await server.shutDown()
        try await running.value
        return result
    } catch {
        await server.shutDown()
        try? await running.value
        throw error
    }
}

/// The lines that a server logs: what came of each request, in the order in which they ended.
final class LoggedLines: Sendable {
    private let lines = Mutex<[String]>([])

    /// What was logged so far.
    var all: [String] { lines.withLock { $0 } }
    /// Puts its lines here.
    var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }

    /// Whether a request ended like this, as in `POST /generate 200 client gone`.
    func hold(_ beginning: String) -> Bool { all.contains { $0.hasPrefix(beginning) } }

    private struct Handler: LogHandler {
        let lines: LoggedLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace
        subscript(metadataKey key: String) -> Logger.MetadataValue? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { lines.lines.withLock { $0.append("\(event.message)") } }
    }
}

/// Asks a server as programs do.
struct Client: Sendable {
    /// Shared by all tests.
    private static let http: HTTPClient = {
        var settings = HTTPClient.Settings()
        // An answer that never comes fails its test.
        settings.connectTimeout = .seconds(Patience.seconds)
        settings.readTimeout = .seconds(Patience.seconds)
        return HTTPClient(settings)
    }()

    let port: Int
    var headers: [(String, String)] = []

    /// What came back.
    struct Answer: Sendable {
        let status: Int
        let headers: [String: String]
        let body: [UInt8]

        func json() throws -> JSONValue { try JSONValue.parse(body) }
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    func get(_ path: String) async throws -> Answer { try await send("GET", path, nil, headers) }

    func post(_ path: String, _ body: JSONValue) async throws -> Answer {
        try await send("POST", path, Array(body.serialized().utf8), headers + [("content-type", "application/json")])
    }

    func send(
        _ method: String, _ path: String, _ body: [UInt8]?, _ headers: [(String, String)]
    ) async throws -> Answer {
        let request = HTTPRequest(method, "http://127.0.0.1:\(port)\(path)", headers: headers, body: body)
        let (head, bytes) = try await Client.http.fetch(request, limit: 1 << 28)
        let fields = Dictionary(head.headers.map { ($0.name.lowercased(), $0.value) }) { $1 }
        return Answer(status: head.status, headers: fields, body: bytes)
    }

    /// What a `GET /` with headers of its own comes to.
    func status(_ headers: [(String, String)]) async throws -> Int { try await send("GET", "/", nil, headers).status }

    /// What a request comes to.
    func status(_ path: String, _ body: JSONValue) async throws -> Int { try await post(path, body).status }

    /// The JSON of a successful answer.
    func json(
        _ path: String, _ body: JSONValue, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> JSONValue {
        let answer = try await post(path, body)
        #expect(answer.status == 200, "\(answer.text.prefix(500))", sourceLocation: sourceLocation)
        return try answer.json()
    }

    /// The frames of a stream. Fails the test if it is none.
    func frames(
        _ path: String, _ body: JSONValue, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Frames {
        let answer = try await post(path, body)
        #expect(answer.status == 200, "\(answer.text.prefix(500))", sourceLocation: sourceLocation)
        #expect(
            answer.headers["content-type"]?.hasPrefix("text/event-stream") == true, sourceLocation: sourceLocation)
        return try Frames(answer.text)
    }
}

/// Server-sent events: JSON values, and whether `[DONE]` stood behind them.
struct Frames: Sendable {
    private(set) var values: [JSONValue] = []
    private(set) var isDone = false

    init(_ text: String) throws {
        for block in text.components(separatedBy: "\n\n") where !block.isEmpty {
            try #require(block.hasPrefix("data: ") && !block.contains("\n"), "\(block)")
            #expect(!isDone, "a frame behind the end")
            let data = String(block.dropFirst(6))
            if data == "[DONE]" { isDone = true } else { values.append(try JSONValue.parse(data)) }
        }
    }
}

/// A vector as JSON.
func json(_ vector: [Float]) -> JSONValue { .array(vector.map { .number(Double($0)) }) }

/// How often each status came, for people.
func counted(_ statuses: [Int: Int]) -> String {
    statuses.sorted { $0.key < $1.key }.map { "\($0.key) × \($0.value)" }.joined(separator: ", ")
}
