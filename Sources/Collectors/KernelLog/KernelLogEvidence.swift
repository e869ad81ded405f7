private import Glibc
package import Hang
internal import SystemPackage
internal import SystemSupport

/// The kernel's last lines: out-of-memory kills, Xids, hung tasks. From the file that the settings name, else from `/dev/kmsg`.
package struct KernelLogEvidence: EvidenceSource {
    private static let mostBytes = 64 << 10
    private static let device = "/dev/kmsg"

    private let path: String?
    private let queue = BlockingQueue(label: "arobust.kernel-log", pool: .output)

    /// - Parameter path: what `dmesg` or `journalctl -k` writes; `nil`: the kernel itself is asked.
    package init(path: String?) {
        self.path = path
    }

    package func collect(
        until deadline: ContinuousClock.Instant, _ take: @Sendable (EvidencePiece) async -> Void
    ) async {
        let source = path ?? Self.device
        let path = self.path
        let result = await queue.run { () -> Result<[UInt8], SystemCallError> in
            Result { () throws(SystemCallError) in
                if let path { return try Self.tail(of: path) }
                return try Self.records(until: deadline)
            }
        }
        switch result {
        case .success(let lines):
            await take(EvidencePiece(kind: .kernelLog, source: source, time: WallClock.seconds(), content: lines))
        case .failure(let error):
            let help =
                path == nil ? "; root or the group that may read it can, or diagnosis.kernel-log names a file" : ""
            await take(.missing(.kernelLog, source: source, time: WallClock.seconds(), because: "\(error)\(help)"))
        }
    }

    private static func tail(of path: String) throws(SystemCallError) -> [UInt8] {
        let descriptor = try SystemCallError.retrying("open", path: path) {
            open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw SystemCallError("stat", path: path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw SystemCallError("read", path: path, refusal: "it is not a regular file")
        }
        var bytes = [UInt8](repeating: 0, count: mostBytes)
        let start = max(0, Int(status.st_size) - mostBytes)
        let count = try SystemCallError.retrying("read", path: path) {
            pread(descriptor, &bytes, mostBytes, off_t(start))
        }
        let read = bytes[..<count]
        guard start > 0, let newline = read.firstIndex(of: 0x0A) else { return Array(read) }
        return Array(read[(newline + 1)...])
    }

    /// A read gives one record (dev-kmsg(4) in the kernel's documentation), `EAGAIN` after the last.
    private static func records(until deadline: ContinuousClock.Instant) throws(SystemCallError) -> [UInt8] {
        let descriptor = try SystemCallError.retrying("open", path: device) {
            open(device, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        }
        defer { close(descriptor) }
        var lines: [UInt8] = []
        var record = [UInt8](repeating: 0, count: 8192)
        while ContinuousClock.now < deadline {
            let count = read(descriptor, &record, record.count)
            if count < 0 {
                if errno == EINTR || errno == EPIPE { continue }
                if errno == EAGAIN { break }
                throw SystemCallError("read", path: device)
            }
            guard count > 0 else { break }
            lines += record[..<count]
            if lines.count > 2 * mostBytes { lines.removeFirst(lines.count - mostBytes) }
        }
        return Array(lines.suffix(mostBytes))
    }
}
