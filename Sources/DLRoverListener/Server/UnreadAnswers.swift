internal import NIOCore

/// Reads nothing more of a client that does not read what it is answered, and closes its connection if that lasts.
///
/// A status is no DATA, so no window of HTTP/2 holds it back: a client that makes calls without end and reads nothing would fill the memory
/// with refusals. The last handler of the connection.
final class UnreadAnswers: ChannelDuplexHandler {
    typealias InboundIn = Never
    typealias OutboundIn = Never

    private let patience: TimeAmount
    private let report: ConnectionReport
    private var isHeld = false
    private var timer: Scheduled<Void>?

    /// - Parameter patience: how long a client may read nothing.
    init(patience: TimeAmount, report: ConnectionReport) {
        self.patience = patience
        self.report = report
    }

    func read(context: ChannelHandlerContext) {
        isHeld = !context.channel.isWritable
        if !isHeld { context.read() }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        timer?.cancel()
        if !context.channel.isWritable {
            timer = context.channel.eventLoop.scheduleTask(in: patience) { [report, channel = context.channel] in
                report.record(.unread)
                channel.close(promise: nil)
            }
        } else if isHeld {
            read(context: context)
        }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }
}
