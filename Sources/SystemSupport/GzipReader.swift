private import CZlib

/// Decompresses gzip (RFC 1952) piece by piece, in little memory whatever the size: zlib's window and one block of input.
///
/// Members that follow each other are one text, as in `gzip -dc`. What comes before a damage or the file's end is given out first.
package final class GzipReader {
    /// How the compressed data ended.
    package enum End: Hashable, Sendable {
        case whole
        /// The data ends within a member: the file was cut off, or is still being written.
        case truncated
        /// What zlib found wrong.
        case damaged(String)
        /// Other bytes follow the last member; they are not read.
        case followedByOther
    }

    /// Reads compressed bytes into a buffer and says how many; 0 at the end.
    package typealias Input = (UnsafeMutableRawBufferPointer) throws(SystemCallError) -> Int

    private static let inputBytes = 64 << 10

    /// Set once `read` has returned 0.
    package private(set) var end: End?
    private let input: Input
    // On the heap, since zlib keeps the address. Both are freed by `deinit`.
    private let stream: UnsafeMutablePointer<z_stream>
    private let block: UnsafeMutableRawBufferPointer
    private var isWithinMember = true
    private var isAtEndOfInput = false

    package init(_ input: @escaping Input) {
        self.input = input
        block = .allocate(byteCount: Self.inputBytes, alignment: 16)
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // The largest window, and 16 more for gzip's header.
        let result = inflateInit2_(stream, 15 + 16, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
        if result != Z_OK { end = .damaged("there is no memory to decompress it") }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
        block.deallocate()
    }

    /// Whether bytes are the start of a gzip file: its magic number and the only method there is.
    package static func isGzip(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x1F, 0x8B, 0x08]) }

    /// Fills the buffer as far as one step of the decompression does.
    ///
    /// - Returns: how many bytes; 0 at the end, of which `end` says what it is.
    package func read(into output: UnsafeMutableRawBufferPointer) throws(SystemCallError) -> Int {
        guard !output.isEmpty else { return 0 }
        stream.pointee.next_out = output.bindMemory(to: Bytef.self).baseAddress
        stream.pointee.avail_out = uInt(clamping: output.count)
        let room = stream.pointee.avail_out
        while end == nil, stream.pointee.avail_out == room {
            if stream.pointee.avail_in == 0 { try readInput() }
            if isWithinMember { inflateMore(room) } else { beginNextMember() }
        }
        return Int(room - stream.pointee.avail_out)
    }

    private func inflateMore(_ room: uInt) {
        switch inflate(stream, Z_NO_FLUSH) {
        case Z_OK: break
        case Z_STREAM_END: isWithinMember = false
        // No progress: it takes more input.
        case Z_BUF_ERROR: if isAtEndOfInput { end = .truncated }
        case Z_MEM_ERROR: end = .damaged("there is no memory to decompress it")
        default: end = .damaged(stream.pointee.msg.map { String(cString: $0) } ?? "the data is no gzip")
        }
    }

    /// Another member, the zeros with which tapes are filled up, or something else.
    private func beginNextMember() {
        while stream.pointee.avail_in > 0, let next = stream.pointee.next_in, next.pointee == 0 {
            stream.pointee.next_in = next + 1
            stream.pointee.avail_in -= 1
        }
        guard stream.pointee.avail_in > 0 else {
            if isAtEndOfInput { end = .whole }
            return
        }
        guard stream.pointee.next_in.pointee == 0x1F else {
            end = .followedByOther
            return
        }
        inflateReset(stream)
        isWithinMember = true
    }

    private func readInput() throws(SystemCallError) {
        guard !isAtEndOfInput else { return }
        let count = try input(block)
        isAtEndOfInput = count == 0
        stream.pointee.next_in = block.bindMemory(to: Bytef.self).baseAddress
        stream.pointee.avail_in = uInt(count)
    }
}
