import NIOCore
import NIOHPACK
import NIOHTTP2

/// One request, and the means to answer it.
final class H2Exchange: Sendable {
    let headers: [String: String]
    let body: ByteBuffer
    private let stream: any Channel

    init(headers: [String: String], body: ByteBuffer, stream: any Channel) {
        self.headers = headers
        self.body = body
        self.stream = stream
    }

    /// Ends when the stream is closed, by whom ever.
    func closed() async { try? await stream.closeFuture.get() }

    func perform(_ steps: [H2Server.Step]) {
        let stream = stream
        stream.eventLoop.execute {
            for step in steps { Self.perform(step, stream) }
            stream.flush()
        }
    }

    private static func perform(_ step: H2Server.Step, _ stream: any Channel) {
        func write(_ payload: HTTP2Frame.FramePayload) {
            stream.pipeline.syncOperations.write(NIOAny(payload), promise: nil)
        }
        switch step {
        case .headers(let headers, let isEnd): write(.headers(.init(headers: HPACKHeaders(headers), endStream: isEnd)))
        case .data(let bytes, let isEnd):
            write(.data(.init(data: .byteBuffer(ByteBuffer(bytes: bytes)), endStream: isEnd)))
        case .reset(let code): write(.rstStream(code))
        case .goAway(let last, let code):
            let frame = HTTP2Frame(
                streamID: .rootStream,
                payload: .goAway(lastStreamID: HTTP2StreamID(last), errorCode: code, opaqueData: nil))
            stream.parent?.pipeline.syncOperations.writeAndFlush(NIOAny(frame), promise: nil)
        case .close: stream.parent?.close(promise: nil)
        }
    }
}
