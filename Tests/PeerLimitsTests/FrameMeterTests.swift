import NIOCore
import NIOEmbedded
import PeerLimits
import Testing

/// What a peer may send of HTTP/2, without a connection.
@Suite(.serialized) struct FrameMeterTests {
    /// Tells what became of the bytes.
    private final class Sink: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        var bytes = 0
        var errors: [PeerFlood] = []

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { bytes += unwrapInboundIn(data).readableBytes }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            if let flood = error as? PeerFlood { errors.append(flood) }
        }
    }

    private let sink = Sink()
    private let channel: EmbeddedChannel
    private let meter: FrameMeter

    init() throws {
        meter = FrameMeter.ofServer(dataPerCall: 1 << 20)
        channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandlers([meter, sink])
    }

    private static func frame(_ type: UInt8, stream: UInt32 = 1, _ length: Int = 0) -> [UInt8] {
        [UInt8(length >> 16), UInt8(length >> 8 & 255), UInt8(length & 255), type, 0]
            + (0..<4).map { UInt8(truncatingIfNeeded: stream >> (24 - 8 * $0)) } + [UInt8](repeating: 0, count: length)
    }

    /// Sends frames until they are too many; no more than `most`.
    ///
    /// - Parameters:
    ///   - together: how many at a time.
    ///   - cut: into how many reads these are cut.
    /// - Returns: how many were sent.
    private func framesUntilFlood(_ frame: [UInt8], most: Int, together: Int = 1, cut: Int = 1) throws -> Int? {
        let bytes = ByteBuffer(bytes: Array(repeatElement(frame, count: together).joined()))
        let size = (bytes.readableBytes + cut - 1) / cut
        for number in stride(from: together, through: most, by: together) {
            var rest = bytes
            while let piece = rest.readSlice(length: min(size, rest.readableBytes)), piece.readableBytes > 0 {
                try channel.writeInbound(piece)
            }
            if !sink.errors.isEmpty { return number }
        }
        return nil
    }

    /// Empty DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION, and a type that nobody knows.
    @Test(arguments: [0, 1, 2, 3, 4, 6, 7, 8, 9, 200] as [UInt8])
    func emptyFramesWithoutEndAreAFlood(type: UInt8) throws {
        // Some come back while they are counted; the machine is not slower than that.
        let count = try #require(try framesUntilFlood(Self.frame(type), most: 1_000_000, together: 256))
        #expect(count > 8192)
        let before = sink.bytes
        try channel.writeInbound(ByteBuffer(bytes: Self.frame(type)))
        #expect(sink.bytes == before && sink.errors.count == 1, "nothing is passed on any more")
        #expect("\(sink.errors[0])" == "it sent too many frames that say nothing")
    }

    @Test(arguments: [1, 7, 300]) func howTheBytesAreCutDoesNotMatter(cut: Int) throws {
        let count = try #require(try framesUntilFlood(Self.frame(0, 1), most: 1_000_000, together: 256, cut: cut))
        #expect(count > 8192 && count < 100_000)
    }

    @Test func bytesOfOtherFramesCountToo() throws {
        let count = try #require(try framesUntilFlood(Self.frame(9, 16000), most: 10_000))
        #expect(count > 100 && count < 1000)
    }

    @Test func wellFilledDataIsFreeWithinWhatCallsAskFor() throws {
        for _ in 0..<40 { meter.beginCall() }
        meter.keep(openCalls: 40)
        // 8 MiB astray and 40 answers of 1 MiB.
        #expect(try framesUntilFlood(Self.frame(0, 16384), most: 48 << 6) == nil)
        #expect(try framesUntilFlood(Self.frame(0, 16384), most: 2) != nil)
        #expect(sink.errors.first?.what == "more data than its calls may have")
    }

    @Test func whatCallsDidNotNeedIsNotKept() throws {
        for _ in 0..<1000 { meter.beginCall() }
        meter.keep(openCalls: 0)
        #expect(try framesUntilFlood(Self.frame(0, 16384), most: 513) == 513)
    }

    /// Three thousand calls, whose frames together cost far more than may be spent at once, with the smallest answers, headers, settings and pings.
    @Test func honestAnswersAreNeverTooMany() throws {
        let answer =
            Self.frame(1, 60) + Self.frame(0, 12) + Self.frame(1, 40) + Self.frame(8, 4) + Self.frame(8, 4)
            + Self.frame(6, 8) + Self.frame(4)
        for _ in 0..<3000 {
            meter.beginCall()
            try channel.writeInbound(ByteBuffer(bytes: answer))
            meter.keep(openCalls: 0)
        }
        #expect(sink.errors.isEmpty && sink.bytes == 3000 * answer.count)
    }

    @Test func aServerSkipsThePrefaceAndCountsStreamsAsCalls() throws {
        let (sink, channel) = (Sink(), EmbeddedChannel())
        try channel.pipeline.syncOperations.addHandlers([FrameMeter.ofClient(), sink])
        try channel.writeInbound(ByteBuffer(string: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
        for call in 0..<5000 {
            let stream = UInt32(call * 2 + 1)
            try channel.writeInbound(
                ByteBuffer(bytes: Self.frame(1, stream: stream, 80) + Self.frame(0, stream: stream, 20)))
        }
        #expect(sink.errors.isEmpty)
        // The same stream again is no new call.
        let again = ByteBuffer(bytes: Array(repeatElement(Self.frame(1), count: 256).joined()))
        for _ in 0..<4000 where sink.errors.isEmpty { try channel.writeInbound(again) }
        #expect(!sink.errors.isEmpty)
    }

    @Test func whatIsNotHTTP2IsForOthersToTell() throws {
        try channel.writeInbound(ByteBuffer(string: "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))
        #expect(sink.errors.isEmpty && sink.bytes > 0)
    }

    @Test func creditComesBackWithTime() throws {
        let start = NIODeadline.uptimeNanoseconds(1)
        var allowance = FrameAllowance(dataPerCall: nil, now: start)
        try allowance.spend(FrameAllowance.burst, dataBytes: 0, now: start)
        #expect(throws: PeerFlood.self) { try allowance.spend(1, dataBytes: 0, now: start) }
        try allowance.spend(FrameAllowance.perSecond - 1, dataBytes: 0, now: start + .seconds(1))
        try allowance.spend(FrameAllowance.burst, dataBytes: 0, now: start + .hours(1))
        #expect(throws: PeerFlood.self) { try allowance.spend(1, dataBytes: 0, now: start + .hours(1)) }
    }
}
