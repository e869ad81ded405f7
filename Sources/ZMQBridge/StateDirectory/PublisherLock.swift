private import Glibc
private import Synchronization

/// The right to publish from a state directory: an flock(2) on a file that says who holds it. Given back by `deinit` or death.
///
/// The sockets in the directory are the holder's, so it takes them away with it; libzmq leaves them there.
final class PublisherLock: Sendable {
    private let descriptor: Int32
    private let directory: StateDirectory
    private let isHeld = Atomic(false)

    private init(descriptor: Int32, directory: StateDirectory) {
        self.descriptor = descriptor
        self.directory = directory
    }

    deinit {
        if isHeld.load(ordering: .relaxed), isStillInPlace {
            // One that can't be removed is in nobody's way: the next publisher replaces it.
            for path in directory.sockets { try? directory.removeStaleSocket(at: path) }
        }
        close(descriptor)
    }

    /// Takes the lock, waiting for another holder up to `patience`: one that is just ending should not fail its successor.
    ///
    /// - Throws: `StateDirectoryError.inUse` with the holder's pid when it still is taken then.
    static func take(in directory: StateDirectory, patience: Duration) async throws -> PublisherLock {
        let descriptor = open(directory.lockFile, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SystemCallError(call: "open", path: directory.lockFile) }
        let lock = PublisherLock(descriptor: descriptor, directory: directory)
        let deadline = ContinuousClock.now + patience
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR else {
                throw SystemCallError(call: "flock", path: directory.lockFile)
            }
            guard ContinuousClock.now < deadline else {
                throw StateDirectoryError.inUse(path: directory.path, holder: lock.holder())
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        // The last holder may have removed the directory with it while we waited.
        guard lock.isStillInPlace else { return try await take(in: directory, patience: patience) }
        lock.isHeld.store(true, ordering: .relaxed)
        lock.nameHolder()
        return lock
    }

    /// Whether the file is still the one in the directory, and not that of a directory which was removed and made anew.
    private var isStillInPlace: Bool {
        var held = stat()
        var there = stat()
        return fstat(descriptor, &held) == 0 && lstat(directory.lockFile, &there) == 0 && held.st_dev == there.st_dev
            && held.st_ino == there.st_ino
    }

    private func nameHolder() {
        var host = [CChar](repeating: 0, count: 256)
        gethostname(&host, host.count - 1)
        let hostName = String(decoding: host.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        let text = Array("pid \(getpid()) on \(hostName)\n".utf8)
        // Only a help for people: the lock itself is the kernel's.
        _ = ftruncate(descriptor, 0)
        _ = pwrite(descriptor, text, text.count, 0)
    }

    private func holder() -> String {
        var bytes = [UInt8](repeating: 0, count: 512)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        let text = String(decoding: bytes.prefix(max(0, count)).prefix { $0 != 0x0A }, as: UTF8.self)
        return text.isEmpty ? "which has not said its pid yet" : text
    }
}
