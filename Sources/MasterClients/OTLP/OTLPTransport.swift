import Diagnosis
import NIOCore
import SystemSupport

/// How an OTLP receiver is called: over HTTP/1.1 or gRPC.
protocol OTLPTransport: Sendable {
    /// Makes one call and waits for the answer.
    ///
    /// - Returns: what of the message was not taken; an empty answer if all was.
    func export(_ message: ByteBuffer, as signal: OTLPSignal) async throws(ReportError) -> OTLPAnswer

    /// Closes its connections.
    func close() async
}

/// The bytes of a message on its way, compressed or not.
enum OTLPCompression {
    /// The name that both protocols have for it.
    static let name = "gzip"

    /// - Returns: `nil` if there is no memory for it.
    static func compressed(_ message: ByteBuffer) -> ByteBuffer? {
        let room = GzipWriter.largestResult(of: message.readableBytes)
        var output = ByteBufferAllocator().buffer(capacity: room)
        let written = message.withUnsafeReadableBytes { input in
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { free in
                GzipWriter.compress(input, into: free) ?? 0
            }
        }
        return written > 0 ? output : nil
    }
}
