private import Glibc
internal import NIOCore
private import NIOPosix
internal import SystemSupport

/// What every command needs of the system, looked at before anything else: without it libzmq or Swift's runtime would end the process with
/// a page of backtrace instead of a sentence. `agent`, `collect` and `bridge` need more, and look again (`AgentServices`).
package enum StartCheck {
    /// What `status` or `publish` opens and starts, on a machine with many cores.
    private static let descriptors = 40
    private static let threads = 12
    /// More threads for connections would not be busy, and each takes three descriptors: by default there is one for each core.
    private static let mostEventLoops = 8

    /// Lets SIGQUIT (Ctrl-\\) end the process at once, as it ends any program. Where Swift's toolchain is installed its runtime has taken the
    /// signal for itself, prints a page of backtrace, and lets the program go on.
    private static func restoreQuit() {
        var action = sigaction()
        guard sigaction(SIGQUIT, nil, &action) == 0 else { return }
        // Whoever ignored it before the start, as a shell for the background jobs of a script, meant that.
        let handler = unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
        if handler != unsafeBitCast(SIG_IGN, to: Int.self) { signal(SIGQUIT, SIG_DFL) }
    }

    /// Raises the limit of descriptors. Ends the process with a sentence and status 1 if it may have too few of them, of threads, or too little memory.
    package static func run() {
        restoreQuit()
        MemoryLimit.economize()
        NIOSingletons.groupLoopCountSuggestion = min(mostEventLoops, System.coreCount)
        DescriptorLimit.raise()
        do throws(ProcessLimitError) {
            try MemoryLimit.checkStacks()
            let limit = DescriptorLimit.current.count
            guard limit >= descriptors else {
                throw ProcessLimitError(
                    reason:
                        "cannot run with at most \(limit) open files: \(descriptors) are needed; raise the limit (ulimit -n)"
                )
            }
            try ThreadTrial.run(threads, bytes: MemoryLimit.ofCommand)
        } catch {
            StandardError.say("Error: \(error)")
            exit(1)
        }
    }
}
