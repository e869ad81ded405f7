internal import Diagnosis
internal import Logging
private import Synchronization
internal import ZMQBridge

/// Says in the log which envelopes are missing: at once for a lane's first, then the sums at most once in a while.
final class GapLog: Sendable {
    private let logger: Logger
    private let lanes = Mutex<[Lane: QuietCounter]>([:])

    init(logger: Logger) {
        self.logger = logger
    }

    /// Notes gaps, maybe none. To be called with every delivery: so what is unsaid is said when its time has come.
    func note(_ gaps: [SequenceGap]) {
        let due = lanes.withLock { lanes in
            for gap in gaps { lanes[gap.lane, default: QuietCounter()].count(Int(clamping: gap.count)) }
            return lanes.keys.compactMap { lane in lanes[lane]?.due().map { (lane, $0) } }
        }
        for (lane, count) in due { say(count, in: lane) }
    }

    /// Says what has not been said yet.
    func close() {
        let rest = lanes.withLock { lanes in
            lanes.keys.compactMap { lane in lanes[lane]?.takeRest().map { (lane, $0) } }
        }
        for (lane, count) in rest { say(count, in: lane) }
    }

    private func say(_ count: Int, in lane: Lane) {
        logger.warning(
            "Envelopes are missing: this subscriber was too slow, or not connected.",
            metadata: ["lane": "\(lane)", "envelopes": "\(count)"])
    }
}
