internal import NIOCore

/// Closes a connection whose client reads nothing of what it is answered.
///
/// The largest answer goes out piece by piece, whenever there is room. So a client that reads makes room, and one that does not in all this
/// time keeps its streams, and what is written on them, for nothing. A status is no DATA: HTTP/2's windows don't hold it back.
final class UnreadAnswers: ChannelInboundHandler {
    typealias InboundIn = Any

    private let patience: TimeAmount
    private let report: ConnectionReport
    private var timer: Scheduled<Void>?

    /// - Parameter patience: how long a client may read nothing.
    init(patience: TimeAmount, report: ConnectionReport) {
        self.patience = patience
        self.report = report
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        timer?.cancel()
        timer = nil
        if !context.channel.isWritable {
            timer = context.eventLoop.scheduleTask(in: patience) { [report, channel = context.channel] in
                report.record(.unread)
                channel.close(promise: nil)
            }
        }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }
}
