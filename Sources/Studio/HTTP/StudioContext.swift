import Hummingbird
import NIOCore

/// What a request brings beside itself.
struct StudioContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// Its connection.
    let channel: any Channel

    init(source: Source) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}
