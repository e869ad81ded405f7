private import Glibc
internal import SystemSupport

/// Why this process may not read another's memory, and what would allow it (ptrace(2), "Ptrace access mode checking").
enum AttachRight {
    /// The end of a sentence that says that a tool was not permitted to read a process; empty if it says something else.
    static func advice(for reason: String, _ pid: Int32) -> String {
        let signs = ["Permission denied", "Operation not permitted", "os error 13", "os error 1)", "EPERM", "EACCES"]
        guard signs.contains(where: { reason.contains($0) }) else { return "" }
        var owner = stat()
        let user = stat("/proc/\(pid)", &owner) == 0 ? owner.st_uid : nil
        let status = (try? ProcFile.text("/proc/self/status", limit: 16 * 1024)) ?? ""
        let yama = try? ProcFile.text("/proc/sys/kernel/yama/ptrace_scope", limit: 16)
        return advice(
            pid, user: user, own: geteuid(), canTrace: hasCapability(status),
            scope: yama.flatMap { Int($0.prefix { $0.isNumber }) } ?? 0)
    }

    /// - Parameter scope: Yama's `kernel.yama.ptrace_scope`.
    static func advice(_ pid: Int32, user: UInt32?, own: UInt32, canTrace: Bool, scope: Int) -> String {
        if scope == 3 {
            return "; kernel.yama.ptrace_scope is 3, which allows nobody to attach until the node is started anew"
        }
        if canTrace { return "; a security module (AppArmor, SELinux) or a user namespace above forbids it" }
        if let user, user != own {
            return
                "; process \(pid) is user \(user)'s and arobust is user \(own)'s: run it as that user, or with CAP_SYS_PTRACE"
        }
        return scope > 0
            ? "; kernel.yama.ptrace_scope is \(scope): give arobust CAP_SYS_PTRACE, or set it to 0"
            : "; give arobust CAP_SYS_PTRACE"
    }

    /// Whether the effective capabilities have `CAP_SYS_PTRACE`, number 19.
    static func hasCapability(_ status: String) -> Bool {
        let line = status.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
        let mask = line?.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) } ?? 0
        return mask & (1 << 19) != 0
    }
}
