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
    public init(
        _ served: ServedModels, others: [ServedModels] = [], _ settings: StudioSettings = StudioSettings(),
        logger: Logger
    ) throws {
        try settings.check()
        self.settings = settings
        let all = [served] + others, facts = try all.map { try ModelFacts($0, settings) }
        if let name = Dictionary(grouping: facts, by: \.pairName).first(where: { $1.count > 1 })?.key {
            throw ModelError("two pairs are called \(name); give them names (--nla NAME=DIR)")
        }
        library = try settings.page.map { try Library($0.library, maximumBytes: $0.maximumLibraryBytes) }
        let models = try ModelThread(all, settings)
        self.models = models
        let endpoints = Endpoints(settings, facts[0], Scheduler(models))
        let pairs = facts.enumerated().map { ServedPair(facts: $1, scheduler: Scheduler(models, pair: $0)) }
        var studio: StudioEndpoints?
        if let page = settings.page, let library { studio = StudioEndpoints(endpoints, pairs, library, page) }
        let (listening, listens) = AsyncStream.makeStream(of: Int.self)
        self.listening = listening
        self.logger = logger
        let responder = StudioServer.router(endpoints, studio, settings).buildResponder()
        self.responder = responder
        let application = Application(
            responder: responder,
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [ConnectionGuard(stallLimit: settings.stallLimit)],
                    idleTimeout: TimeAmount(settings.stallLimit))),
            configuration: .init(
                address: .hostname(settings.host, port: settings.port),
                availableConnectionsDelegate: MaximumAvailableConnections(settings.maximumConnections, logger: logger)),
            onServerRunning: { channel in
                listens.yield(channel.localAddress?.port ?? settings.port)
                listens.finish()
            },
            logger: logger)
        group = ServiceGroup(configuration: .init(services: [application], logger: logger))
    }

    private static func router(
        _ endpoints: Endpoints, _ studio: StudioEndpoints?, _ settings: StudioSettings
    ) -> Router<StudioContext> {
        let router = Router(context: StudioContext.self)
        router.addMiddleware {
            AccessLog()
            ErrorAnswers()
            Doorkeeper(settings)
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
