package import NIOCore

/// An HTTP proxy that connections go through, by CONNECT (RFC 9110, section 9.3.6).
package struct HTTPProxy: Hashable, Sendable {
    /// A name or an address; an IPv6 address without brackets.
    package let host: String
    package let port: Int
    /// What `Proxy-Authorization` says, `Basic …`; `nil`: nothing. Never shown.
    package let authorization: String?

    package init(host: String, port: Int, authorization: String? = nil) {
        self.host = host
        self.port = port
        self.authorization = authorization
    }

    var name: String { "the proxy \(Self.authority(host, port))" }

    fileprivate static func authority(_ host: String, _ port: Int) -> String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

/// Why there is no way through a proxy: a sentence.
package struct ProxyError: Error, Hashable, CustomStringConvertible {
    package let description: String

    package init(_ proxy: HTTPProxy, _ reason: String) {
        description = "\(proxy.name) \(reason)"
    }
}

/// There is no connection to a proxy itself.
package struct ProxyUnreachable: Error {
    package let proxy: HTTPProxy
    package let reason: any Error

    package init(_ proxy: HTTPProxy, reason: any Error) {
        self.proxy = proxy
        self.reason = reason
    }
}

/// The first handler of a connection to a proxy: asks it to connect on, and lets the others know of the connection once it has. Then it is gone.
package final class ProxyTunnel: ChannelInboundHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    /// What the proxy may say before the way is open, in bytes.
    private static let longestAnswer = 16 * 1024
    private static let longestReason = 100

    private let proxy: HTTPProxy
    private let target: String
    private let patience: TimeAmount
    private let opened: EventLoopPromise<Void>
    private var timer: Scheduled<Void>?
    private var answer: ByteBuffer?
    private var isOver = false

    private init(_ proxy: HTTPProxy, target: String, patience: TimeAmount, opened: EventLoopPromise<Void>) {
        self.proxy = proxy
        self.target = target
        self.patience = patience
        self.opened = opened
    }

    /// Puts a tunnel in front of all other handlers of a channel that is not yet connected; on its event loop.
    ///
    /// - Parameter patience: how long the proxy may take to connect on.
    package static func add(
        to channel: any Channel, through proxy: HTTPProxy, host: String, port: Int, patience: TimeAmount
    ) throws {
        let tunnel = ProxyTunnel(
            proxy, target: HTTPProxy.authority(host, port), patience: patience,
            opened: channel.eventLoop.makePromise(of: Void.self))
        try channel.pipeline.syncOperations.addHandler(tunnel, position: .first)
    }

    /// The channel, once its tunnel leads to the server. On its event loop.
    package static func opened(_ channel: any Channel) -> EventLoopFuture<any Channel> {
        guard let tunnel = try? channel.pipeline.syncOperations.handler(type: ProxyTunnel.self) else {
            return channel.eventLoop.makeSucceededFuture(channel)
        }
        return tunnel.opened.futureResult.map { channel }
    }

    package func channelActive(context: ChannelHandlerContext) {
        var head = "CONNECT \(target) HTTP/1.1\r\nHost: \(target)\r\n"
        if let authorization = proxy.authorization { head += "Proxy-Authorization: \(authorization)\r\n" }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: head + "\r\n")), promise: nil)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: patience) {
            let (tunnel, context) = bound.value
            tunnel.fail(
                "has not connected to \(tunnel.target) within \(tunnel.patience.nanoseconds / 1_000_000) ms", context)
        }
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var piece = unwrapInboundIn(data)
        guard !isOver else { return }
        if answer == nil { answer = piece } else { answer?.writeBuffer(&piece) }
        guard let bytes = answer else { return }
        let view = bytes.readableBytesView
        guard let end = Self.end(of: view) else {
            if bytes.readableBytes > Self.longestAnswer {
                fail("has answered more than \(Self.longestAnswer) bytes before the way was open", context)
            }
            return
        }
        let line = String(decoding: view.prefix { $0 != 0x0D && $0 != 0x0A }.prefix(Self.longestReason), as: UTF8.self)
        let words = line.split(separator: " ", maxSplits: 2)
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
            return fail("gave an answer that is not HTTP/1.1; is it a proxy?", context)
        }
        guard (200...299).contains(status) else { return fail(sentence(status, words.dropFirst(2).first), context) }
        open(context, rest: bytes.getSlice(at: end, length: bytes.writerIndex - end))
    }

    private func sentence(_ status: Int, _ reason: Substring?) -> String {
        // tinyproxy says 401 to who brings the wrong ones.
        if status == 407 || status == 401 {
            return proxy.authorization == nil
                ? "wants a user and a password (\(status)): set delivery.http-proxy-credentials-file"
                : "does not accept the user and the password of delivery.http-proxy-credentials-file (\(status))"
        }
        return "does not connect to \(target): \(status)\(reason.map { " \($0)" } ?? "")"
    }

    /// Where what follows the empty line begins.
    private static func end(of bytes: ByteBufferView) -> Int? {
        var isLineEmpty = false
        for index in bytes.indices {
            switch bytes[index] {
            case 0x0A where isLineEmpty: return index + 1
            case 0x0A: isLineEmpty = true
            case 0x0D: continue
            default: isLineEmpty = false
            }
        }
        return nil
    }

    private func open(_ context: ChannelHandlerContext, rest: ByteBuffer?) {
        isOver = true
        timer?.cancel()
        answer = nil
        // To the others it begins now.
        context.fireChannelActive()
        opened.succeed()
        if let rest, rest.readableBytes > 0 {
            context.fireChannelRead(wrapInboundOut(rest))
            context.fireChannelReadComplete()
        }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    private func fail(_ reason: String, _ context: ChannelHandlerContext) {
        guard !isOver else { return }
        isOver = true
        timer?.cancel()
        let error = ProxyError(proxy, reason)
        opened.fail(error)
        context.fireErrorCaught(error)
        context.close(promise: nil)
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if !isOver {
            isOver = true
            timer?.cancel()
            opened.fail(error)
        }
        context.fireErrorCaught(error)
    }

    package func channelInactive(context: ChannelHandlerContext) {
        fail("closed the connection before it was open", context)
        context.fireChannelInactive()
    }

    /// Of a channel that was never connected, since another address was faster.
    package func handlerRemoved(context: ChannelHandlerContext) {
        guard !isOver else { return }
        isOver = true
        timer?.cancel()
        opened.fail(ProxyError(proxy, "was given up"))
    }
}
