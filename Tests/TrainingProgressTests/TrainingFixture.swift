import CoreMetrics
import Diagnosis
import Hang
import Logging
import Synchronization
import TestSupport

@testable import TrainingProgress

/// A watch with clocks that the test moves.
final class TrainingFixture: Sendable {
    private struct Clocks {
        var moment: ProgressMoment
        var modified: [String: Double] = [:]
    }

    final class Suspicions: HangObserver {
        private let seen = Mutex<[HangSuspicion]>([])
        var all: [HangSuspicion] { seen.withLock { $0 } }
        func suspect(_ suspicion: HangSuspicion) { seen.withLock { $0.append(suspicion) } }
    }

    /// 2026-11-24T00:20:00Z, as in the recorded logs.
    static let start = 1_795_479_600.0

    let suspicions = Suspicions()
    private let clocks: Mutex<Clocks>
    private let made: Mutex<ProgressWatch?> = Mutex(nil)
    private let allChanges = Mutex<[ProgressChange]>([])

    init(_ settings: ProgressSettings = ProgressSettings(), nodeRank: Int = 0, wall: Double = start) {
        clocks = Mutex(Clocks(moment: ProgressMoment(wall: wall, steady: 100)))
        let watch = ProgressWatch(
            settings: settings, profiles: .builtIn, nodeRank: nodeRank,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            factory: NOOPMetricsHandler.instance, clock: { [unowned self] in moment },
            modified: { [unowned self] path in clocks.withLock { $0.modified[path] } })
        watch.setHangObserver(suspicions)
        made.withLock { $0 = watch }
    }

    var watch: ProgressWatch { made.withLock { $0 }! }
    var moment: ProgressMoment { clocks.withLock { $0.moment } }
    /// Everything that was told so far, by kind.
    var kinds: [ProgressChange.Kind] { allChanges.withLock { $0.map(\.kind) } }

    /// Moves both clocks, and judges as often as the collector would.
    func pass(_ seconds: Double) {
        var rest = seconds
        while rest > 0 {
            let step = min(rest, 5)
            rest -= step
            clocks.withLock {
                $0.moment.wall += step
                $0.moment.steady += step
            }
            judge()
        }
    }

    func setModified(_ path: String, _ wall: Double?) { clocks.withLock { $0.modified[path] = wall } }

    func judge() {
        let changes = watch.judgeTrainings()
        allChanges.withLock { $0 += changes }
    }

    /// Lines of a log that were just read.
    func read(_ lines: String, of path: String = "/logs/train.log", unread: UInt64 = 0) {
        watch.noteUnread(unread, of: path)
        watch.observe(lines, of: path)
    }

    func state(of path: String = "/logs/train.log") -> ProgressSnapshot? { watch.snapshots.first { $0.path == path } }
}
