internal import Diagnosis
internal import Logging
private import Synchronization
internal import ZMQBridge

/// Says in the log which envelopes are missing: at once for the first, then at most once in a while, with the sums.
final class GapLog: Sendable {
    private static let quietTime: Duration = .seconds(5)

    private struct State {
        var missing: [Lane: UInt64] = [:]
        var lastSaid: ContinuousClock.Instant?
    }

    private let logger: Logger
    private let state = Mutex(State())

    init(logger: Logger) {
        self.logger = logger
    }

    func note(_ gaps: [SequenceGap]) {
        guard !gaps.isEmpty else { return }
        let due = state.withLock { state -> [Lane: UInt64] in
            for gap in gaps { state.missing[gap.lane, default: 0] += gap.count }
            if let said = state.lastSaid, said.duration(to: .now) < Self.quietTime { return [:] }
            state.lastSaid = .now
            defer { state.missing = [:] }
            return state.missing
        }
        say(due)
    }

    /// Says what has not been said yet.
    func close() {
        say(state.withLock { $0.missing })
    }

    private func say(_ missing: [Lane: UInt64]) {
        for (lane, count) in missing.sorted(by: { $0.key.description < $1.key.description }) {
            logger.warning(
                "Envelopes are missing: this subscriber was too slow, or not connected.",
                metadata: ["lane": "\(lane)", "envelopes": "\(count)"])
        }
    }
}
