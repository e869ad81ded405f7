private import Glibc

/// The right to open a consumer's store: an flock(2) on a file that says whose it is. Given back by `deinit` or death.
final class ConsumerLock: Sendable {
    /// What the file says of its holder.
    struct Holder: Sendable {
        /// The consumer's name; empty if the file does not say.
        var consumer: String
        var process: String
    }

    private let descriptor: Int32

    private init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    /// Takes the lock, or waits until it can or the time is over.
    static func take(
        _ path: String, consumer: String?, waiting time: Duration
    ) throws(SystemFailure) -> (lock: ConsumerLock?, holder: Holder) {
        let end = ContinuousClock.now + time
        while true {
            let taken = try take(path, consumer: consumer)
            if taken.lock != nil || .now >= end { return taken }
            usleep(20_000)
        }
    }

    /// Takes the lock without waiting.
    ///
    /// - Parameter consumer: the name to write into the file; `nil` leaves it as it is.
    /// - Returns: `nil` and the holder if it is taken.
    static func take(_ path: String, consumer: String?) throws(SystemFailure) -> (lock: ConsumerLock?, holder: Holder) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SystemFailure("open") }
        let lock = ConsumerLock(descriptor: descriptor)
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            if errno == EWOULDBLOCK { return (nil, lock.holder()) }
            guard errno == EINTR else { throw SystemFailure("flock") }
        }
        let holder = lock.holder()
        if let consumer { lock.write("\(consumer)\npid \(getpid())\n") }
        return (lock, holder)
    }

    /// Only a help for people and for `ConsumerStore.readings`: the lock itself is the kernel's.
    private func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = ftruncate(descriptor, 0)
        _ = pwrite(descriptor, bytes, bytes.count, 0)
    }

    private func holder() -> Holder {
        var bytes = [UInt8](repeating: 0, count: 8192)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        let lines = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: "\n")
        return Holder(
            consumer: lines.first.map(String.init) ?? "",
            process: lines.dropFirst().first.map(String.init) ?? "by a process that has not said its pid yet")
    }
}
