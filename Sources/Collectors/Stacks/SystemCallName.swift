/// What the kernel's numbers of system calls mean: those in which threads wait or may be met (`syscall_64.tbl` and `unistd.h` of Linux).
enum SystemCallName {
    /// What `/proc/PID/task/TID/syscall` says (proc(5)): the call's name, or its number where that is rare; `nil` for a thread that is in none,
    /// because it runs or waits for a page.
    static func name(of text: String, architecture: [Int: String] = own) -> String? {
        guard let word = text.split(separator: " ").first, let number = Int(word), number >= 0 else { return nil }
        return architecture[number] ?? "system call \(number)"
    }

    #if arch(arm64)
        static let own = arm64
    #else
        static let own = x86
    #endif

    /// x86-64.
    static let x86: [Int: String] = [
        0: "read", 1: "write", 2: "open", 3: "close", 4: "stat", 5: "fstat", 7: "poll", 8: "lseek", 9: "mmap",
        10: "mprotect", 11: "munmap", 12: "brk", 16: "ioctl", 17: "pread64", 18: "pwrite64", 19: "readv", 20: "writev",
        23: "select", 24: "sched_yield", 28: "madvise", 34: "pause", 35: "nanosleep", 40: "sendfile", 41: "socket",
        42: "connect", 43: "accept", 44: "sendto", 45: "recvfrom", 46: "sendmsg", 47: "recvmsg", 56: "clone",
        57: "fork", 58: "vfork", 59: "execve", 60: "exit", 61: "wait4", 62: "kill", 65: "semop", 70: "msgrcv",
        72: "fcntl", 73: "flock", 74: "fsync", 75: "fdatasync", 77: "ftruncate", 78: "getdents", 82: "rename",
        83: "mkdir", 87: "unlink", 128: "rt_sigtimedwait", 130: "rt_sigsuspend", 162: "sync", 202: "futex",
        208: "io_getevents", 217: "getdents64", 219: "restart_syscall", 220: "semtimedop", 230: "clock_nanosleep",
        231: "exit_group", 232: "epoll_wait", 234: "tgkill", 243: "mq_timedreceive", 247: "waitid", 257: "openat",
        262: "newfstatat", 263: "unlinkat", 270: "pselect6", 271: "ppoll", 275: "splice", 277: "sync_file_range",
        281: "epoll_pwait", 285: "fallocate", 288: "accept4", 295: "preadv", 296: "pwritev", 299: "recvmmsg",
        306: "syncfs", 307: "sendmmsg", 310: "process_vm_readv", 316: "renameat2", 318: "getrandom",
        326: "copy_file_range", 332: "statx", 426: "io_uring_enter", 435: "clone3", 441: "epoll_pwait2",
        449: "futex_waitv", 455: "futex_wait",
    ]

    /// aarch64, which has none of the calls that newer ones replaced.
    static let arm64: [Int: String] = [
        4: "io_getevents", 22: "epoll_pwait", 25: "fcntl", 29: "ioctl", 32: "flock", 34: "mkdirat", 35: "unlinkat",
        46: "ftruncate", 47: "fallocate", 56: "openat", 57: "close", 61: "getdents64", 62: "lseek", 63: "read",
        64: "write", 65: "readv", 66: "writev", 67: "pread64", 68: "pwrite64", 69: "preadv", 70: "pwritev",
        71: "sendfile", 72: "pselect6", 73: "ppoll", 76: "splice", 79: "newfstatat", 80: "fstat", 81: "sync",
        82: "fsync", 83: "fdatasync", 84: "sync_file_range", 93: "exit", 94: "exit_group", 95: "waitid", 98: "futex",
        101: "nanosleep", 115: "clock_nanosleep", 124: "sched_yield", 128: "restart_syscall", 129: "kill",
        131: "tgkill", 133: "rt_sigsuspend", 137: "rt_sigtimedwait", 183: "mq_timedreceive", 188: "msgrcv",
        192: "semtimedop", 193: "semop", 198: "socket", 202: "accept", 203: "connect", 206: "sendto", 207: "recvfrom",
        211: "sendmsg", 212: "recvmsg", 214: "brk", 215: "munmap", 220: "clone", 221: "execve", 222: "mmap",
        226: "mprotect", 233: "madvise", 242: "accept4", 243: "recvmmsg", 260: "wait4", 267: "syncfs", 269: "sendmmsg",
        270: "process_vm_readv", 276: "renameat2", 278: "getrandom", 285: "copy_file_range", 291: "statx",
        426: "io_uring_enter", 435: "clone3", 441: "epoll_pwait2", 449: "futex_waitv", 455: "futex_wait",
    ]
}
