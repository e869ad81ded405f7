private import Glibc
private import SystemPackage
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

    /// What SQLite opens by its name.
    private static let databaseParts = ["", "-wal", "-shm", "-journal"]

    /// Checks that the database, and what SQLite keeps beside it, can only be ours, in a folder to which others can't write.
    ///
    /// - Parameter other: a user whose files will do, too.
    func checkDatabase(alsoOf other: UInt32? = nil) throws(SystemCallError) {
        for part in Self.databaseParts { try OwnFile.check(database + part, alsoOf: other) }
    }

    /// Moves the database out of the way, with what SQLite keeps beside it.
    ///
    /// - Returns: the new path.
    func setDatabaseAside() throws(SystemCallError) -> String {
        let stem = "\(database).corrupt-\(WallClock.seconds())"
        var newPath = stem
        var number = 1
        while access(newPath, F_OK) == 0 {
            number += 1
            newPath = "\(stem)-\(number)"
        }
        for suffix in ["-wal", "-shm", ""] {
            guard rename(database + suffix, newPath + suffix) == 0 || errno == ENOENT else {
                throw SystemCallError("rename", path: database + suffix)
            }
        }
        return newPath
    }

    /// Checks that nobody but root, the own user and perhaps another one can have put something into a directory of consumers.
    ///
    /// - Throws: `TrustedPathError`; nothing if there is no such directory.
    static func check(_ directory: String, alsoOf owner: UInt32?) throws(TrustedPathError) {
        _ = try TrustedPath.resolve(Directory.absolute(directory) + "/x", alsoOf: owner)
    }

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

/// The right to open a consumer's store: a `FileLock` on a file that names the consumer, and the process that has it.
struct ConsumerLock: Sendable {
    /// `nil` where there was no file to lock, since somebody only looks.
    private let lock: FileLock?

    /// What the file says of whoever holds the lock, or held it last.
    struct Holder: Sendable {
        /// The consumer's name; empty if the file does not say.
        let consumer: String
        let process: String

        fileprivate init(note: String) {
            let lines = note.split(separator: "\n")
            consumer = lines.first.map(String.init) ?? ""
            process = lines.dropFirst().first.map(String.init) ?? "by a process that has not said its pid yet"
        }
    }

    /// Whether the file at its path is still the one that is locked.
    var isStillInPlace: Bool { lock?.isStillInPlace ?? true }
    /// `nil` where there was no file.
    var path: String? { lock?.path }

    /// Takes the lock, or waits until it can or the time is over. Blocks.
    ///
    /// - Parameters:
    ///   - consumer: the name to write into the file; `nil` leaves it as it is, and makes none.
    ///   - owner: another user whose file will do, too.
    /// - Returns: no lock, but its holder, if somebody still has it then.
    static func acquire(
        _ path: String, consumer: String?, alsoOf owner: UInt32? = nil, waiting time: Duration = .zero
    ) throws(SystemCallError) -> (lock: ConsumerLock?, holder: Holder) {
        let end = ContinuousClock.now + time
        while true {
            let attempt: FileLock.Attempt
            do throws(SystemCallError) {
                attempt = try FileLock.tryTake(path, making: consumer != nil, alsoOf: owner)
            } catch {
                guard consumer == nil, error.code == .noSuchFileOrDirectory else { throw error }
                return (ConsumerLock(lock: nil), Holder(note: ""))
            }
            switch attempt {
            case .taken(let lock):
                let holder = Holder(note: lock.note)
                if let consumer { lock.write(note: "\(consumer)\npid \(getpid())\n") }
                return (ConsumerLock(lock: lock), holder)
            case .held(let note):
                if .now >= end { return (nil, Holder(note: note)) }
                usleep(20_000)
            }
        }
    }
}
