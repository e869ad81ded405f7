private import Glibc

/// The terminal that a process was started from, and whether it is still there: a hang-up that comes with its end is its own (tty_ioctl(4)).
struct ControllingTerminal: Sendable {
    private let path: String
    private let wasThere: Bool

    /// Looks for it now.
    init(path: String = "/dev/tty") {
        self.path = path
        wasThere = Self.isThere(path)
    }

    /// Whether there was one, and is none any more.
    var isGone: Bool { wasThere && !Self.isThere(path) }

    /// The path can be opened only by a process that has a terminal.
    private static func isThere(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { return errno == EACCES }
        close(descriptor)
        return true
    }
}
