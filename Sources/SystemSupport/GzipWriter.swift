private import CZlib

/// Compresses bytes to gzip (RFC 1952) in one piece.
package enum GzipWriter {
    /// zlib's fastest: on logs it saves nearly as much as the others, for a fraction of their time.
    private static let level: CInt = 1

    /// How many bytes the result of compressing `count` bytes may have.
    package static func largestResult(of count: Int) -> Int {
        // As `compressBound` has it, and gzip's header and trailer.
        count + count >> 12 + count >> 14 + count >> 25 + 13 + 18
    }

    /// Compresses all of `input`.
    ///
    /// - Parameter output: with room for `largestResult(of:)`.
    /// - Returns: how many bytes of `output` are the result; `nil` if there is no memory for it.
    package static func compress(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) -> Int? {
        // On the heap, since zlib keeps the address.
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        defer { stream.deallocate() }
        // The largest window, and 16 more for gzip's header.
        let size = CInt(MemoryLayout<z_stream>.size)
        guard deflateInit2_(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size) == Z_OK
        else { return nil }
        defer { deflateEnd(stream) }
        // zlib wants its input mutable, but only reads it.
        stream.pointee.next_in = UnsafeMutableRawBufferPointer(mutating: input).bindMemory(to: Bytef.self).baseAddress
        stream.pointee.avail_in = uInt(clamping: input.count)
        stream.pointee.next_out = output.bindMemory(to: Bytef.self).baseAddress
        stream.pointee.avail_out = uInt(clamping: output.count)
        guard deflate(stream, Z_FINISH) == Z_STREAM_END else { return nil }
        return Int(stream.pointee.total_out)
    }
}
