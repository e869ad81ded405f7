private import Glibc

/// What a core file of this process has in it.
package enum CoreDump {
    private static let filter = "/proc/self/coredump_filter"

    /// Leaves memory out of core files, of this process and of those that it starts: tokens, keys and the training's logs are in there. Where that
    /// cannot be said, there is to be none at all. To be called before anything secret is read.
    ///
    /// The filter is obeyed by the kernel, whatever takes the core (systemd-coredump, apport, a file), and by gdb's `gcore`: core(5). A file then
    /// has the registers and the names of the mapped files. Unlike `PR_SET_DUMPABLE` it leaves `/proc/PID` to the own user.
    package static func leaveOutMemory() {
        let descriptor = open(filter, O_WRONLY | O_CLOEXEC)
        defer { if descriptor >= 0 { close(descriptor) } }
        guard descriptor < 0 || write(descriptor, "0", 1) != 1 else { return }
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = 0
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
    }
}
