internal import MasterClients
internal import NIOCore
internal import NIOHTTP2
internal import PeerLimits

/// Closes a connection whose client does not speak HTTP/2, or not in time. The last handler of the connection.
final class ServerConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame

    private let activity: ConnectionActivity
    private let patience: TimeAmount
    private let report: ConnectionReport
    private var timer: Scheduled<Void>?

    /// - Parameter patience: how long the client may take for HTTP/2's preface and settings.
    init(activity: ConnectionActivity, patience: TimeAmount, report: ConnectionReport) {
        self.activity = activity
        self.patience = patience
        self.report = report
    }

    func channelActive(context: ChannelHandlerContext) {
        let channel = context.channel
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: patience) { [self] in
            guard !activity.isReady else { return }
            report.record(.silent)
            channel.close(promise: nil)
        }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if !activity.isReady {
            activity.becomeReady()
            timer?.cancel()
        }
        context.fireChannelRead(data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !Self.concernsOneStream(error) else { return }
        if Self.isFlood(error) { report.record(.flood, detail: ConnectionErrorText.describe(error)) }
        context.close(promise: nil)
    }

    private static func isFlood(_ error: any Error) -> Bool {
        switch error {
        case is PeerFlood, is NIOHTTP2Errors.ExcessiveRSTFrames, is NIOHTTP2Errors.ExcessiveControlFrames,
            is NIOHTTP2Errors.ExcessiveEmptyDataFrames, is NIOHTTP2Errors.ExcessiveStreamErrors,
            is NIOHTTP2Errors.ExcessiveNumberOfGlitches, is NIOHTTP2Errors.ExcessiveContinuationFrames:
            true
        default: false
        }
    }

    /// Whether the HTTP/2 handler has reset a stream over it and goes on with the others. It says the same of both kinds of errors here.
    private static func concernsOneStream(_ error: any Error) -> Bool {
        switch error {
        case is NIOHTTP2Errors.StreamError, is NIOHTTP2Errors.NoSuchStream, is NIOHTTP2Errors.StreamClosed,
            is NIOHTTP2Errors.BadStreamStateTransition, is NIOHTTP2Errors.ContentLengthViolated,
            is NIOHTTP2Errors.ContentLengthHeadersMismatch, is NIOHTTP2Errors.ContentLengthHeaderNegative,
            is NIOHTTP2Errors.ContentLengthHeaderMalformedValue, is NIOHTTP2Errors.InvalidWindowIncrementSize,
            is NIOHTTP2Errors.TrailersWithoutEndStream,
            is NIOHTTP2Errors.PseudoHeaderAfterRegularHeader, is NIOHTTP2Errors.UnknownPseudoHeader,
            is NIOHTTP2Errors.UnsupportedPseudoHeader, is NIOHTTP2Errors.DuplicatePseudoHeader,
            is NIOHTTP2Errors.MissingPseudoHeader, is NIOHTTP2Errors.InvalidPseudoHeaders,
            is NIOHTTP2Errors.InvalidPseudoHeaderValue, is NIOHTTP2Errors.EmptyPathHeader,
            is NIOHTTP2Errors.ForbiddenHeaderField, is NIOHTTP2Errors.InvalidHTTP2HeaderFieldName,
            is NIOHTTP2Errors.InvalidHTTP2HeaderFieldValue:
            true
        default: false
        }
    }
}

/// Counts the calls of a connection, and passes what it is told on to another delegate.
struct CallCounter: NIOHTTP2StreamDelegate {
    let activity: ConnectionActivity
    let next: any NIOHTTP2StreamDelegate

    func streamCreated(_ id: HTTP2StreamID, channel: any Channel) {
        activity.beginCall()
        next.streamCreated(id, channel: channel)
    }

    func streamClosed(_ id: HTTP2StreamID, channel: any Channel) {
        activity.endCall()
        next.streamClosed(id, channel: channel)
    }
}
