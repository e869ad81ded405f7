package import NIOCore
internal import NIOHTTP1

/// Bounds what a server may send for one HTTP/1.1 request, besides its body's size: `100 Continue` without end, a body of one-byte chunks,
/// chunk extensions, anything.
package struct HTTPAnswerLimits: Sendable {
    /// Answers before the answer (100, 103). A server has no use for more than a few.
    package static let mostInformational = 16
    /// Status line, headers and trailers; the parser has a limit of its own for each.
    package static let headBytes = 256 << 10

    /// The longest body, in bytes. On the wire it may take twice as much.
    package let bodyBytes: Int

    package init(bodyBytes: Int) {
        self.bodyBytes = bodyBytes
    }

    /// Makes a connection's pipeline one of a client of HTTP/1.1 that keeps the limits: who does not gets its `PeerFlood` as an error, after which
    /// the connection must be closed. To be called on the event loop, before anything else is in the pipeline.
    package func addHandlers(to pipeline: ChannelPipeline.SynchronousOperations) throws {
        let decoder = HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes, informationalResponseStrategy: .forward)
        try pipeline.addHandlers([
            WireMeter(limit: 2 * bodyBytes + Self.headBytes), HTTPRequestEncoder(), ByteToMessageHandler(decoder),
            AnswerMeter(), NIOHTTPRequestHeadersValidator(),
        ])
    }

    /// Counts an answer's bytes, from one write to the next. The first handler.
    private final class WireMeter: ChannelDuplexHandler {
        typealias InboundIn = ByteBuffer
        typealias InboundOut = ByteBuffer
        typealias OutboundIn = IOData
        typealias OutboundOut = IOData

        private let limit: Int
        private var received = 0

        init(limit: Int) { self.limit = limit }

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            received = 0
            context.write(data, promise: promise)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let isOver = received > limit
            received += unwrapInboundIn(data).readableBytes
            if received <= limit { return context.fireChannelRead(data) }
            if !isOver { context.fireErrorCaught(PeerFlood(what: "more than \(limit) bytes")) }
        }
    }

    /// Counts an answer's parts. Right behind the decoder, and before whoever makes the requests.
    private final class AnswerMeter: ChannelDuplexHandler {
        typealias InboundIn = HTTPClientResponsePart
        typealias InboundOut = HTTPClientResponsePart
        typealias OutboundIn = HTTPClientRequestPart
        typealias OutboundOut = HTTPClientRequestPart

        private var informational = 0
        private var pieces = PieceAllowance()
        private var isOver = false

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            if case .head = unwrapOutboundIn(data) { (informational, pieces) = (0, PieceAllowance()) }
            context.write(data, promise: promise)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard !isOver else { return }
            var mayGoOn = true
            switch unwrapInboundIn(data) {
            case .head(let head) where (100...199).contains(head.status.code): informational += 1
            case .body(let piece): mayGoOn = pieces.take(piece.readableBytes)
            default: break
            }
            if informational > mostInformational {
                report("more than \(mostInformational) answers that only say to go on (1xx)", context)
            } else if !mayGoOn {
                report("its answer in too many small pieces", context)
            } else {
                context.fireChannelRead(data)
            }
        }

        private func report(_ what: String, _ context: ChannelHandlerContext) {
            isOver = true
            context.fireErrorCaught(PeerFlood(what: what))
        }
    }
}
