internal import Diagnosis

/// Which times of collection a master is sent at a moment.
struct TimeWindow {
    private let oldest: Int64?
    private let newest: Int64?
    private let now: Int64

    init(_ policy: DeliveryPolicy, type: DiagnosisDataType, now: DeliveryTime) {
        self.now = now.seconds
        oldest = policy.timeToLive(of: type).map { now.seconds - $0.components.seconds }
        newest = policy.longestAhead.map { now.seconds + $0.components.seconds }
    }

    var isBounded: Bool { oldest != nil || newest != nil }

    /// What becomes of an envelope outside; `nil` inside.
    func fate(of entry: EnvelopeBatch.Entry) -> Fate? {
        if let oldest, entry.collectionTime < oldest { return .stale }
        if let newest, entry.collectionTime > newest { return .future }
        return nil
    }

    /// What an operator should look at; `nil` where the rule says it all.
    func reason(of entry: EnvelopeBatch.Entry) -> String? {
        guard fate(of: entry) == .future else { return nil }
        return
            "its timestamp is \(entry.collectionTime), and it is \(now) here: is it in seconds, and is the clock right?"
    }
}
