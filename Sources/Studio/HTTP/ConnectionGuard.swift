import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Looks after one connection: notices clients that are no longer there, that read nothing of what is sent, or that do not send what
/// they began, and tells `Connections` what it is doing.
///
/// The first two leave a connection that looks open. Closing it tells the models' thread, which asks before every step, to drop the
/// work. A client that closes its sending side only counts as gone, as it does with most servers.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let connections: Connections
    private let stallLimit: TimeAmount, headLimit: TimeAmount
    /// Its number among the connections; nil if it is turned away, or gone.
    private var number: Int?
    private var isBegun = false
    /// Writes that have not reached the client, and when one last did.
    private var pending = 0
    private var lastProgress: NIODeadline = .now()
    private var check: Scheduled<Void>?
    /// Closes the connection unless a head comes.
    private var headCheck: Scheduled<Void>?
    /// Requests whose heads have come, and answers that have gone.
    private var heads = 0, answers = 0
    /// Whether the last request has come whole.
    private var isWhole = true

    /// - Parameters:
    ///   - stallLimit: how long a client may read nothing, and how long it may wait between two requests.
    ///   - headLimit: how long the head of the first request may take to arrive.
    init(_ connections: Connections, stallLimit: Duration, headLimit: Duration) {
        self.connections = connections
        self.stallLimit = TimeAmount(stallLimit)
        self.headLimit = TimeAmount(headLimit)
    }

    // MARK: Opening and closing

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard !isBegun else { return }
        isBegun = true
        number = connections.open(context.channel, from: context.channel.remoteAddress?.ipAddress ?? "")
        if number == nil { turnAway(context) } else { awaitHead(context, for: headLimit) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { leave() }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        context.fireUserInboundEventTriggered(event)
        if let event = event as? ChannelEvent, event == .inputClosed { context.close(promise: nil) }
    }

    private func leave() {
        check?.cancel()
        check = nil
        headCheck?.cancel()
        headCheck = nil
        if let number { connections.closed(number) }
        number = nil
    }

    /// Answers before anything is asked, and closes.
    private func turnAway(_ context: ChannelHandlerContext) {
        let own = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        // Others of the pipeline have not heard yet that the connection is open.
        context.eventLoop.execute {
            let (handler, context) = own.value
            let text = #"{"detail":"the server answers as many connections as it may; try again in a moment"}"#
            var head = HTTPResponse(status: .serviceUnavailable)
            head.headerFields[.contentType] = "application/json"
            head.headerFields[.contentLength] = "\(text.utf8.count)"
            head.headerFields[.retryAfter] = "1"
            head.headerFields[.connection] = "close"
            context.write(handler.wrapOutboundOut(.head(head)), promise: nil)
            context.write(handler.wrapOutboundOut(.body(ByteBuffer(string: text))), promise: nil)
            let sent = context.eventLoop.makePromise(of: Void.self)
            let channel = context.channel
            sent.futureResult.whenComplete { _ in channel.close(promise: nil) }
            context.writeAndFlush(handler.wrapOutboundOut(.end(nil)), promise: sent)
        }
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Of a connection that is turned away nothing is read.
        guard let number else { return }
        switch unwrapInboundIn(data) {
        case .head:
            headCheck?.cancel()
            headCheck = nil
            heads += 1
            isWhole = false
            connections.set(number, .receiving)
        case .body: break
        case .end:
            isWhole = true
            connections.set(number, heads > answers ? .answering : .idle)
        }
        context.fireChannelRead(data)
    }

    /// Closes the connection unless a head comes within some time. What the client is still reading is waited for.
    private func awaitHead(_ context: ChannelHandlerContext, for time: TimeAmount) {
        let own = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        headCheck = context.eventLoop.scheduleTask(in: time) {
            let (handler, context) = own.value
            handler.headCheck = nil
            guard handler.pending > 0 else { return context.close(promise: nil) }
            handler.awaitHead(context, for: handler.stallLimit)
        }
    }

    // MARK: Answers

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
        let isEnd = if case .end = unwrapOutboundIn(data) { true } else { false }
        context.write(data, promise: written)
        if check == nil { watch(context, for: stallLimit) }
        if isEnd, let number {
            answers += 1
            guard answers == heads, isWhole else { return }
            connections.set(number, .idle)
            awaitHead(context, for: stallLimit)
        }
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
}
