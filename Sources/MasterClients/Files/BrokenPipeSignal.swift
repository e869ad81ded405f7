#if canImport(Glibc)
    private import Glibc
#elseif canImport(Darwin)
    private import Darwin
#endif

/// Keeps SIGPIPE, which by default ends the process, away from a piece of code that writes to a pipe.
enum BrokenPipeSignal {
    /// Runs `work` with the signal blocked on this thread and drops the one that it may cause.
    static func blocked<Result>(_ work: () -> Result) -> Result {
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
        #if canImport(Glibc)
            var now = timespec()
            _ = sigtimedwait(&signals, nil, &now)
        #else
            var pending = sigset_t()
            sigpending(&pending)
            var signal: CInt = 0
            if sigismember(&pending, SIGPIPE) == 1 { sigwait(&signals, &signal) }
        #endif
    }
}
