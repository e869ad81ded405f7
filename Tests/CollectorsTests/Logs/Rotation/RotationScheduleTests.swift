import Foundation
import Testing

/// Every line arrives exactly once and in order, whatever is done to the log: renamed, also several times between two looks; copied and
/// truncated under writers with and without `O_APPEND`; replaced by a longer copy; deleted; with holes and unfinished lines; while reports
/// fail and the collector is killed.
@Suite(.timeLimit(.minutes(60))) struct RotationScheduleTests {
    /// 60 schedules, and 500 in `make test`; `ROTATION_SEEDS` sets another number (`make soak-rotation`: 10,000), `ROTATION_SEED` repeats one.
    /// `ROTATION_CLOCK=1` also sets the clock by hours: about one schedule of 50 then repeats or loses a file's lines, because files are told
    /// from each other by their times where nothing else does.
    @Test func everyLineArrivesExactlyOnce() async {
        let environment = ProcessInfo.processInfo.environment
        let count = environment["ROTATION_SEEDS"].flatMap(UInt64.init) ?? 60
        let seeds = environment["ROTATION_SEED"].flatMap(UInt64.init).map { $0...$0 } ?? 1...max(1, count)
        // On a thread of its own: it would keep the other tests from the few threads that all share.
        let difference = await withCheckedContinuation { continuation in
            let setsClock = environment["ROTATION_CLOCK"] != nil
            Thread.detachNewThread {
                continuation.resume(returning: Self.firstDifference(seeds, setsClock: setsClock))
            }
        }
        #expect(difference == nil)
    }

    private static func firstDifference(_ seeds: ClosedRange<UInt64>, setsClock: Bool) -> String? {
        for seed in seeds {
            var schedule = RotationSchedule(seed: seed, setsClock: setsClock)
            if let difference = schedule.run() { return "ROTATION_SEED=\(seed): \(difference)" }
        }
        return nil
    }
}
