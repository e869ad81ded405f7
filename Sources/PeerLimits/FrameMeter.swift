package import NIOCore

/// Counts the frames of a peer before they are looked at, and reports a `PeerFlood` as an error of the connection when they are too many or
/// too empty. After that nothing more is passed on. Stands before an `NIOHTTP2Handler`; used on its event loop only.
///
/// `NIOHTTP2Handler` has limits of its own for some kinds of frames. This one holds for all kinds together, known or not.
package final class FrameMeter: ChannelInboundHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer

    private static let headBytes = 9
    private static let headers: UInt8 = 1

    private var allowance: FrameAllowance
    private let countsCalls: Bool
    /// Bytes to skip: of the client's preface, or of the rest of a frame.
    private var skip: Int
    /// A frame's head that is not complete yet.
    private var head: [UInt8] = []
    private var lastStream: UInt32 = 0
    private var isOver = false

    /// The meter of a client, which says itself when a call begins and ends.
    ///
    /// - Parameter dataPerCall: how much DATA an answer may have, in bytes.
    package static func ofServer(dataPerCall: Int) -> FrameMeter {
        FrameMeter(skip: 0, countsCalls: false, dataPerCall: dataPerCall)
    }

    /// The meter of a server, for which each new stream is a call.
    package static func ofClient() -> FrameMeter {
        FrameMeter(skip: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8.count, countsCalls: true, dataPerCall: nil)
    }

    private init(skip: Int, countsCalls: Bool, dataPerCall: Int?) {
        self.skip = skip
        self.countsCalls = countsCalls
        allowance = FrameAllowance(dataPerCall: dataPerCall, now: .now())
        head.reserveCapacity(Self.headBytes)
    }

    package func beginCall() { allowance.beginCall() }

    /// Says how many calls are open; to be called now and then, since calls end in many ways.
    package func keep(openCalls: Int) { allowance.keep(openCalls: openCalls) }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        do throws(PeerFlood) {
            let (price, dataBytes) = unwrapInboundIn(data).withUnsafeReadableBytes { count($0) }
            try allowance.spend(price, dataBytes: dataBytes, now: .now())
        } catch {
            isOver = true
            context.fireErrorCaught(error)
            return
        }
        context.fireChannelRead(data)
    }

    /// What the frames cost that begin in these bytes, and how much DATA they announce.
    private func count(_ bytes: UnsafeRawBufferPointer) -> (price: Int, dataBytes: Int) {
        var (price, dataBytes, at) = (0, 0, 0)
        while at < bytes.count {
            let skipped = min(skip, bytes.count - at)
            skip -= skipped
            at += skipped
            while at < bytes.count, skip == 0, head.count < Self.headBytes {
                head.append(bytes[at])
                at += 1
            }
            guard head.count == Self.headBytes else { continue }
            let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
            price += FrameAllowance.price(type: head[3], length: length)
            if head[3] == 0 { dataBytes += length }
            if countsCalls, head[3] == Self.headers { noteStream() }
            skip = length
            head.removeAll(keepingCapacity: true)
        }
        return (price, dataBytes)
    }

    /// The headers of a stream that is new are a call.
    private func noteStream() {
        let stream = head[5...].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7fff_ffff
        guard stream > lastStream else { return }
        lastStream = stream
        allowance.beginCall()
        allowance.keep(openCalls: 0)
    }
}

@available(*, unavailable)
extension FrameMeter: Sendable {}
