import Diagnosis

/// A batch's metrics from the front on. Each is checked when it is first asked for.
struct MetricQueue {
    /// What stands at the front.
    enum Front {
        case metric(DLRoverMetric)
        case objection(DLRoverObjection)
    }

    private let batch: EnvelopeBatch
    private let limits: ReportLimits
    private let now: @Sendable () -> Int64
    /// When the front was last asked for.
    private var time: Int64 = 0
    /// Those from `front` on that have been checked, after those that have been taken.
    private var checked: [DLRoverMetric] = []
    private var front = 0
    /// How many envelopes were passed over before `checked`.
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

    /// How many metrics in a row, from the front on, `isTaken` takes. An envelope that there is an objection to ends the row.
    mutating func count(while isTaken: (DLRoverMetric) -> Bool) -> Int {
        var count = 0
        while hasMetric(count), isTaken(checked[front + count]) { count += 1 }
        return count
    }

    /// Takes as many from the front as have been looked at.
    mutating func take(_ count: Int) -> ArraySlice<DLRoverMetric> {
        defer { front += count }
        return checked[front..<(front + count)]
    }

    /// Passes over the envelope at the front that there is an objection to.
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

/// What was found out about a master.
struct MasterMemory: Sendable {
    /// The module name to try first.
    private(set) var module = DLRoverModule.comm
    /// Whether the master has taken a pickle with it since it was last away.
    private var isProven = false
    /// The largest message that the master says it receives, if it has said so.
    private(set) var messageLimit: Int?

    /// - Returns: whether that was news.
    mutating func worked(_ module: DLRoverModule) -> Bool {
        let isNews = !isProven || module != self.module
        self.module = module
        isProven = true
        return isNews
    }

    /// The master says that it receives no more than `limit`.
    ///
    /// - Returns: whether that is less than what was known.
    mutating func learned(limit: Int, below known: Int) -> Bool {
        guard limit > 0, limit < known else { return false }
        messageLimit = limit
        return true
    }

    /// The master was away; another version may come back.
    mutating func forget() {
        isProven = false
        messageLimit = nil
    }
}
