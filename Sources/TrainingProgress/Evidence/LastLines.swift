internal import FailureDiagnosis
private import FoundationEssentials
private import Glibc
package import SystemSupport

/// The end of a log as it is in the file now, also what was not read or reported yet.
package struct LastLines: Hashable, Sendable {
    /// What is known of the log beside its lines.
    package struct Head: Hashable, Sendable, Codable {
        /// Absolute.
        package var path: String
        /// The global rank, where the path tells it.
        package var rank: Int?
        /// The time that the last line with one gives, in seconds since 1970: by the clock and the zone of whoever wrote it.
        package var lastLineTime: Double?
        /// When the file was last written, in seconds since 1970, by the clock of the node.
        package var modified: Double
        /// How large the file is, in bytes.
        package var size: UInt64

        enum CodingKeys: String, CodingKey {
            case path, rank, modified, size
            case lastLineTime = "last_line_time"
        }
    }

    /// At most so much of each log, in bytes.
    package static let mostBytes = 64 << 10
    private static let mark = "arobust log: "
    /// So many of the last lines are searched for a time.
    private static let mostLines = 64

    package var head: Head
    /// Whole lines from the first on; the last may lack its end.
    package var bytes: [UInt8]

    /// Reads the file's end. Blocks for as long as the disk does, but never for a named pipe's writer.
    package init(path: String, rank: Int?, limit: Int = mostBytes) throws(SystemCallError) {
        let descriptor = try SystemCallError.retrying("open", path: path) {
            open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        }
        defer { close(descriptor) }
        var status = stat()
        _ = try SystemCallError.retrying("fstat", path: path) { fstat(descriptor, &status) }
        let size = status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : 0
        let start = max(0, size - limit)
        var bytes = [UInt8](repeating: 0, count: size - start)
        var count = 0
        while count < bytes.count {
            let read = try SystemCallError.retrying("read", path: path) {
                bytes.withUnsafeMutableBytes { buffer in
                    pread(descriptor, buffer.baseAddress.map { $0 + count }, buffer.count - count, off_t(start + count))
                }
            }
            if read == 0 { break }
            count += read
        }
        bytes.removeLast(bytes.count - count)
        if start > 0, let end = bytes.firstIndex(of: 0x0A) { bytes.removeFirst(end + 1) }
        self.bytes = bytes
        head = Head(
            path: path, rank: rank, lastLineTime: Self.time(of: bytes),
            modified: Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) / 1e9, size: UInt64(size))
    }

    private static func time(of bytes: [UInt8]) -> Double? {
        bytes.withUnsafeBytes { bytes in
            let time = LogTime(clock: .system)
            for line in LineBounds.lastLines(mostLines, in: bytes).reversed() {
                if let found = time.read(UnsafeRawBufferPointer(rebasing: bytes[line.prefix(1000)])) { return found }
            }
            return nil
        }
    }

    /// As a piece of evidence carries it: a first line `arobust log: {JSON of the head}`, then the lines.
    package var content: [UInt8] { Array((Self.mark).utf8) + ProgressText.bytes(head) + [0x0A] + bytes }

    /// Reads `content`; `nil` if it is none.
    package init?(content: [UInt8]) {
        guard content.starts(with: Self.mark.utf8), let end = content.firstIndex(of: 0x0A),
            let head = try? JSONDecoder().decode(Head.self, from: Data(content[Self.mark.utf8.count..<end]))
        else { return nil }
        self.head = head
        bytes = Array(content[(end + 1)...])
    }
}
