private import Glibc

/// Finds out at the start whether the process may have as many threads as it will need, and the memory besides.
///
/// libzmq and Swift's runtime end the process, with a page of backtrace, when a thread cannot be started or memory cannot be had: because of
/// `ulimit -v` and `-d` (each thread has a stack, and an arena of malloc), `ulimit -u`, or the container's `pids.max`. None of these can be
/// asked how much is left.
package enum ThreadTrial {
    /// What a process has without any master, and without those that there are one for each core.
    private static let own = 32
    /// What a pool of `BlockingQueue`s may come to while its threads hang in the kernel.
    private static let mostHanging = 255

    /// How many threads a process with so many masters may come to.
    package static func needed(masters: Int) -> Int {
        own + max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN))) + min(masters, mostHanging)
    }

    /// Starts so many threads at a time, each of which takes some memory and does nothing, and waits for their end.
    ///
    /// - Parameter bytes: the memory that must be left while all of them are there.
    /// - Throws: `ProcessLimitError` that says what there was too little of.
    package static func run(_ count: Int, bytes: Int) throws(ProcessLimitError) {
        // Nobody gets past it until all are there.
        let gate = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        pthread_mutex_init(gate, nil)
        pthread_mutex_lock(gate)
        let use = MemoryLimit.Use.current
        var threads: [pthread_t] = []
        // Nothing is taken where there may be nothing left.
        threads.reserveCapacity(count)
        var failure: CInt = 0
        while threads.count < count, failure == 0 {
            var thread = pthread_t()
            failure = pthread_create(
                &thread, nil,
                { gate in
                    // The first that a thread takes makes its arena.
                    let memory = malloc(1024)
                    let gate = gate!.assumingMemoryBound(to: pthread_mutex_t.self)
                    pthread_mutex_lock(gate)
                    pthread_mutex_unlock(gate)
                    return memory
                }, gate)
            if failure == 0 { threads.append(thread) }
        }
        // While all are there.
        let hasMemory = MemoryLimit.has(failure == 0 ? bytes : MemoryLimit.stack)
        pthread_mutex_unlock(gate)
        for thread in threads {
            var memory: UnsafeMutableRawPointer?
            pthread_join(thread, &memory)
            free(memory)
        }
        pthread_mutex_destroy(gate)
        gate.deallocate()
        if !hasMemory { throw MemoryLimit.error(use: use, more: count * MemoryLimit.stack + bytes) }
        if failure != 0 { throw refusal(failure, threads.count, of: count) }
    }

    private static func refusal(_ code: CInt, _ started: Int, of count: Int) -> ProcessLimitError {
        var limit = rlimit()
        let isSet =
            getrlimit(__rlimit_resource_t(UInt32(__RLIMIT_NPROC.rawValue)), &limit) == 0
            && limit.rlim_cur < .max
        return ProcessLimitError(
            reason: """
                cannot start \(count) threads, as many as are needed: \(SystemCallError.text(code)) after \(started)\
                \(isSet ? " (ulimit -u is \(limit.rlim_cur))" : ""); raise ulimit -u or the container's pids.max
                """)
    }
}
