private import Diagnosis
internal import Glibc
internal import SystemSupport

/// The files of one named consumer in a directory.
struct ConsumerFiles: Hashable, Sendable {
    private static let longestSlug = 60
    static let databaseSuffix = ".db"

    let directory: String
    /// What all the names begin with.
    let stem: String

    /// Names the files after the consumer: readable, and different for every name.
    init(directory: String, consumer: String) {
        self.directory = directory
        let slug = consumer.unicodeScalars.prefix(Self.longestSlug).map { Self.isPlain($0) ? Character($0) : "_" }
        let hash = String(Self.hash(of: consumer), radix: 16)
        stem = String(slug) + "-" + String(repeating: "0", count: 8 - hash.utf8.count) + hash
    }

    /// The files of a database that is there; `nil` for another file's name.
    init?(directory: String, databaseName: String) {
        guard databaseName.hasSuffix(Self.databaseSuffix) else { return nil }
        self.directory = directory
        stem = String(databaseName.dropLast(Self.databaseSuffix.count))
    }

    var database: String { path(Self.databaseSuffix) }
    var lock: String { path(".lock") }
    var deadLetters: String { path(".dead.ndjson") }

    private func path(_ suffix: String) -> String { "\(directory)/\(stem)\(suffix)" }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "A"..."Z", "a"..."z", "0"..."9", ".", "-": true
        default: false
        }
    }

    /// FNV-1a, 32 bits (RFC 9923).
    private static func hash(of text: String) -> UInt32 {
        text.utf8.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
    }
}

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

/// Moves a database out of the way, with what SQLite keeps beside it.
enum SetAside {
    /// - Returns: the new path.
    static func move(database path: String) throws(SystemFailure) -> String {
        let stem = "\(path).corrupt-\(WallClock.seconds())"
        var newPath = stem
        var number = 1
        while access(newPath, F_OK) == 0 {
            number += 1
            newPath = "\(stem)-\(number)"
        }
        for suffix in ["-wal", "-shm", ""] {
            guard rename(path + suffix, newPath + suffix) == 0 || errno == ENOENT else { throw SystemFailure("rename") }
        }
        return newPath
    }
}

/// A system call that failed, with the system's words for it.
struct SystemFailure: Error, CustomStringConvertible {
    let call: String
    let code: Int32

    init(_ call: String, code: Int32 = errno) {
        self.call = call
        self.code = code
    }

    var description: String { "\(call): \(String(cString: strerror(code)))" }
}
