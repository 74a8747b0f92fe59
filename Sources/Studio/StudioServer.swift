import Foundation
import Hummingbird
import HummingbirdCore
import HTTPTypes
import LanguageModel
import Logging
import NIOCore
import ServiceLifecycle

/// The server: models over HTTP, for programs and for the page.
///
///     let server = try StudioServer(ServedModels(pair, target: target), settings, logger: logger)
///     try await server.run { port in print("listening at \(port)") }
///
/// It owns the models from then on. `shutDown` ends `run` once every request that was begun has been answered.
public final class StudioServer: Sendable {
    private let settings: StudioSettings
    let models: ModelThread
    let library: Library?
    /// What answers, however requests come.
    let responder: RouterResponder<StudioContext>
    let logger: Logger
    private let group: ServiceGroup
    private let listening: AsyncStream<Int>

    /// Prepares a server; it listens once it runs. Throws one-line errors for settings that cannot be served.
    ///
    /// - Parameter others: further pairs of the same target, for the page.
    public convenience init(
        _ served: ServedModels, others: [ServedModels] = [], _ settings: StudioSettings = StudioSettings(),
        logger: Logger
    ) throws {
        try self.init(served, others: others, settings, pool: WorkPool(), logger: logger)
    }

    /// The same with threads of one's own for long work.
    package init(
        _ served: ServedModels, others: [ServedModels] = [], _ settings: StudioSettings = StudioSettings(),
        pool: WorkPool, logger: Logger
    ) throws {
        try settings.check()
        self.settings = settings
        let all = [served] + others, facts = try all.map { try ModelFacts($0) }
        if let name = Dictionary(grouping: facts, by: \.pairName).first(where: { $1.count > 1 })?.key {
            throw ModelError("two pairs are called \(name); give them names (--nla NAME=DIR)")
        }
        library = try settings.page.map { try Library($0.library, maximumBytes: $0.maximumLibraryBytes) }
        let models = try ModelThread(all, settings)
        self.models = models
        let endpoints = Endpoints(settings, facts[0], Scheduler(models), pool)
        let pairs = facts.enumerated().map { ServedPair(facts: $1, scheduler: Scheduler(models, pair: $0)) }
        var studio: StudioEndpoints?
        if let page = settings.page, let library { studio = StudioEndpoints(endpoints, pairs, library, page) }
        let connections = Connections(limit: StudioServer.affordable(settings.maximumConnections))
        let (listening, listens) = AsyncStream.makeStream(of: Int.self)
        self.listening = listening
        self.logger = logger
        let responder = StudioServer.router(endpoints, studio, settings).buildResponder()
        self.responder = responder
        let application = Application(
            responder: responder,
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [
                        ConnectionGuard(
                            connections, stallLimit: settings.stallLimit, headLimit: settings.headLimit)
                    ],
                    idleTimeout: TimeAmount(settings.stallLimit))),
            configuration: .init(address: .hostname(settings.host, port: settings.port)),
            onServerRunning: { channel in
                listens.yield(channel.localAddress?.port ?? settings.port)
                listens.finish()
            },
            logger: logger)
        group = ServiceGroup(configuration: .init(services: [application], logger: logger))
    }

    /// How many connections there may be: as many as are asked for, if the system gives the process so many files. Each is one.
    private static func affordable(_ connections: Int) -> Int {
        // What else is open: the library, weights, reports that are read.
        let others: rlim_t = 128
        var files = rlimit()
        #if canImport(Glibc)
            let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let kind = RLIMIT_NOFILE
        #endif
        guard getrlimit(kind, &files) == 0 else { return connections }
        let wanted = rlim_t(connections) + others
        if files.rlim_cur < wanted {
            files.rlim_cur = min(wanted, files.rlim_max)
            _ = setrlimit(kind, &files)
        }
        guard getrlimit(kind, &files) == 0, files.rlim_cur < wanted else { return connections }
        return Int(files.rlim_cur > 2 * others ? files.rlim_cur - others : files.rlim_cur / 2)
    }

    private static func router(
        _ endpoints: Endpoints, _ studio: StudioEndpoints?, _ settings: StudioSettings
    ) -> Router<StudioContext> {
        let router = Router(context: StudioContext.self)
        router.addMiddleware {
            AccessLog()
            ErrorAnswers()
            RequestGuard(settings)
        }
        endpoints.add(to: router, exceptRoot: studio != nil)
        studio?.add(to: router)
        return router
    }

    /// Listens and answers until `shutDown`, or until the task is cancelled, which answers nobody any more.
    ///
    /// - Parameter onListening: called once, with the port.
    /// - Throws: a one-line error if the address cannot be listened at.
    public func run(onListening: @escaping @Sendable (Int) -> Void = { _ in }) async throws {
        defer {
            models.stop()
            library?.close()
        }
        let announcing = Task { [listening] in
            for await port in listening { onListening(port) }
        }
        defer { announcing.cancel() }
        do {
            try await group.run()
        } catch let error as IOError {
            throw ModelError(
                "\(settings.host):\(settings.port): cannot listen there: \(String(cString: strerror(error.errnoCode))); choose another --port or --host"
            )
        }
    }

    /// Takes no more requests, and ends once those that were begun have been answered.
    public func shutDown() async { await group.triggerGracefulShutdown() }
}
