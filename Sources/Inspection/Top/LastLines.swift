private import Glibc
internal import LogText
private import Synchronization
private import SystemSupport

/// The last line of each of some logs, read from the files themselves: nothing of the kind is in a status.
///
/// A file server that does not answer holds up one thread of its own, and what is known stays as it was.
final class LastLines: Sendable {
    /// How much of a file's end is read, and of how many files.
    static let (mostBytes, mostFiles) = (8192, 256)

    private struct State {
        var lines: [String: String] = [:]
        var isReading = false
    }

    private let state = Mutex(State())

    var known: [String: String] { state.withLock(\.lines) }

    /// Has them read again soon; waits for nothing.
    func refresh(_ files: [String]) {
        let files = Array(files.prefix(Self.mostFiles))
        let isBusy = state.withLock { state in
            defer { state.isReading = true }
            return state.isReading
        }
        guard !isBusy else { return }
        PinnedThread.start(name: "arobust-lines") { [self] in
            var lines: [String: String] = [:]
            for file in files { lines[file] = Self.lastLine(of: file) }
            state.withLock { $0 = State(lines: lines) }
        }
    }

    /// `nil` where there is none, or this user may not read it. Waits for no pipe's writer, and touches nothing but regular files.
    static func lastLine(of path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        var bytes = [UInt8](repeating: 0, count: mostBytes)
        let count = pread(descriptor, &bytes, mostBytes, max(0, status.st_size - off_t(mostBytes)))
        return count > 0 ? lastLine(in: bytes[..<count]) : nil
    }

    /// The last line that is not empty, without what a container runtime puts around it; of a progress bar its last state.
    static func lastLine(in bytes: ArraySlice<UInt8>) -> String? {
        guard let line = bytes.split(separator: 0x0A).last(where: Self.hasText) else { return nil }
        let text = line.withUnsafeBytes { ContainerLine($0)?.payload } ?? Array(line)
        return text.split(separator: 0x0D).last { Self.hasText($0) }.map { String(decoding: $0, as: UTF8.self) }
    }

    private static func hasText(_ bytes: ArraySlice<UInt8>) -> Bool { bytes.contains { $0 > 0x20 } }
}
