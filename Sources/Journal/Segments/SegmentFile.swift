internal import Glibc

/// A segment file open for reading, with a piece of it in memory.
///
/// Unchecked: it is changed by its one owner only, a scan or a reader under its lock.
final class SegmentFile: @unchecked Sendable {
    let path: String
    private let files: Files
    private let descriptor: CInt
    private let readAhead: Int
    private var buffer: [UInt8] = []
    /// How many of the buffer's bytes are the file's, from `bufferOffset` on.
    private var bufferCount = 0
    private var bufferOffset: UInt64 = 0

    private init(path: String, files: Files, descriptor: CInt, readAhead: Int) {
        self.path = path
        self.files = files
        self.descriptor = descriptor
        self.readAhead = readAhead
    }

    deinit {
        files.close(descriptor)
    }

    /// Opens the file; `nil` if it is gone.
    ///
    /// - Parameter readAhead: how much to read at least at a time, if that much is there.
    static func open(_ path: String, files: Files, readAhead: Int) throws(JournalError) -> SegmentFile? {
        guard let descriptor = try files.openExisting(path, flags: O_RDONLY) else { return nil }
        return SegmentFile(path: path, files: files, descriptor: descriptor, readAhead: readAhead)
    }

    func length() throws(JournalError) -> UInt64 {
        try files.length(descriptor, path: path)
    }

    /// Gives `body` up to `count` bytes from `offset` on; fewer only where `limit` or the file ends.
    ///
    /// - Parameter limit: how much of the file may be looked at. What a writer is adding beyond must not get into the memory.
    func withBytes<Answer>(
        at offset: UInt64, count: Int, limit: UInt64, _ body: (UnsafeRawBufferPointer) -> Answer
    ) throws(JournalError) -> Answer {
        let count = offset < limit ? Int(min(UInt64(count), limit - offset)) : 0
        if offset < bufferOffset || offset + UInt64(count) > bufferOffset + UInt64(bufferCount) {
            try fill(at: offset, count: Int(min(UInt64(max(count, readAhead)), limit > offset ? limit - offset : 0)))
        }
        return buffer.withUnsafeBytes { bytes in
            let start = Int(offset - bufferOffset)
            let end = min(bufferCount, start + count)
            return body(UnsafeRawBufferPointer(rebasing: bytes[min(start, end)..<end]))
        }
    }

    private func fill(at offset: UInt64, count: Int) throws(JournalError) {
        if buffer.count < count { buffer = [UInt8](repeating: 0, count: count) }
        bufferOffset = offset
        bufferCount = 0
        let result = buffer.withUnsafeMutableBytes { bytes in
            read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<count]), at: offset)
        }
        bufferCount = try result.get()
    }

    private func read(into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Result<Int, JournalError> {
        Result { () throws(JournalError) in try files.read(descriptor, path: path, into: bytes, at: offset) }
    }

    /// The header of the record at `offset`, or `nil` if no whole one is there.
    func recordHeader(at offset: UInt64, limit: UInt64) throws(JournalError) -> RecordHeader? {
        let length = try withBytes(at: offset, count: RecordHeader.fixedLength, limit: limit) {
            RecordHeader.length(atStartOf: $0)
        }
        guard let length else { return nil }
        let header = try withBytes(at: offset, count: length, limit: limit) { RecordHeader($0) }
        guard let header, offset + UInt64(header.recordLength) <= limit else { return nil }
        return header
    }

    /// The payload of the record at `offset`, or `nil` if it isn't what was written.
    func payload(of header: RecordHeader, at offset: UInt64, limit: UInt64) throws(JournalError) -> [UInt8]? {
        let start = offset + UInt64(header.length)
        guard start + UInt64(header.payloadLength) <= limit else { return nil }
        var failure: JournalError?
        let payload = [UInt8](unsafeUninitializedCapacity: header.payloadLength) { bytes, count in
            let raw = UnsafeMutableRawBufferPointer(
                rebasing: UnsafeMutableRawBufferPointer(bytes)[..<header.payloadLength])
            count = takeBuffered(from: start, into: raw)
            if count < raw.count {
                let rest = UnsafeMutableRawBufferPointer(rebasing: raw[count...])
                switch read(into: rest, at: start + UInt64(count)) {
                case .success(let more): count += more
                case .failure(let error): failure = error
                }
            }
        }
        if let failure { throw failure }
        guard payload.count == header.payloadLength,
            payload.withUnsafeBytes({ CRC32C.of($0) }) == header.payloadChecksum
        else { return nil }
        return payload
    }

    /// Copies what the buffer has of `bytes` and answers how much that is.
    private func takeBuffered(from offset: UInt64, into bytes: UnsafeMutableRawBufferPointer) -> Int {
        guard offset >= bufferOffset, offset < bufferOffset + UInt64(bufferCount) else { return 0 }
        let start = Int(offset - bufferOffset)
        let count = min(bytes.count, bufferCount - start)
        buffer.withUnsafeBytes { bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + count])) }
        return count
    }

    func payloadIsWhole(_ header: RecordHeader, at offset: UInt64, limit: UInt64) throws(JournalError) -> Bool {
        let isWhole = try withBytes(at: offset + UInt64(header.length), count: header.payloadLength, limit: limit) {
            $0.count == header.payloadLength && CRC32C.of($0) == header.payloadChecksum
        }
        if buffer.count > 4 * readAhead {
            buffer = []
            bufferCount = 0
        }
        return isWhole
    }

    /// Where the next whole header is from `offset` on, or `nil`.
    func nextRecord(from offset: UInt64, limit: UInt64) throws(JournalError) -> UInt64? {
        let step = 64 << 10
        var offset = offset
        while offset < limit {
            let found = try withBytes(at: offset, count: step, limit: limit) { bytes -> [Int] in
                (0..<max(0, bytes.count - 3)).filter {
                    bytes[$0] == 0x4A
                        && UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: $0, as: UInt32.self))
                            == RecordHeader.marker
                }
            }
            for index in found where try recordHeader(at: offset + UInt64(index), limit: limit) != nil {
                return offset + UInt64(index)
            }
            offset += UInt64(step - 3)
        }
        return nil
    }
}
