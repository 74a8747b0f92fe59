import Hummingbird
import Logging
import NIOCore

/// What a request brings beside itself.
struct StudioContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// Its connection; nil for a request that came without one.
    let channel: (any Channel)?

    init(source: Source) {
        coreContext = .init(source: source)
        channel = source.channel
    }

    /// Of a request without a connection.
    init(logger: Logger) {
        coreContext = .init(source: Unconnected(logger: logger))
        channel = nil
    }

    private struct Unconnected: RequestContextSource {
        let logger: Logger
    }
}
