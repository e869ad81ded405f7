internal import Glibc

/// What `/proc/PID/task/TID` tells of a thread without touching it (proc(5)).
public struct KernelThread: Sendable, Hashable {
    public var osID: Int32
    /// The first 15 bytes of the thread's name.
    public var name: String
    /// As in `/proc/PID/status`.
    public var state: String
    /// The kernel function that it waits in; `nil` if it waits in none or that is not ours to know.
    public var waitChannel: String?
    /// Number and arguments of the system call; `nil` if unreadable.
    public var systemCall: String?
    /// The kernel's stack, innermost first; empty if unreadable (it takes `CAP_SYS_ADMIN`).
    public var kernelStack: [String]

    public init(
        osID: Int32, name: String, state: String, waitChannel: String?, systemCall: String?, kernelStack: [String]
    ) {
        self.osID = osID
        self.name = name
        self.state = state
        self.waitChannel = waitChannel
        self.systemCall = systemCall
        self.kernelStack = kernelStack
    }

    /// The threads of a process, at most `limit`; those that end meanwhile are left out.
    static func threads(of pid: Int32, limit: Int) -> [KernelThread] {
        ProcFile.numbers(in: "/proc/\(pid)/task").prefix(limit).compactMap { KernelThread(pid: pid, osID: $0) }
    }

    private init?(pid: Int32, osID: Int32) {
        let folder = "/proc/\(pid)/task/\(osID)"
        func line(_ name: String) -> String? {
            guard let text = try? ProcFile.text("\(folder)/\(name)", limit: 4096) else { return nil }
            return text.split(separator: "\n").first.map(String.init)
        }
        guard let status = try? ProcFile.text("\(folder)/status", limit: 16 * 1024) else { return nil }
        let state = status.split(separator: "\n").first { $0.hasPrefix("State:") }
        let wait = line("wchan")
        let stack = (try? ProcFile.text("\(folder)/stack", limit: 64 * 1024)) ?? ""
        self.init(
            osID: osID, name: line("comm") ?? "?",
            state: state?.split(separator: "\t").last.map(String.init) ?? "?",
            waitChannel: wait == "0" ? nil : wait, systemCall: line("syscall"),
            kernelStack: stack.split(separator: "\n").map(String.init))
    }
}
