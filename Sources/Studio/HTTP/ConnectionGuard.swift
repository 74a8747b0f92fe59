import NIOCore

/// Notices clients that are no longer there: those that have closed their side, and those that read nothing of what is sent.
///
/// Both leave a connection that looks open. Closing it tells the models' thread, which asks before every step, to drop the work.
/// A client that closes its sending side only counts as gone, as it does with most servers.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = Any
    typealias OutboundIn = Any

    private let stallLimit: TimeAmount
    /// Writes that have not reached the client, and when one last did.
    private var pending = 0
    private var lastProgress: NIODeadline = .now()
    private var check: Scheduled<Void>?

    init(stallLimit: Duration) { self.stallLimit = TimeAmount(stallLimit) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        context.fireUserInboundEventTriggered(event)
        if let event = event as? ChannelEvent, event == .inputClosed { context.close(promise: nil) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if pending == 0 { lastProgress = .now() }
        pending += 1
        let written = promise ?? context.eventLoop.makePromise(of: Void.self)
        let own = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        written.futureResult.whenComplete { _ in
            let (handler, _) = own.value
            handler.pending -= 1
            handler.lastProgress = .now()
        }
        context.write(data, promise: written)
        if check == nil { watch(context, for: stallLimit) }
    }

    private func watch(_ context: ChannelHandlerContext, for time: TimeAmount) {
        let own = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        check = context.eventLoop.scheduleTask(in: time) {
            let (handler, context) = own.value
            handler.check = nil
            guard handler.pending > 0 else { return }
            let left = handler.lastProgress + handler.stallLimit - .now()
            if left <= .zero { context.close(promise: nil) } else { handler.watch(context, for: left) }
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        check?.cancel()
        check = nil
    }
}
