private import Glibc
internal import SystemSupport

/// A training rank that runs on this node, as `/proc` shows it.
package struct LocalRank: Hashable, Sendable {
    package let pid: Int32
    /// `RANK` of the environment that the process was started with.
    package let rank: Int?
    /// With `pid`, this names one process: in clock ticks since the machine started.
    package let startTime: UInt64
    /// When the process was started, in seconds since 1970; off by a second at most.
    package let startedAt: Int64
    /// The environment that the process was started with.
    package let environment: [String: String]

    /// All of them, by rank. Blocks on `/proc`. Processes that this user may not look at are not among them.
    package static func all() -> [LocalRank] {
        let (processes, _) = ProcessTable.processesOfTraining()
        let trainers = RankSelection.trainers(among: processes) { pid in try? ProcessStatus(pid: pid).parent }
        guard !trainers.isEmpty else { return [] }
        let bootTime = Self.bootTime()
        return trainers.compactMap { process in
            guard let environment = try? ProcessTable.environment(of: process.pid),
                let status = try? ProcessStatus(pid: process.pid), !status.hasEnded
            else { return nil }
            let ticks = UInt64(max(1, sysconf(CInt(_SC_CLK_TCK))))
            return LocalRank(
                pid: process.pid, rank: process.rank, startTime: status.startTime,
                startedAt: bootTime + Int64(clamping: status.startTime / ticks), environment: environment)
        }
    }

    /// A path as the process means it: from its own working directory, and in its own mounts where they are not ours.
    package func path(_ path: String) -> String {
        var path = path
        if !path.hasPrefix("/") { path = (ProcFile.link("/proc/\(pid)/cwd") ?? "") + "/" + path }
        let hasOwnMounts =
            ProcFile.link("/proc/\(pid)/ns/mnt").map { $0 != ProcFile.link("/proc/self/ns/mnt") } ?? false
        return hasOwnMounts ? "/proc/\(pid)/root" + path : path
    }

    /// When the machine was started, in seconds since 1970.
    private static func bootTime() -> Int64 {
        let text = (try? ProcFile.text("/proc/stat", limit: 4 << 20)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("btime ") }
        return line.flatMap { Int64($0.dropFirst("btime ".count)) } ?? 0
    }
}
