private import Glibc

/// How much memory the process may take: address space (`ulimit -v`), data (`ulimit -d`), and each thread's stack (`ulimit -s`).
///
/// A process that gets no memory ends with a backtrace, wherever it happens to ask for it. So it looks at the start whether what it will
/// need can be had.
package enum MemoryLimit {
    /// What a command like `status` takes beyond its threads' stacks, in bytes.
    package static let ofCommand = 64 << 20
    /// What `agent`, `collect` or `bridge` takes: the heap, the databases' caches, the messages under way. Callers and logs at their bounds
    /// can make it more.
    package static let ofService = 192 << 20
    /// What each master adds: its database, its queue.
    package static let perMaster = 4 << 20
    /// The least stack. Regular expressions and parsers call themselves.
    private static let leastStack: UInt64 = 512 << 10
    /// What a thread's stack has where there is no limit.
    private static let unlimitedStack: UInt64 = 2 << 20

    /// The second of malloc's arenas.
    private static let arena: UInt64 = 64 << 20

    private static let addressSpace = __rlimit_resource_t(UInt32(RLIMIT_AS.rawValue))
    private static let data = __rlimit_resource_t(UInt32(RLIMIT_DATA.rawValue))

    /// Has all threads share two of malloc's arenas. There may be eight for each core, each takes 64 MiB of address space, and each keeps what
    /// its threads needed once: an agent under load then takes a quarter more memory. To be called before there are threads.
    package static func economize() {
        guard let symbol = dlsym(nil, "mallopt") else { return }
        // <malloc.h> is hidden from Swift's Glibc module. M_ARENA_MAX is -8 there.
        _ = unsafeBitCast(symbol, to: (@convention(c) (CInt, CInt) -> CInt).self)(-8, 2)
    }

    /// - Throws: `ProcessLimitError` if the stacks are too small: a thread that needs more than it has ends the process.
    package static func checkStacks() throws(ProcessLimitError) {
        guard let limit = limit(__rlimit_resource_t(UInt32(RLIMIT_STACK.rawValue))), limit < leastStack else { return }
        throw ProcessLimitError(
            reason: """
                cannot run with stacks of \(limit >> 10) KiB: \(leastStack >> 10) are needed; raise the limit (ulimit -s, LimitSTACK= of \
                systemd)
                """)
    }

    /// What a thread takes for its stack, in bytes.
    static var stack: Int {
        let limit = limit(__rlimit_resource_t(UInt32(RLIMIT_STACK.rawValue))) ?? unlimitedStack
        return Int(clamping: limit) + Int(getpagesize())
    }

    /// Whether so many bytes more can be had at once; none of them is touched.
    static func has(_ bytes: Int) -> Bool {
        let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard memory != MAP_FAILED else { return false }
        munmap(memory, bytes)
        return true
    }

    /// - Parameters:
    ///   - use: what the process had before its threads.
    ///   - more: what they and the rest need, in bytes.
    static func error(use: Use, more: Int) -> ProcessLimitError {
        let limits = [("-v", limit(addressSpace), use.space + arena), ("-d", limit(data), use.data)].compactMap {
            flag, limit, used in
            // The process's own part differs by a little from one start to the next.
            let needed = used + UInt64(more) + 16 << 20
            return limit.flatMap { limit in
                limit < needed ? "ulimit \(flag) is \(limit >> 10), and about \(needed >> 10) is needed" : nil
            }
        }
        let reason = limits.isEmpty ? "the system gives it none (vm.overcommit_memory)" : limits.joined(separator: "; ")
        return ProcessLimitError(reason: "cannot run in the memory that this process may have: \(reason)")
    }

    /// What the process has, in bytes.
    struct Use {
        var space: UInt64 = 0
        var data: UInt64 = 0

        static var current: Use {
            let text = (try? WholeFile(path: "/proc/self/statm").read(limit: 256)) ?? []
            let words = String(decoding: text, as: UTF8.self).split(separator: " ").compactMap { UInt64($0) }
            let page = UInt64(getpagesize())
            return words.count > 5 ? Use(space: words[0] * page, data: words[5] * page) : Use()
        }
    }

    private static func limit(_ resource: __rlimit_resource_t) -> UInt64? {
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < .max else { return nil }
        return UInt64(limit.rlim_cur)
    }
}
