internal import Glibc
internal import SystemSupport

/// What `/proc/PID/stat` and `/proc/PID/status` say of a process (proc(5)).
struct ProcessStatus: Equatable {
    /// One letter: `R`, `S`, `D`, `T` (stopped), `t` (stopped by a tracer), `Z`, `X`, `I`.
    let state: Character
    let parent: Int32
    /// In clock ticks since the machine started. A process id alone may by now mean another process; with this it cannot.
    let startTime: UInt64
    /// The process that traces this one, 0 if none does.
    let tracer: Int32

    /// - Throws: `SystemCallError`; `.noSuchFileOrDirectory` if there is no such process.
    init(pid: Int32) throws(SystemCallError) {
        let stat = try ProcFile.text("/proc/\(pid)/stat")
        let status = try ProcFile.text("/proc/\(pid)/status")
        self.init(stat: stat, status: status)
    }

    init(stat: String, status: String) {
        // The command in the second field may hold anything, parentheses and newlines too: the fields begin behind its last parenthesis.
        let fields = stat.split(separator: ")", omittingEmptySubsequences: false).last?.split(separator: " ") ?? []
        state = fields.first?.first ?? "?"
        parent = fields.count > 1 ? Int32(fields[1]) ?? 0 : 0
        startTime = fields.count > 19 ? UInt64(fields[19]) ?? 0 : 0
        let line = status.split(separator: "\n").first { $0.hasPrefix("TracerPid:") }
        tracer = line.flatMap { $0.split(separator: "\t").last }.flatMap { Int32($0) } ?? 0
    }

    /// The state as `/proc/PID/status` writes it: `S (sleeping)`.
    var stateText: String { Self.text(of: state) }

    static func text(of state: Character) -> String {
        switch state {
        case "R": "R (running)"
        case "S": "S (sleeping)"
        case "D": "D (disk sleep)"
        case "T": "T (stopped)"
        case "t": "t (tracing stop)"
        case "Z": "Z (zombie)"
        case "X", "x": "X (dead)"
        case "I": "I (idle)"
        default: String(state)
        }
    }

    /// Whether nothing but its entry in the process table is left.
    var hasEnded: Bool { state == "Z" || state == "X" || state == "x" }

    /// Whether a signal or a tracer has stopped it.
    var isStopped: Bool { state == "T" || state == "t" }

    /// Why a stack reader must not touch the process; `nil` if it may.
    var reasonNotToAttach: String? {
        switch state {
        case "D": "the process is in an uninterruptible sleep (D), where nothing may attach to it"
        case "Z": "the process has ended and waits for its parent (Z)"
        case "X", "x": "the process has ended"
        default: tracer == 0 ? nil : "process \(tracer) traces it already"
        }
    }
}

/// A thread as `/proc/PID/task/TID` shows it (proc(5)): the kernel's side only, and nothing is attached to the process.
public struct KernelThread: Sendable, Hashable {
    /// The kernel's id of the thread.
    public var osID: Int32
    /// The first 15 bytes of the thread's name.
    public var name: String
    /// As in `/proc/PID/status`.
    public var state: String
    /// The kernel function that it waits in; `nil` if it waits in none or the kernel does not say.
    public var waitChannel: String?
    /// Number and arguments of the system call; `nil` if unreadable.
    public var systemCall: String?
    /// The kernel's stack, innermost first; empty if unreadable (it takes `CAP_SYS_ADMIN`).
    public var kernelStack: [String]
    /// The thread's id in its own pid namespace, which is what the process itself knows.
    var innerID: Int32?

    package init(
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
        let inner = status.split(separator: "\n").first { $0.hasPrefix("NSpid:") }
        self.init(
            osID: osID, name: line("comm") ?? "?",
            state: state?.split(separator: "\t").last.map(String.init) ?? "?",
            waitChannel: wait == "0" ? nil : wait, systemCall: line("syscall"),
            kernelStack: stack.split(separator: "\n").map(String.init))
        innerID = inner?.split(separator: "\t").last.flatMap { Int32($0) }
    }
}
