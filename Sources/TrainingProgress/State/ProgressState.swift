/// What a training does, as its log shows it.
package enum ProgressState: String, Hashable, Sendable, Codable, CaseIterable {
    /// It has started, and made no step yet.
    case starting
    case running
    case evaluating
    case checkpointing
    /// It makes steps, slower than usual.
    case slow
    /// No step for longer than it should take.
    case silent
    /// It said that it has ended.
    case finished
}

/// How a training goes, as one log (or one rank of a log) shows it: what is published, shown, and kept as evidence.
package struct ProgressSnapshot: Hashable, Sendable, Codable {
    /// The log's absolute path.
    package var path: String
    /// The global rank, where the log's name or its lines tell it.
    package var rank: Int?
    package var state: ProgressState
    /// The profile that reads it; `nil`: none fits.
    package var profile: String?
    package var step: Double?
    package var total: Double?
    package var epoch: Double?
    /// How long a step takes, in seconds: the median of the last ones.
    package var stepSeconds: Double?
    /// While slow: what it was before, or what the other ranks' steps take.
    package var usualStepSeconds: Double?
    /// When the last step was told, in seconds since 1970.
    package var lastStepTime: Double?
    /// How long ago that is, by the clock of the node, in seconds; `nil`: no step yet.
    package var silence: Double?
    /// From how much silence on it is `silent`, in seconds; `nil`: never.
    package var silenceLimit: Double?
    package var loss: Double?
    package var throughput: Double?
    package var throughputUnit: String?
    /// From 0 to 1: the time in steps that were kept, of all since the start.
    package var goodput: Double?
    /// How much time went into steps that a restart lost, in seconds.
    package var lostSeconds: Double
    package var restarts: Int
    /// The step of the last checkpoint that is done, or else when it was.
    package var checkpointTime: Double?

    enum CodingKeys: String, CodingKey {
        case path, rank, state, profile, step, total, epoch, loss, throughput, goodput, restarts, silence
        case stepSeconds = "step_seconds"
        case usualStepSeconds = "usual_step_seconds"
        case lastStepTime = "last_step_time"
        case silenceLimit = "silence_limit"
        case throughputUnit = "throughput_unit"
        case lostSeconds = "lost_seconds"
        case checkpointTime = "checkpoint_time"
    }
}

/// A change that is told.
package struct ProgressChange: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable {
        case running, silent, slow, restarted, finished
    }

    package var kind: Kind
    package var snapshot: ProgressSnapshot
    /// When it was seen, in whole seconds since 1970.
    package var time: Int64
}
