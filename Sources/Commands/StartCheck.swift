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

    /// Raises the limit of descriptors. Ends the process with a sentence and status 1 if it may have too few of them, of threads, or too little memory.
    package static func run() {
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
