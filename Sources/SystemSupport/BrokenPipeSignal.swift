private import Glibc

/// Keeps SIGPIPE, which ends the process by default, away from code that writes to a pipe.
package enum BrokenPipeSignal {
    /// Runs `work` with the signal blocked on this thread and drops the one that it may cause.
    package static func blocked<Result>(_ work: () -> Result) -> Result {
        var pipe = sigset_t()
        sigemptyset(&pipe)
        sigaddset(&pipe, SIGPIPE)
        var pending = sigset_t()
        sigpending(&pending)
        let wasPending = sigismember(&pending, SIGPIPE) == 1
        var before = sigset_t()
        pthread_sigmask(SIG_BLOCK, &pipe, &before)
        defer {
            if !wasPending { drop(&pipe) }
            pthread_sigmask(SIG_SETMASK, &before, nil)
        }
        return work()
    }

    private static func drop(_ signals: inout sigset_t) {
        var pending = sigset_t()
        sigpending(&pending)
        guard sigismember(&pending, SIGPIPE) == 1 else { return }
        var number: CInt = 0
        sigwait(&signals, &number)
    }
}
