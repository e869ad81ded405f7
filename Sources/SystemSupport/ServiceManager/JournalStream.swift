private import Glibc

/// Whether what is written to a descriptor goes to systemd's journal (systemd.exec(5), `JOURNAL_STREAM`): it has its own times, and takes the
/// number in front of a line (`<4>`) as its priority, as in sd-daemon(3).
package enum JournalStream {
    /// The priorities of syslog(3).
    package enum Priority: Int, Sendable {
        case critical = 2
        case error = 3
        case warning = 4
        case notice = 5
        case info = 6
        case debug = 7

        package var prefix: String { "<\(rawValue)>" }
    }

    /// Whether the descriptor is the stream that the variable names by its device and inode: a child that was given another standard error
    /// inherits the variable all the same.
    package static func isJournal(_ descriptor: CInt, environment: [String: String]) -> Bool {
        guard let numbers = environment["JOURNAL_STREAM"]?.split(separator: ":"), numbers.count == 2,
            let device = UInt64(numbers[0]), let inode = UInt64(numbers[1])
        else { return false }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return false }
        return UInt64(status.st_dev) == device && UInt64(status.st_ino) == inode
    }

    /// Whether standard error is such a stream, as it was when the process asked first.
    package static let isStandardError = isJournal(STDERR_FILENO, environment: ProcessEnvironment.all())
}
