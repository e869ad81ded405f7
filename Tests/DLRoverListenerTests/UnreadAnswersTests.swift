import Logging
import NIOCore
import NIOEmbedded
import Telemetry
import Testing

@testable import DLRoverListener
@testable import GRPCServing

/// Connections whose clients read nothing, by a clock of their own.
@Suite struct UnreadAnswersTests {
    private let registry = TelemetryRegistry()

    private func open() throws -> EmbeddedChannel {
        let report = ConnectionReport(factory: registry, logger: Logger(label: "t"))
        let channel = EmbeddedChannel(handler: UnreadAnswers(patience: .seconds(60), report: report))
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return channel
    }

    private func set(_ channel: EmbeddedChannel, writable: Bool) {
        channel.isWritable = writable
        channel.pipeline.fireChannelWritabilityChanged()
    }

    private var isCounted: Bool { registry.text().contains(#"arobust_listener_closed_total{reason="unread"} 1"#) }

    @Test func whoReadsNothingIsClosedAfterAWhile() throws {
        let channel = try open()
        set(channel, writable: false)
        channel.embeddedEventLoop.advanceTime(by: .seconds(59))
        #expect(channel.isActive && !isCounted)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive && isCounted)
    }

    @Test func whoReadsSlowlyIsNot() throws {
        let channel = try open()
        for _ in 0..<10 {
            set(channel, writable: false)
            channel.embeddedEventLoop.advanceTime(by: .seconds(50))
            set(channel, writable: true)
        }
        channel.embeddedEventLoop.advanceTime(by: .hours(1))
        #expect(channel.isActive && !isCounted)
        try channel.close().wait()
    }
}
