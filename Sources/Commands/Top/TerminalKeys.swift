private import Glibc
internal import Inspection
internal import SystemSupport

/// The keys of a terminal, read on a thread of their own for as long as the process lives.
enum TerminalKeys {
    enum Event: Sendable {
        case key(TopKey)
        /// Ctrl-Z, or somebody else who wants the process to stop for a while.
        case suspend
        /// The terminal is gone; nothing comes after it.
        case end
    }

    /// After so many milliseconds without a further byte, Escape was pressed, and no sequence begins with it.
    private static let patience: Int32 = 50

    /// - Parameter receive: called on that thread.
    static func read(_ receive: @escaping @Sendable (Event) -> Void) {
        let suspend = SuspendSignal.descriptor()
        PinnedThread.start(name: "arobust-keys") {
            var reader = TopKeyReader()
            var bytes = [UInt8](repeating: 0, count: 256)
            while true {
                // poll(2) passes over a descriptor below 0.
                var inputs = [
                    pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
                    pollfd(fd: suspend ?? -1, events: Int16(POLLIN), revents: 0),
                ]
                let ready = poll(&inputs, nfds_t(inputs.count), reader.isWaiting ? patience : -1)
                if ready == 0 {
                    for key in reader.flush() { receive(.key(key)) }
                    continue
                }
                if let suspend, inputs[1].revents != 0 {
                    _ = Glibc.read(suspend, &bytes, bytes.count)
                    receive(.suspend)
                }
                guard inputs[0].revents != 0 else { continue }
                let count = Glibc.read(STDIN_FILENO, &bytes, bytes.count)
                if count > 0 {
                    for key in reader.read(bytes[..<count]) { receive(.key(key)) }
                } else if count == 0 || errno != EINTR && errno != EAGAIN {
                    return receive(.end)
                }
            }
        }
    }
}
