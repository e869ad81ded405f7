internal import Glibc
internal import SystemPackage
internal import SystemSupport

/// The machine's (or container's) processes, from `/proc`.
enum ProcessTable {
    /// Reads the environment that the process was started with. What it has set since cannot be seen.
    ///
    /// - Throws: `SystemCallError`; without `CAP_SYS_PTRACE` only the user's own processes can be read.
    static func environment(of pid: Int32) throws(SystemCallError) -> [String: String] {
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

    /// All processes whose environment has `RANK` or `TORCHELASTIC_RUN_ID`, and how many could not be read for lack of permission.
    static func processesOfTraining() -> (processes: [ProcessInfo], unreadable: Int) {
        var processes: [ProcessInfo] = []
        var unreadable = 0
        for pid in ProcFile.numbers(in: "/proc") {
            do throws(SystemCallError) {
                if let process = try processOfTraining(pid) { processes.append(process) }
            } catch {
                if error.code == .permissionDenied || error.code == .notPermitted { unreadable += 1 }
            }
        }
        return (processes, unreadable)
    }

    private static func processOfTraining(_ pid: Int32) throws(SystemCallError) -> ProcessInfo? {
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

/// A process as the choice of training ranks sees it.
struct ProcessInfo: Equatable {
    let pid: Int32
    let parent: Int32
    /// `RANK` of the environment it was started with.
    let rank: Int?
    /// `LOCAL_RANK` of the environment it was started with.
    let localRank: Int?
    /// Whether the environment has `TORCHELASTIC_RUN_ID`.
    let hasRunID: Bool
    let isPython: Bool

    /// How exactly the environment says which rank this is: 3 with `RANK` and `LOCAL_RANK`, 2 with `RANK`, 1 with only a run's id, 0 with none.
    var evidence: Int {
        if rank != nil { return localRank != nil ? 3 : 2 }
        return hasRunID ? 1 : 0
    }
}

/// Reads files of `/proc`. They have no size beforehand, and any of them can be gone or forbidden at any time.
enum ProcFile {
    /// The file's bytes, at most `limit`.
    ///
    /// - Throws: `SystemCallError`; `.noSuchFileOrDirectory` and `.noSuchProcess` mean that the process is gone, `.permissionDenied` and
    ///   `.notPermitted` that we have no right to look at it.
    static func bytes(_ path: String, limit: Int = 1024 * 1024) throws(SystemCallError) -> [UInt8] {
        try WholeFile(path: path).read(limit: limit)
    }

    static func text(_ path: String, limit: Int = 1024 * 1024) throws(SystemCallError) -> String {
        String(decoding: try bytes(path, limit: limit), as: UTF8.self)
    }

    /// Where a symbolic link of `/proc` points, or `nil`.
    static func link(_ path: String) -> String? {
        var target = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &target, target.count)
        return count < 0 ? nil : String(decoding: target.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The names in a folder of `/proc` that are numbers, in order: processes in `/proc`, threads in `/proc/PID/task`. None if it is gone.
    static func numbers(in path: String) -> [Int32] {
        let names = (try? Directory(path: path).names()) ?? []
        return names.compactMap { Int32($0) }.sorted()
    }
}
