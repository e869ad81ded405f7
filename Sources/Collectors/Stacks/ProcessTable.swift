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

    /// How exactly the environment says which rank this is: 3 with `RANK` and `LOCAL_RANK`, 2 with `RANK`, 1 with a run's id only, 0 without any.
    var evidence: Int {
        if rank != nil { return localRank != nil ? 3 : 2 }
        return hasRunID ? 1 : 0
    }
}

/// Reads files of `/proc`. They have no size beforehand, and any of them can be gone or forbidden at any time.
enum ProcFile {
    /// The file's bytes, at most `limit`.
    ///
    /// - Throws: `SystemError`; `ENOENT` and `ESRCH` mean that the process is gone, `EACCES` and `EPERM` that it is not ours to look at.
    static func bytes(_ path: String, limit: Int = 1024 * 1024) throws(SystemError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError("open", path, code: errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 16 * 1024)
        while bytes.count < limit {
            let count = read(descriptor, &block, block.count)
            let code = errno
            if count < 0 && code == EINTR { continue }
            guard count >= 0 else { throw SystemError("read", path, code: code) }
            if count == 0 { break }
            bytes.append(contentsOf: block.prefix(min(count, limit - bytes.count)))
        }
        return bytes
    }

    static func text(_ path: String, limit: Int = 1024 * 1024) throws(SystemError) -> String {
        String(decoding: try bytes(path, limit: limit), as: UTF8.self)
    }

    /// Where a symbolic link of `/proc` points, or `nil`.
    static func link(_ path: String) -> String? {
        var target = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &target, target.count)
        return count < 0 ? nil : String(decoding: target.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The names in a directory of `/proc` that are numbers: processes in `/proc`, threads in `/proc/PID/task`. Sorted.
    static func numbers(in path: String) -> [Int32] {
        guard let stream = opendir(path) else { return [] }
        defer { closedir(stream) }
        var numbers: [Int32] = []
        while let entry = readdir(stream) {
            let number = withUnsafeBytes(of: &entry.pointee.d_name) { name in
                Int32(String(decoding: name.prefix { $0 != 0 }, as: UTF8.self))
            }
            if let number { numbers.append(number) }
        }
        return numbers.sorted()
    }
}
