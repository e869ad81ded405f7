internal import Commands
private import Glibc

/// What process 1 of a container owes to the others, so that an image needs no `tini`.
///
/// The kernel gives process 1 every orphan to wait for, and lets no signal end it that it doesn't handle (`pid_namespaces(7)`). arobust
/// waits only for children that it knows. So as process 1 the program starts itself again as its child, passes signals on to that,
/// waits for whatever ends, and ends with the child's status.
enum FirstProcess {
    /// Returns when this isn't process 1. To be called before any thread is made, for those would take the signals.
    static func superviseIfFirst(_ arguments: ProgramArguments) {
        guard getpid() == 1 else { return }
        var ours = sigset_t()
        var before = sigset_t()
        sigfillset(&ours)
        for signal in [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGTSTP, SIGTTIN, SIGTTOU] {
            sigdelset(&ours, signal)
        }
        pthread_sigmask(SIG_BLOCK, &ours, &before)
        guard let child = spawn(arguments, mask: before) else {
            // Without /proc, say. It works as process 1, too, unless somebody leaves orphans.
            pthread_sigmask(SIG_SETMASK, &before, nil)
            return
        }
        while true {
            var information = siginfo_t()
            let signal = sigwaitinfo(&ours, &information)
            if signal == SIGCHLD {
                reap(untilEndOf: child)
            } else if signal > 0, information.si_code != SI_KERNEL {
                kill(child, signal)  // What the kernel itself sends, as for Ctrl-C, the whole group has got already.
            }
        }
    }

    private static func spawn(_ arguments: ProgramArguments, mask: sigset_t) -> pid_t? {
        var attributes = posix_spawnattr_t()
        guard posix_spawnattr_init(&attributes) == 0 else { return nil }
        defer { posix_spawnattr_destroy(&attributes) }
        var mask = mask
        posix_spawnattr_setsigmask(&attributes, &mask)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var child = pid_t()
        var copies = arguments.bytes.map { argument in
            strdup(argument.map { CChar(bitPattern: $0) } + [0])
        }
        defer { for copy in copies { free(copy) } }
        copies.append(nil)
        let failure = posix_spawn(&child, "/proc/self/exe", nil, &attributes, copies, environ)
        return failure == 0 ? child : nil
    }

    private static func reap(untilEndOf child: pid_t) {
        while true {
            var status = Int32()
            let ended = waitpid(-1, &status, WNOHANG)
            guard ended > 0 else { return }
            guard ended == child else { continue }
            let signal = status & 0x7f
            exit(signal == 0 ? (status >> 8) & 0xff : 128 + signal)
        }
    }
}
