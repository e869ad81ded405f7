private import Glibc
private import SystemPackage

/// A file with an exclusive flock(2), and a note in it for people that says whose it is. Given back by `deinit` or the process's death.
package final class FileLock: Sendable {
    package let path: String
    private let descriptor: CInt

    private init(path: String, descriptor: CInt) {
        self.path = path
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    /// What an attempt came to.
    package enum Attempt: Sendable {
        case taken(FileLock)
        /// Somebody else has it, and this is what the file says of them.
        case held(note: String)
    }

    /// Takes the lock if nobody has it. Never waits, and takes no file but an `OwnFile`.
    ///
    /// - Parameters:
    ///   - isMade: whether the file is made, with mode 0600, if there is none.
    ///   - other: a user whose file will do, too.
    package static func tryTake(
        _ path: String, making isMade: Bool = true, alsoOf other: UInt32? = nil
    ) throws(SystemCallError) -> Attempt {
        let descriptor = try OwnFile.open(path, O_RDWR | (isMade ? O_CREAT : 0), alsoOf: other)
        let lock = FileLock(path: path, descriptor: descriptor)
        do throws(SystemCallError) {
            _ = try SystemCallError.retrying("flock", path: path) { flock(descriptor, LOCK_EX | LOCK_NB) }
        } catch {
            if error.code == .wouldBlock { return .held(note: lock.note) }
            throw error
        }
        return .taken(lock)
    }

    /// What the file says, at most 8 KiB. Only a help for people: the lock itself is the kernel's.
    package var note: String {
        var bytes = [UInt8](repeating: 0, count: 8192)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    /// Replaces the note. A note that can't be written is no reason to fail.
    package func write(note: String) {
        let bytes = Array(note.utf8)
        _ = ftruncate(descriptor, 0)
        _ = pwrite(descriptor, bytes, bytes.count, 0)
    }

    /// Whether the file at the path is still this one, and not that of a folder which was removed and made anew.
    package var isStillInPlace: Bool {
        FileNumber(descriptor: descriptor)?.isStill(at: path) ?? false
    }
}
