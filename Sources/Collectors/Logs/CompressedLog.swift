internal import Glibc
internal import Logging
internal import SystemSupport

/// A rotated log that was compressed (`train.log.1.gz`) before it was read to its end.
///
/// What was not read of it is unpacked into a file without a name, at the places that it had in the log, so that it is read as any other.
struct CompressedLog {
    /// More is not unpacked: what the compressed file holds then counts as lost.
    static let mostBytes: UInt64 = 16 << 30
    private static let blockBytes = 256 << 10

    let path: String

    /// Whether the name says that the file is compressed; what is in it is looked at when it is unpacked.
    static func isCompressed(_ path: String) -> Bool { path.hasSuffix(".gz") }

    /// The log from `position` on.
    ///
    /// - Parameter position: up to where it was read; `nil` to unpack all of it.
    /// - Returns: `nil` if it is another log, is shorter, or is damaged.
    /// - Throws: `SystemCallError` if it can't be read, or there is no room for what it holds.
    func unpacked(from position: LogPosition?) throws(SystemCallError) -> LogFile? {
        let packed = try LogFile(path: path)
        guard GzipReader.isGzip(try packed.bytes(at: 0, count: 4)) else { return nil }
        var read: UInt64 = 0
        let reader = GzipReader { (block) throws(SystemCallError) in
            let count = try packed.read(into: block, at: read)
            read += UInt64(count)
            return count
        }
        let file = try LogFile(withoutNameIn: Self.temporaryFolder, for: packed)
        let start = position?.offset ?? 0
        let mark = UInt64(FileMark.length)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.blockBytes, alignment: 16)
        defer { buffer.deallocate() }
        var offset: UInt64 = 0
        var wasCompared = start == 0
        while true {
            let count = UInt64(try reader.read(into: buffer))
            if !wasCompared, offset + count >= min(start, mark) || count == 0 {
                // The first bytes tell most other logs from this one, before much is unpacked.
                wasCompared = true
                let head = try file.bytes(at: 0, count: Int(min(offset, mark))) + buffer.prefix(Int(min(count, mark)))
                guard position?.mark.mayMatch(head: head) ?? true else { return nil }
            }
            guard count > 0 else { break }
            // Of what was read already only the marks are needed.
            for kept in [0..<mark, (start - min(start, mark))..<UInt64.max] {
                let from = max(kept.lowerBound, offset)
                let to = min(kept.upperBound, offset + count)
                guard from < to else { continue }
                try file.write(
                    UnsafeRawBufferPointer(rebasing: buffer[Int(from - offset)..<Int(to - offset)]), at: from)
            }
            offset += count
            guard offset <= Self.mostBytes else { return nil }
        }
        // What was rotated later is newer than that.
        try file.setTime(packed.status().modified)
        guard reader.end == .whole, let position else { return reader.end == .whole ? file : nil }
        guard offset >= start, try position.mark.matches(file, offset: start) else { return nil }
        return file
    }

    private static var temporaryFolder: String {
        getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    }
}
