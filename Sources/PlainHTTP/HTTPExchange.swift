internal import NIOCore
internal import NIOHTTP1
internal import Synchronization

/// What a server answered.
package struct HTTPAnswer: Sendable {
    package let status: Int
    package let body: [UInt8]
    /// What `Content-Encoding` says, in lower case; `nil`: nothing.
    package var encoding: String?
    /// What `Content-Type` says, in lower case; `nil`: nothing.
    package var contentType: String?
    /// What `Retry-After` says; `nil`: nothing.
    package var retryAfter: String?
}

/// Why there is no answer, where it is neither an `IOError` or `NIOConnectionError` of the connection nor a `PeerFlood`.
package enum HTTPCallError: Error, Hashable, CustomStringConvertible {
    case deadlineExceeded
    /// No connection within the time allowed for that.
    case connectTimeout
    /// The server closed the connection before its answer was whole.
    case closedByServer
    case cancelled
    /// The client was closed before.
    case alreadyClosed
    /// The body has more than so many bytes.
    case tooLarge(limit: Int)

    package var description: String {
        switch self {
        case .deadlineExceeded: "the answer did not come in time"
        case .connectTimeout: "no connection within the time allowed"
        case .closedByServer: "the server closed the connection"
        case .cancelled: "the call was cancelled"
        case .alreadyClosed: "the client is closed"
        case .tooLarge(let limit): "its body has more than \(limit) bytes"
        }
    }
}

/// One request and its answer, on its way through a connection's pipeline: the last handler turns it into HTTP.
final class HTTPExchange: Sendable {
    let head: HTTPRequestHead
    let body: ByteBuffer?
    let wanted: HTTPClient.Wanted
    let answer: EventLoopPromise<HTTPAnswer>
    /// Whether the server may have got the request: its head was written.
    let mayHaveArrived = Atomic(false)
    /// Whether nobody waits for the answer any more. Set on the event loop.
    let isOver = Atomic(false)

    init(head: HTTPRequestHead, body: ByteBuffer?, wanted: HTTPClient.Wanted, answer: EventLoopPromise<HTTPAnswer>) {
        self.head = head
        self.body = body
        self.wanted = wanted
        self.answer = answer
        answer.futureResult.whenComplete { _ in self.isOver.store(true, ordering: .relaxed) }
    }
}

/// Makes the calls of a connection, one at a time. The last handler.
final class HTTPExchangeHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias InboundOut = Never
    typealias OutboundIn = HTTPExchange
    typealias OutboundOut = HTTPClientRequestPart

    private let isFree: @Sendable (any Channel) -> Void
    private var exchange: HTTPExchange?
    private var status: Int?
    private var headers = HTTPHeaders()
    private var keepsAlive = false
    private var isWritten = false
    private var body: [UInt8] = []

    /// - Parameter isFree: called when the connection can take the next exchange.
    init(isFree: @escaping @Sendable (any Channel) -> Void) {
        self.isFree = isFree
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let exchange = unwrapOutboundIn(data)
        guard context.channel.isActive, self.exchange == nil else {
            exchange.answer.fail(HTTPCallError.closedByServer)
            promise?.fail(HTTPCallError.closedByServer)
            return
        }
        self.exchange = exchange
        (status, headers, keepsAlive, isWritten, body) = (nil, [:], false, false, [])
        exchange.mayHaveArrived.store(true, ordering: .relaxed)
        context.write(wrapOutboundOut(.head(exchange.head)), promise: nil)
        if let body = exchange.body { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        let end = context.write(wrapOutboundOut(.end(nil)))
        end.assumeIsolated().whenSuccess { self.isWritten = true }
        end.cascade(to: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Nobody asked: the server may say why it closes the connection.
        guard let exchange else { return context.close(promise: nil) }
        switch unwrapInboundIn(data) {
        case .head(let head):
            guard head.status.code >= 200 else { return }
            status = Int(head.status.code)
            keepsAlive = head.isKeepAlive
            headers = head.headers
            if let length = head.headers.first(name: "content-length").flatMap({ Int($0) }) {
                if isTooMuch(length, exchange, context) { return }
                body.reserveCapacity(length)
            }
            if exchange.wanted.bodyOfOKAlone, head.status != .ok { finish(exchange, isReusable: false, context) }
        case .body(let piece):
            if isTooMuch(body.count + piece.readableBytes, exchange, context) { return }
            body.append(contentsOf: piece.readableBytesView)
        case .end:
            // A server that answers early has not read all, and may never do.
            finish(exchange, isReusable: keepsAlive && isWritten, context)
        }
    }

    private func isTooMuch(_ count: Int, _ exchange: HTTPExchange, _ context: ChannelHandlerContext) -> Bool {
        let isOK = status == Int(HTTPResponseStatus.ok.code)
        guard count > exchange.wanted.bodyBytes, isOK || !exchange.wanted.bodyOfOKAlone else { return false }
        fail(HTTPCallError.tooLarge(limit: exchange.wanted.bodyBytes), context)
        return true
    }

    private func finish(_ exchange: HTTPExchange, isReusable: Bool, _ context: ChannelHandlerContext) {
        let answer = HTTPAnswer(
            status: status ?? 0, body: body, encoding: headers.first(name: "content-encoding")?.lowercased(),
            contentType: headers.first(name: "content-type")?.lowercased(),
            retryAfter: headers.first(name: "retry-after"))
        self.exchange = nil
        body = []
        if isReusable { isFree(context.channel) } else { context.close(promise: nil) }
        exchange.answer.succeed(answer)
    }

    private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
        let exchange = exchange
        self.exchange = nil
        body = []
        context.close(promise: nil)
        exchange?.answer.fail(error)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(error, context) }

    func channelInactive(context: ChannelHandlerContext) {
        fail(HTTPCallError.closedByServer, context)
        context.fireChannelInactive()
    }
}
