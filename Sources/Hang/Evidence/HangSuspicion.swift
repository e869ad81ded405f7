/// A sign that the training of this node hangs or failed: what starts an incident.
package struct HangSuspicion: Hashable, Sendable, Codable {
    /// Where the sign was seen.
    package enum Trigger: String, Hashable, Sendable, Codable, CaseIterable {
        /// No step for longer than usual.
        case noProgress = "no-progress"
        /// XPUTimer's `XPU_TIMER_COMMON_HANG` is 1.
        case xpuTimer = "xpu-timer"
        /// NCCL's RAS shows ranks that are behind and don't move, or are gone.
        case ras
        /// A line of a log that a rule takes for a root cause.
        case rootCause = "root-cause"
        /// A rank is in an uninterruptible sleep, stopped, or gone.
        case process
        /// A new Flight Recorder dump was written: PyTorch's watchdog gave up waiting.
        case flightRecorder = "flight-recorder"
        /// A master asked: DLRover's `collect_metric`.
        case master
        /// Somebody asked: `arobust dump`.
        case operator_ = "operator"
    }

    package var trigger: Trigger
    /// The global rank, where it is known.
    package var rank: Int?
    /// A sentence for an operator.
    package var text: String
    /// In whole seconds since 1970.
    package var time: Int64

    package init(_ trigger: Trigger, rank: Int? = nil, text: String, time: Int64) {
        self.trigger = trigger
        self.rank = rank
        self.text = text
        self.time = time
    }
}

/// Is told of signs of a hang.
package protocol HangObserver: Sendable {
    /// Takes a sign. Returns at once; may be called from any thread, and again for the same sign: several signs at once are one incident.
    func suspect(_ suspicion: HangSuspicion)
}
