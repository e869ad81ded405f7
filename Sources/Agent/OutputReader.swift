private import Glibc
private import Synchronization
internal import SystemSupport

/// The program at the other end of standard output, as `head` in `arobust tap | head -1`.
enum OutputReader {
    /// In milliseconds: how soon a cancelled wait ends.
    private static let interval: CInt = 200

    /// Returns when nobody reads from the pipe any more, also while there is nothing to write, or when the task is cancelled. Whoever writes to a
    /// file or a terminal waits until that.
    static func waitUntilGone(_ descriptor: CInt = STDOUT_FILENO) async {
        let flag = Flag()
        _ = try? await PinnedThread.run(name: "arobust-reader", onCancel: { flag.raise() }) {
            while !flag.isRaised, !isGone(descriptor) {}
        }
    }

    /// Waits a little for the end of the reader.
    private static func isGone(_ descriptor: CInt) -> Bool {
        // Without events only what is always told of: an error, which a pipe has once its last reader is gone (poll(2)), and a hang-up.
        var output = pollfd(fd: descriptor, events: 0, revents: 0)
        return poll(&output, 1, interval) > 0 && output.revents & Int16(POLLERR | POLLHUP) != 0
    }

    private final class Flag: Sendable {
        private let raised = Atomic(false)

        var isRaised: Bool { raised.load(ordering: .relaxed) }

        func raise() { raised.store(true, ordering: .relaxed) }
    }
}
