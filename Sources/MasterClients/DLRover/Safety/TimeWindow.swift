/// Which timestamps a DLRover master is sent: whole seconds, neither so old that it drops them nor from the future, where they would
/// stay forever. One beyond what Python's `datetime` holds makes it refuse all later reports of the type.
struct TimeWindow: Sendable {
    /// How old at most, in seconds; `nil`: however old.
    var oldest: Int64?
    /// How far ahead at most, in seconds.
    var ahead: Int64

    /// Python's `datetime` ends with the year 9999; a day is left for time zones and for what the master adds.
    private static let lastOfPython: Int64 = 253_402_300_799 - 86_400

    func check(_ timestamp: Int64, now: Int64) throws(DLRoverObjection) {
        guard timestamp > 0 else { throw .stale("its timestamp is \(timestamp), before 1970") }
        if let oldest, timestamp < now - oldest {
            throw .stale("it was collected \(now - timestamp) s ago, more than \(oldest) s")
        }
        guard timestamp <= min(now + ahead, Self.lastOfPython) else {
            throw .future("its timestamp \(timestamp) is \(timestamp - now) s ahead of the clock, more than \(ahead) s")
        }
    }
}
