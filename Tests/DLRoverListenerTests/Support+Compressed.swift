import CZlib

/// What a client's zlib makes of a message.
enum Compressed {
    static func gzip(_ bytes: [UInt8]) -> [UInt8] { deflated(bytes, windowBits: 15 + 16) }
    static func zlib(_ bytes: [UInt8]) -> [UInt8] { deflated(bytes, windowBits: 15) }

    private static func deflated(_ bytes: [UInt8], windowBits: CInt) -> [UInt8] {
        // On the heap, since zlib keeps the address.
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        defer { stream.deallocate() }
        precondition(
            deflateInit2_(
                stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                CInt(MemoryLayout<z_stream>.size)) == Z_OK)
        defer { deflateEnd(stream) }
        var input = bytes
        return input.withUnsafeMutableBufferPointer { input in
            let capacity = Int(deflateBound(stream, uLong(input.count)))
            return [UInt8](unsafeUninitializedCapacity: capacity) { output, count in
                stream.pointee.next_in = input.baseAddress
                stream.pointee.avail_in = uInt(input.count)
                stream.pointee.next_out = output.baseAddress
                stream.pointee.avail_out = uInt(capacity)
                precondition(deflate(stream, Z_FINISH) == Z_STREAM_END)
                count = capacity - Int(stream.pointee.avail_out)
            }
        }
    }
}
