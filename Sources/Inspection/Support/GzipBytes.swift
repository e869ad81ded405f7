private import CZlib

/// Packs bytes as `gzip` does (RFC 1952).
enum GzipBytes {
    /// - Throws: where there is no memory for it.
    static func packed(_ bytes: [UInt8]) throws(InspectionError) -> [UInt8] {
        var stream = z_stream()
        // The largest window, and 16 more for gzip's header.
        guard
            deflateInit2_(
                &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                CInt(MemoryLayout<z_stream>.size)) == Z_OK
        else { throw InspectionError(.unreadable, "there is no memory to pack it") }
        defer { deflateEnd(&stream) }
        var packed = [UInt8](repeating: 0, count: Int(deflateBound(&stream, uLong(bytes.count))))
        var input = bytes
        let result = input.withUnsafeMutableBufferPointer { input in
            packed.withUnsafeMutableBufferPointer { output in
                stream.next_in = input.baseAddress
                stream.avail_in = uInt(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = uInt(output.count)
                return deflate(&stream, Z_FINISH)
            }
        }
        guard result == Z_STREAM_END else {
            throw InspectionError(.unreadable, "it can't be packed (zlib says \(result))")
        }
        return Array(packed.prefix(Int(stream.total_out)))
    }
}
