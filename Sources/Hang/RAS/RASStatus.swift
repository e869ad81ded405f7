internal import SystemSupport

/// What one answer of NCCL's RAS says of the job: the communicators that it tells apart, and the processes that it has lost.
///
/// Ranks are those within a communicator; `jobRanks` makes ranks of the job of them.
package struct RASStatus: Hashable, Sendable {
    /// NCCL's, as `2.28.9`; `nil` if it is not said.
    package var version: String?
    /// All of them where RAS answers in JSON; in text those that something is wrong with.
    package var communicators: [RASCommunicator] = []
    /// How many communicators there are.
    package var communicatorCount = 0
    /// Processes that RAS has given up: it could not reach them for a minute.
    package var dead: [RASProcess] = []
    /// Processes of which no data came, dead ones not among them.
    package var missing: [RASProcess] = []

    package init() {}

    /// Reads either form. `nil` for bytes that are neither.
    package init?(answer: [UInt8]) {
        let start = answer.first { $0 != 0x20 && $0 != 0x0A && $0 != 0x0D && $0 != 0x09 }
        guard start == UInt8(ascii: "{") else {
            self.init(text: String(decoding: answer, as: UTF8.self))
            return
        }
        self.init(json: RASJSON.mended(answer))
    }

    /// The ranks of the job, which is what the largest communicator counts. `nil` if it can't be told.
    package func jobRanks(_ ranks: RankSet, of communicator: RASCommunicator) -> RankSet? {
        guard let largest = communicators.max(by: { $0.size < $1.size }) else { return nil }
        if communicator.size == largest.size { return ranks }
        let world = Dictionary(
            largest.processes.map { ($0.value, $0.key) }, uniquingKeysWith: { first, _ in first })
        var found = RankSet()
        for rank in ranks {
            guard let process = communicator.processes[rank], let jobRank = world[process] else { return nil }
            found.insert(jobRank)
        }
        return found
    }
}

/// One communicator of a job.
package struct RASCommunicator: Hashable, Sendable {
    /// What counts as a rank: what an answer says beyond is passed over.
    static let ranks = 0..<1_000_000

    /// Names it from one answer to the next: its hashes, in hexadecimal digits.
    package var id: String
    /// How many ranks it has; 0 if unknown.
    package var size: Int
    /// Whether every rank that answered has been initialised and is not being closed.
    package var isRunning: Bool
    /// How many collectives the ranks have launched, by operation (`AllReduce`, or `collective` where all are counted together), the furthest
    /// first. In text only operations whose counts differ.
    package var counts: [String: [RASCount]] = [:]
    /// Ranks of which no data came.
    package var missing: [RASMissingRank] = []
    /// Sentences about ranks that report an error.
    package var errors: [String] = []
    /// Where the ranks run, as far as it is said.
    package var processes: [Int: RASProcess] = [:]

    package init(id: String, size: Int, isRunning: Bool) {
        self.id = id
        self.size = size
        self.isRunning = isRunning
    }

    /// The operations whose counts differ between ranks.
    package var differing: [String] { counts.filter { $0.value.count > 1 }.map(\.key).sorted() }
}

/// Ranks that have launched an operation equally often.
package struct RASCount: Hashable, Sendable {
    package var launched: Int64
    package var ranks: RankSet

    package init(launched: Int64, ranks: RankSet) {
        self.launched = launched
        self.ranks = ranks
    }
}

/// A rank of which no data came.
package struct RASMissingRank: Hashable, Sendable {
    package enum State: String, Hashable, Sendable {
        case missing
        /// It does not answer, and has not been given up.
        case unresponsive
        /// It has not been reached for a minute.
        case dead
    }

    package var rank: Int
    package var state: State

    package init(rank: Int, state: State) {
        self.rank = rank
        self.state = state
    }
}

/// The process that a rank is, as RAS names it.
package struct RASProcess: Hashable, Sendable, CustomStringConvertible {
    /// A name or an address.
    package var host: String
    package var pid: Int
    /// As RAS writes it: `3`, `0 (NVML 4)`; empty if unknown.
    package var gpu: String

    package init(host: String, pid: Int, gpu: String = "") {
        self.host = TerminalText.line(host, limit: 256)
        self.pid = pid
        self.gpu = TerminalText.line(gpu, limit: 64)
    }

    package var description: String {
        "process \(pid) on node \(host)" + (gpu.isEmpty ? "" : ", GPU \(gpu)")
    }
}
