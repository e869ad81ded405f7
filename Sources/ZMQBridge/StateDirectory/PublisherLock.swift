private import Glibc
internal import SystemSupport

/// The right to publish from a state directory: a lock on a file that says who holds it. Released by `deinit` or the process's end.
///
/// The sockets in the directory are the holder's, so it removes them when it ends; libzmq leaves them there.
final class PublisherLock: Sendable {
    private let lock: FileLock
    private let directory: StateDirectory

    private init(_ lock: FileLock, in directory: StateDirectory) {
        self.lock = lock
        self.directory = directory
    }

    deinit {
        guard lock.isStillInPlace else { return }
        // One that can't be removed does no harm: the next publisher replaces it.
        for path in directory.sockets { try? directory.removeStaleSocket(at: path) }
    }

    /// Takes the lock, waiting for another holder up to `patience`: one that is just ending should not make its successor fail.
    ///
    /// - Parameter owner: another user to whom the directory belongs, where this is no publisher but only looks.
    /// - Throws: `StateDirectoryError.inUse` with the holder's pid if the lock is still held then.
    static func acquire(
        in directory: StateDirectory, patience: Duration, alsoOf owner: UInt32? = nil
    ) async throws -> PublisherLock {
        let deadline = ContinuousClock.now + patience
        while true {
            switch try FileLock.tryTake(directory.lockFile, alsoOf: owner) {
            case .taken(let lock):
                // The last holder may have removed the directory with it while we waited.
                guard lock.isStillInPlace else { continue }
                lock.write(note: "pid \(getpid()) on \(HostName.current)\n")
                return PublisherLock(lock, in: directory)
            case .held(let note):
                guard ContinuousClock.now < deadline else {
                    let holder = String(note.prefix { $0 != "\n" })
                    throw StateDirectoryError.inUse(
                        path: directory.path, holder: holder.isEmpty ? "which has not written its pid yet" : holder)
                }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    /// Whether the directory is still the one in which the lock was taken.
    var isStillInPlace: Bool { lock.isStillInPlace }
}
