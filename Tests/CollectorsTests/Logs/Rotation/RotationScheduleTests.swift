import Foundation
import Testing

/// Every line arrives exactly once and in order, whatever is done to the log: renamed, also several times between two looks; copied and
/// truncated under writers with and without `O_APPEND`; replaced by a longer copy; deleted; with holes and unfinished lines; while reports
/// fail and the collector is killed.
@Suite(.timeLimit(.minutes(10)), .serialized) struct RotationScheduleTests {
    /// 500 schedules; `ROTATION_SEEDS` sets another number (`make soak-rotation`: 10,000), `ROTATION_SEED` repeats one.
    @Test func everyLineArrivesExactlyOnce() {
        let environment = ProcessInfo.processInfo.environment
        let count = environment["ROTATION_SEEDS"].flatMap(UInt64.init) ?? 500
        let only = environment["ROTATION_SEED"].flatMap(UInt64.init)
        for seed in only.map({ $0...$0 }) ?? 1...max(1, count) {
            var schedule = RotationSchedule(seed: seed)
            guard let difference = schedule.run() else { continue }
            Issue.record("ROTATION_SEED=\(seed): \(difference)")
            return
        }
    }
}
