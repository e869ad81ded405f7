internal import MasterClients
internal import NIOCore
internal import NIOHPACK
internal import NIOHTTP2

/// Tells a caller who may not call why not, whatever it is that they call. Nothing of it is kept. The only handler of the stream's channel.
final class RefusingStream: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private let reason: String
    private let told: @Sendable () -> Void
    private var isTold = false

    /// - Parameter told: called when a call was refused.
    init(reason: String, told: @escaping @Sendable () -> Void) {
        self.reason = reason
        self.told = told
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .headers = unwrapInboundIn(data), !isTold else { return }
        isTold = true
        let headers = HPACKHeaders(trailersOnly: GRPCStatus(code: .permissionDenied, message: reason))
        context.writeAndFlush(wrapOutboundOut(.headers(.init(headers: headers, endStream: true))), promise: nil)
        told()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
