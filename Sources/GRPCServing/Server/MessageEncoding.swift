internal import CZlib
internal import MasterClients
internal import NIOCore

/// How a client may compress its message: the values of `grpc-encoding` (gRPC over HTTP2, "Message-Encoding").
enum MessageEncoding: String, CaseIterable, Sendable {
    case identity
    /// zlib's format (RFC 1950), not the bare one that HTTP calls by the same name.
    case deflate
    case gzip

    /// The value of `grpc-accept-encoding`.
    static var accepted: String { allCases.map(\.rawValue).joined(separator: ",") }

    /// How much is decompressed at a time.
    private static let pieceBytes = 64 << 10

    /// What `inflateInit2` takes for the format: the largest window, and 16 more for gzip's header.
    private var windowBits: CInt? {
        switch self {
        case .identity: nil
        case .deflate: 15
        case .gzip: 15 + 16
        }
    }

    /// Decompresses a whole message.
    ///
    /// - Parameters:
    ///   - limit: how long the result may be, in bytes.
    ///   - reservation: what the result is taken from.
    /// - Throws: the status to answer with, if it can't be decompressed or is too large.
    func decompress(
        _ message: ByteBuffer, limit: Int, reservation: RequestBudget.Reservation
    ) throws(GRPCStatus) -> ByteBuffer {
        guard let windowBits else {
            throw GRPCStatus(
                code: .internalError, message: "the message is compressed, but grpc-encoding does not say how")
        }
        // On the heap, since zlib keeps the address.
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        defer { stream.deallocate() }
        guard inflateInit2_(stream, windowBits, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw GRPCStatus(code: .resourceExhausted, message: "there is no memory to decompress the message")
        }
        defer { inflateEnd(stream) }
        var output = ByteBuffer()
        var result = Z_OK
        var input = message
        // zlib wants its input mutable, but only reads it.
        input.withUnsafeMutableReadableBytes { bytes in
            stream.pointee.next_in = bytes.bindMemory(to: Bytef.self).baseAddress
            stream.pointee.avail_in = uInt(bytes.count)
            while result == Z_OK, output.readableBytes <= limit {
                let written = output.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.pieceBytes) { free in
                    stream.pointee.next_out = free.bindMemory(to: Bytef.self).baseAddress
                    stream.pointee.avail_out = uInt(Self.pieceBytes)
                    result = inflate(stream, Z_NO_FLUSH)
                    return Self.pieceBytes - Int(stream.pointee.avail_out)
                }
                if !reservation.grow(by: written) { result = Z_MEM_ERROR }
            }
        }
        if result == Z_MEM_ERROR { throw .requestsTakeTooMuchMemory }
        if output.readableBytes > limit { throw .messageIsTooLong(output.readableBytes, limit: limit) }
        guard result == Z_STREAM_END, stream.pointee.avail_in == 0 else {
            throw GRPCStatus(code: .internalError, message: "the message is not valid \(rawValue)")
        }
        return output
    }
}

extension GRPCStatus {
    static let requestsTakeTooMuchMemory = GRPCStatus(
        code: .resourceExhausted, message: "arobust holds as many requests as it may; try again")

    /// In the words of grpcio's server, which DLRover's code looks for.
    static func messageIsTooLong(_ bytes: Int, limit: Int) -> GRPCStatus {
        GRPCStatus(code: .resourceExhausted, message: "Received message larger than max (\(bytes) vs. \(limit))")
    }
}
