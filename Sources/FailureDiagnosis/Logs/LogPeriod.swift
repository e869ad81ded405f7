internal import SystemSupport

/// The time in which one log's lines about the current failure were written.
///
/// A single line proves little: it may give a certificate's end, the date of a file, or the year 1970 of a clock that was not set. So a time
/// counts as the log's last one only if the file's own time, the present, or another line supports it.
struct LogPeriod {
    /// How many of the last times are compared.
    private static let compared = 20
    /// How much the times of neighbouring lines may be out of order, in seconds: a clock that is set, the end of daylight saving.
    private static let disorder = 3660.0
    /// With fewer times than one in this many lines, the log has none, and those are dates in its text.
    private static let rarest = 50

    /// When the log was last written; `nil` if its lines have no times.
    private(set) var last: Double?
    private var isFirstBlock = true
    private let incident: Double
    /// When the file was last written, if its lines don't contradict that.
    private var modified: Double?
    private let time: LogTime

    /// - Parameters:
    ///   - modified: when the file was last written; `nil`: unknown.
    ///   - incident: how long before the log's end a failure may have begun, in seconds.
    init(modified: Double?, incident: Double, time: LogTime) {
        self.modified = modified.flatMap(time.credible)
        self.incident = incident
        self.time = time
    }

    /// Looks for the last time in a block, unless a later block had one.
    mutating func readEnd(_ block: UnsafeRawBufferPointer) {
        guard last == nil else { return }
        // A whole block of a log whose lines have no times is enough.
        var (times, lines) = LineTimes(bytes: block, time: time, period: nil)
            .lastTimes(Self.compared, limit: isFirstBlock ? .max : LineTimes.maximumLines)
        isFirstBlock = false
        if let written = modified {
            let possible = times.filter { $0 <= written + LogTime.tolerance }
            // A copy may have any time, so most lines decide.
            if possible.count * 2 >= times.count { times = possible } else { modified = nil }
        }
        let isRare = times.count < Self.compared && times.count * Self.rarest < lines
        last = times.indices.sorted { times[$0] > times[$1] }
            .first { isConfirmed(times[$0]) || (!isRare && isSupported($0, times)) }.map { times[$0] }
        if last == nil, !isRare { last = times.first }
    }

    /// - Parameter end: when the training failed, if that is known better than from this log.
    func range(end: Double?) -> ClosedRange<Double>? {
        guard let last = last ?? end else { return nil }
        var failed = end ?? last
        // The file was written then, so its times only seem to be older: they are of another zone, or of another clock.
        if last < failed - incident, !isOlder(than: failed) { failed = last }
        return (failed - incident)...(max(last, failed) + Self.disorder)
    }

    /// Whether neither the lines nor the file are of the time before a failure.
    func isOlder(than end: Double) -> Bool {
        guard let last else { return false }
        return last < end - incident && (modified ?? 0) < end - incident
    }

    private func isConfirmed(_ time: Double) -> Bool {
        [modified, self.time.clock.now].compactMap { $0 }.contains { abs($0 - time) <= incident }
    }

    private func isSupported(_ index: Int, _ times: [Double]) -> Bool {
        times.indices.contains { $0 != index && abs(times[$0] - times[index]) <= incident }
    }
}
