private import Glibc

/// SIGTSTP, as Ctrl-Z sends it, made readable: by default it stops the process before it could give the terminal back. Read beside the keys, so that
/// both come in their order.
enum SuspendSignal {
    /// Where the handler writes. Set once, before the handler is installed, and never changed; a handler may take no lock.
    nonisolated(unsafe) private static var writing: CInt = -1

    /// - Returns: a descriptor that becomes readable with each signal; `nil` where the signal is ignored, as by a shell without job control.
    static func descriptor() -> CInt? {
        var action = sigaction()
        guard sigaction(SIGTSTP, nil, &action) == 0,
            // Pointers to C functions can't be compared in Swift; SIG_IGN is the address 1.
            unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) != unsafeBitCast(SIG_IGN, to: Int.self)
        else { return nil }
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        writing = ends[1]
        action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in
            let saved = errno
            var byte: UInt8 = 0
            // Of a full pipe the reader learns all the same.
            _ = write(SuspendSignal.writing, &byte, 1)
            errno = saved
        }
        action.sa_flags = SA_RESTART
        guard sigaction(SIGTSTP, &action, nil) == 0 else { return nil }
        return ends[0]
    }

    /// Stops the process, until somebody lets it go on.
    static func stop() { kill(getpid(), SIGSTOP) }
}
