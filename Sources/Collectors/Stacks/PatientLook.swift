internal import Glibc
internal import Synchronization
internal import SystemSupport

/// Reads `/proc` with patience: what tells of a process's memory (its command line, its environment) may wait for as long as another thread
/// of that process changes it, which a rank in an uninterruptible sleep never ends.
enum PatientLook {
    /// How long one look may take.
    static let patience: Duration = .milliseconds(1500)
    /// How many looks at one process may be under way at once. Those that never end keep a thread each.
    private static let mostAtOnce = 4
    private static let open = Mutex<[Int32: Int]>([:])

    /// Runs `work` on a thread of its own.
    ///
    /// - Parameter pid: the process that is looked at; 0: all of them.
    /// - Returns: `nil` if that takes too long, or several earlier looks at the process have not ended.
    static func at<Result: Sendable>(
        _ pid: Int32, patience: Duration = patience, _ work: @escaping @Sendable () -> Result
    ) async -> Result? {
        let mayLook = open.withLock { open in
            guard open[pid, default: 0] < mostAtOnce else { return false }
            open[pid, default: 0] += 1
            return true
        }
        guard mayLook else { return nil }
        return await PinnedThread.run(name: "arobust-proc", patience: patience) {
            defer {
                open.withLock { open in
                    let rest = open[pid, default: 1] - 1
                    open[pid] = rest > 0 ? rest : nil
                }
            }
            return work()
        }
    }
}
