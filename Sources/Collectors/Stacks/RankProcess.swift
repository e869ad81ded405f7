/// A process of the training, with what was read of it once: its environment can't be read any more when it is a zombie, or hangs.
package struct RankProcess: Hashable, Sendable {
    package let pid: Int32
    /// In clock ticks since the node was started; `nil`: the process was gone when it was first looked at.
    package var startTime: UInt64?
    /// `RANK` of the environment it was started with.
    package var rank: Int?
    /// `LOCAL_RANK` of the environment it was started with.
    package var localRank: Int?
    /// In one line, without secrets, at most 1 KiB.
    package var command = ""
    /// `TORCH_WORKER_SERVER_SOCKET` of the environment it was started with.
    package var workerServerSocket: String?

    package init(pid: Int32, startTime: UInt64? = nil, rank: Int? = nil, localRank: Int? = nil) {
        self.pid = pid
        self.startTime = startTime
        self.rank = rank
        self.localRank = localRank
    }

    /// What `/proc` says now. May block: call it on a thread that may.
    init(reading pid: Int32) {
        self.init(pid: pid)
        startTime = (try? ProcessStatus(pid: pid))?.startTime
        let environment = (try? ProcessTable.environment(of: pid)) ?? [:]
        rank = environment["RANK"].flatMap { Int($0) }
        localRank = environment["LOCAL_RANK"].flatMap { Int($0) }
        workerServerSocket = environment["TORCH_WORKER_SERVER_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
        command = CommandText.redacted(ProcessTable.commandLine(of: pid))
    }

    /// `rank 3 (process 812)`, `process 812`.
    var title: String { rank.map { "rank \($0) (process \(pid))" } ?? "process \(pid)" }

    /// Whether the process is in the process table, a zombie too.
    var isThere: Bool {
        guard let startTime, let now = try? ProcessStatus(pid: pid) else { return false }
        return now.startTime == startTime
    }
}
