/// What one rank's Flight Recorder has recorded: PyTorch's ring of collectives (`torch/csrc/distributed/c10d/FlightRecorder.hpp`), version 2.x.
package struct FlightRecorderDump: Hashable, Sendable {
    /// A process group as `pg_config` names it.
    package struct Group: Hashable, Sendable {
        /// The key in `pg_config`; torch 2.15's gloo writes an empty one, with the members of whichever group was made last.
        package var name: String
        package var description: String
        package var ranks: [Int]
    }

    /// How far a rank is in a group, as `pg_status` says. -1: nothing yet, or not recorded (gloo records no start).
    package struct Status: Hashable, Sendable {
        package var lastEnqueued: Int
        package var lastStarted: Int
        package var lastCompleted: Int
    }

    package var version = ""
    package var groups: [Group] = []
    /// By the group's number on this rank (`pg_id`): the same number may mean another group on another rank.
    package var status: [Int: Status] = [:]
    /// The oldest first.
    package var entries: [FlightRecorderEntry] = []

    package init() {}

    /// When the newest entry was made, in nanoseconds since 1970; 0 without entries.
    package var newest: Int64 { entries.lazy.map(\.created).max() ?? 0 }
}

/// One operation in a Flight Recorder.
package struct FlightRecorderEntry: Hashable, Sendable {
    /// The group's number on this rank.
    package var groupNumber: Int
    /// The group's name in the whole job, such as `0`, and its description, such as `default_pg`.
    package var groupName: String
    package var groupDescription: String
    package var collectiveSequence: Int
    package var pointToPointSequence: Int
    /// `all_reduce`, `send 1->2`: without the backend.
    package var operation: String
    /// In nanoseconds since 1970.
    package var created: Int64
    /// `[[1024]]`
    package var inputSizes: String
    package var outputSizes: String
    package var dataTypes: String
    /// `scheduled`, `started`, `completed`; gloo stays with the first.
    package var state: String
    package var isRetired: Bool
    package var isPointToPoint: Bool
    /// Where the program called it: the innermost frame outside of PyTorch, `train.py:88`. `nil` if no frames were recorded.
    package var callSite: String?

    /// Whether the rank is through with it. gloo says so by `retired` alone.
    package var isDone: Bool { isRetired || state == "completed" }

    /// The two ranks of `send 1->2` and `recv 3<-0`, numbered within the group; `nil` for a partner of any rank (`recv 3<-?`).
    package var transfer: (isSend: Bool, own: Int, peer: Int?)? {
        guard isPointToPoint else { return nil }
        let isSend = operation.hasPrefix("send ")
        guard isSend || operation.hasPrefix("recv "), let ranks = operation.split(separator: " ").last else {
            return nil
        }
        let ends = ranks.split(separator: isSend ? ">" : "<").map { $0.filter { $0 != "-" } }
        guard ends.count == 2, let own = Int(ends[0]) else { return nil }
        return (isSend, own, Int(ends[1]))
    }
}
