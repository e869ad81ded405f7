private import Glibc

/// Waits for a descriptor that somebody else has made non-blocking: with a terminal or a pipe, that holds for all who share it.
enum Readiness {
    static func awaitInput(_ descriptor: Int32) {
        wait(descriptor, POLLIN)
    }

    static func awaitOutput(_ descriptor: Int32) {
        wait(descriptor, POLLOUT)
    }

    /// Returns early at a signal, and when the other side is gone: the caller tries again and sees.
    private static func wait(_ descriptor: Int32, _ events: Int32) {
        var one = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        _ = poll(&one, 1, -1)
    }
}
