import Diagnosis

/// A batch's metrics, from the front. Each is checked when it is first asked for.
struct MetricQueue {
    /// What is at the front.
    enum Front {
        case metric(DLRoverMetric)
        case objection(DLRoverObjection)
    }

    private let batch: EnvelopeBatch
    private let limits: ReportLimits
    private let now: @Sendable () -> Int64
    /// When the front was last asked for.
    private var time: Int64 = 0
    /// The checked ones from `front` on; before it, those that were dequeued.
    private var checked: [DLRoverMetric] = []
    private var front = 0
    /// How many envelopes before `checked` were skipped.
    private var offset = 0
    /// What is wrong with the envelope after the checked ones.
    private var objection: DLRoverObjection?

    init(_ batch: EnvelopeBatch, limits: ReportLimits, now: @escaping @Sendable () -> Int64) {
        self.batch = batch
        self.limits = limits
        self.now = now
        checked.reserveCapacity(batch.count)
    }

    /// `nil` at the end.
    mutating func first() -> Front? {
        time = now()
        if hasMetric(0) { return .metric(checked[front]) }
        return objection.map { .objection($0) }
    }

    /// How many metrics in a row from the front `isTaken` accepts. An envelope to which there is an objection ends the row.
    mutating func count(while isTaken: (DLRoverMetric) -> Bool) -> Int {
        var count = 0
        while hasMetric(count), isTaken(checked[front + count]) { count += 1 }
        return count
    }

    /// Removes and returns the first `count`, which must have been looked at.
    mutating func dequeue(_ count: Int) -> ArraySlice<DLRoverMetric> {
        defer { front += count }
        return checked[front..<(front + count)]
    }

    /// Skips the envelope at the front, to which there is an objection.
    mutating func skip() {
        objection = nil
        offset += 1
    }

    /// Whether there is a metric at this distance from the front, and nothing but metrics before it.
    private mutating func hasMetric(_ distance: Int) -> Bool {
        while front + distance >= checked.count {
            guard objection == nil, offset + checked.count < batch.count else { return false }
            check()
        }
        return true
    }

    private mutating func check() {
        let entries = batch.entries
        do throws(DLRoverObjection) {
            checked.append(
                try DLRoverMetric(
                    checking: entries[entries.startIndex + offset + checked.count], of: batch, limits: limits,
                    now: time))
        } catch {
            objection = error
        }
    }
}
