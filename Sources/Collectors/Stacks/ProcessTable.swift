internal import Glibc

/// The machine's (or container's) processes, from `/proc`.
enum ProcessTable {
    /// Reads the environment that the process was started with. What it set later is not to be seen.
    ///
    /// - Throws: `SystemError`; without `CAP_SYS_PTRACE` only the user's own processes can be read.
    static func environment(of pid: Int32) throws(SystemError) -> [String: String] {
        var environment: [String: String] = [:]
        for entry in try ProcFile.bytes("/proc/\(pid)/environ").split(separator: 0) {
            guard let equals = entry.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let name = String(decoding: entry[..<equals], as: UTF8.self)
            environment[name] = String(decoding: entry[(equals + 1)...], as: UTF8.self)
        }
        return environment
    }

    /// The command line, its words as they are. Empty for kernel threads and zombies.
    static func commandLine(of pid: Int32) -> [String] {
        let bytes = (try? ProcFile.bytes("/proc/\(pid)/cmdline", limit: 64 * 1024)) ?? []
        var words = bytes.split(separator: 0, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        if words.last == "" { words.removeLast() }
        return words
    }

    /// Whether the process runs a Python interpreter: by its program's name, or because it has loaded `libpython`.
    static func isPython(_ pid: Int32) -> Bool {
        if let program = ProcFile.link("/proc/\(pid)/exe") {
            let name = program.split(separator: "/").last ?? ""
            if name.hasPrefix("python") || name.hasPrefix("pypy") { return true }
        }
        let maps = (try? ProcFile.bytes("/proc/\(pid)/maps", limit: 4 * 1024 * 1024)) ?? []
        return maps.split(separator: UInt8(ascii: "/")).contains { $0.starts(with: "libpython".utf8) }
    }

    /// All processes whose environment has `RANK` or `TORCHELASTIC_RUN_ID`, and how many could not be read for lack of rights.
    static func processesOfTraining() -> (processes: [ProcessInfo], unreadable: Int) {
        var processes: [ProcessInfo] = []
        var unreadable = 0
        for pid in ProcFile.numbers(in: "/proc") {
            do throws(SystemError) {
                if let process = try processOfTraining(pid) { processes.append(process) }
            } catch {
                if error.code == EACCES || error.code == EPERM { unreadable += 1 }
            }
        }
        return (processes, unreadable)
    }

    private static func processOfTraining(_ pid: Int32) throws(SystemError) -> ProcessInfo? {
        guard pid != getpid() else { return nil }
        let environment = try environment(of: pid)
        let rank = environment["RANK"].flatMap { Int($0) }
        let hasRunID = environment["TORCHELASTIC_RUN_ID"] != nil
        guard rank != nil || hasRunID else { return nil }
        return ProcessInfo(
            pid: pid, parent: try ProcessStatus(pid: pid).parent, rank: rank,
            localRank: environment["LOCAL_RANK"].flatMap { Int($0) }, hasRunID: hasRunID, isPython: isPython(pid))
    }
}
