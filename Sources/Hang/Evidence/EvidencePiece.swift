/// One piece of the evidence of a hang, as it came from its source: what collectors hand in, what a bundle holds, and what `arobust hang` reads.
///
/// A piece that is missing is a piece as well: it says why.
package struct EvidencePiece: Hashable, Sendable, Codable {
    /// What kind of evidence it is. The order is the order of collecting: what is soonest overwritten, and costs least, comes first.
    package enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        /// A rank's Flight Recorder: PyTorch's pickle, or its JSON.
        case flightRecorder = "flight-recorder"
        /// `wait_counter_values` of a rank's worker server, in JSON.
        case waitCounters = "wait-counters"
        /// NCCL's RAS: JSON, or its text.
        case ras
        /// What `/proc` shows of a rank, as a `RankStacks` in JSON, without Python's frames.
        case process
        /// A rank's stacks, as a `RankStacks` in JSON.
        case stacks
        /// The last lines of a rank's log.
        case log
        /// The kernel's last lines.
        case kernelLog = "kernel-log"
        /// How the training went: step, times, goodput, in JSON.
        case progress
        /// What the node makes of it: a `HangEvidence` in JSON, which merges with other nodes'.
        case summary
    }

    package var kind: Kind
    /// The global rank that it tells of; `nil`: all of the node's, or unknown.
    package var rank: Int?
    /// Where it came from, for people: `worker server /run/trainer/worker_0.sock`, `/tmp/fr/rank_0`, `py-spy of process 812`.
    package var source: String
    /// When it was taken, in whole seconds since 1970.
    package var time: Int64
    /// When the last line of a log was written, in whole seconds since 1970.
    package var lastLine: Int64?
    /// The evidence as it came; empty if there is none.
    package var content: [UInt8]
    /// Why there is none, and what would help: a sentence. `nil`: there is.
    package var missing: String?

    package init(
        kind: Kind, rank: Int? = nil, source: String, time: Int64, content: [UInt8], missing: String? = nil
    ) {
        self.kind = kind
        self.rank = rank
        self.source = source
        self.time = time
        self.content = content
        self.missing = missing
    }

    /// A piece that could not be had.
    package static func missing(
        _ kind: Kind, rank: Int? = nil, source: String, time: Int64, because reason: String
    ) -> EvidencePiece {
        EvidencePiece(kind: kind, rank: rank, source: source, time: time, content: [], missing: reason)
    }
}

/// Takes one kind of evidence on this node when a hang is suspected.
package protocol EvidenceSource: Sendable {
    /// Hands in each piece as soon as it is there, and the reasons for those that are not. Never throws, never outlives the deadline by more
    /// than a second, and leaves no process of the training in another state than before.
    ///
    /// - Parameter take: called once a piece, one at a time.
    func collect(
        until deadline: ContinuousClock.Instant, _ take: @Sendable (EvidencePiece) async -> Void
    ) async
}
