private import Glibc
private import SystemPackage

/// Finds out at the start whether the process may have as many threads as it will need.
///
/// libzmq and Swift's runtime end the process, with a page of backtrace, when a thread cannot be started: because of `ulimit -v` (each
/// thread's stack takes address space), `ulimit -u`, or the container's `pids.max`. None of these can be asked how much is left.
package enum ThreadTrial {
    /// What a process has without any master, on a machine with many cores.
    private static let own = 32
    /// Its database's, for moments.
    private static let perMaster = 1

    /// How many threads a process with so many masters may come to.
    package static func needed(masters: Int) -> Int { own + perMaster * masters }

    /// Starts so many threads at a time, which do nothing, and waits for their end.
    ///
    /// - Throws: `ProcessLimitError` that says how many could be started.
    package static func run(_ count: Int) throws(ProcessLimitError) {
        // Nobody gets past it until all are there.
        let gate = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        pthread_mutex_init(gate, nil)
        pthread_mutex_lock(gate)
        var threads: [pthread_t] = []
        var failure: CInt = 0
        while threads.count < count, failure == 0 {
            var thread = pthread_t()
            failure = pthread_create(
                &thread, nil,
                { gate in
                    let gate = gate!.assumingMemoryBound(to: pthread_mutex_t.self)
                    pthread_mutex_lock(gate)
                    pthread_mutex_unlock(gate)
                    return nil
                }, gate)
            if failure == 0 { threads.append(thread) }
        }
        pthread_mutex_unlock(gate)
        for thread in threads { pthread_join(thread, nil) }
        pthread_mutex_destroy(gate)
        gate.deallocate()
        guard failure != 0 else { return }
        throw ProcessLimitError(
            reason: """
                cannot start \(count) threads, as many as are needed: \(SystemCallError.text(failure)) after \(threads.count)\
                \(limits); raise ulimit -v, ulimit -u or the container's pids.max
                """)
    }

    /// The limits that there are, for the error.
    private static var limits: String {
        let known: [(String, CInt, UInt64)] = [
            ("ulimit -v", CInt(RLIMIT_AS.rawValue), 1024), ("ulimit -u", CInt(__RLIMIT_NPROC.rawValue), 1),
        ]
        let set = known.compactMap { name, resource, unit in
            var limit = rlimit()
            let isSet = getrlimit(__rlimit_resource_t(UInt32(resource)), &limit) == 0 && limit.rlim_cur < .max
            return isSet ? "\(name) is \(UInt64(limit.rlim_cur) / unit)" : nil
        }
        return set.isEmpty ? "" : " (\(set.joined(separator: ", ")))"
    }
}
