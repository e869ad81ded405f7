/// How fast what is unread of the logs gets less, and so how long the rest takes.
struct BacklogPace {
    private struct Mark {
        var time: ContinuousClock.Instant
        var unread: UInt64
    }

    /// Over how long the pace is told, how far apart its marks are, and how long one must be known for.
    static let (window, distance, shortest): (Duration, Duration, Duration) = (.seconds(30), .seconds(1), .seconds(2))

    private var marks: [Mark] = []
    private var last: Mark?

    /// Takes in how much is unread now, in bytes.
    mutating func record(unread: UInt64, at time: ContinuousClock.Instant) {
        last = Mark(time: time, unread: unread)
        // A backlog that is worked off ends here; the next one has a pace of its own.
        guard unread > 0 else { return marks.removeAll() }
        if let newest = marks.last, time < newest.time + Self.distance { return }
        marks.append(Mark(time: time, unread: unread))
        marks.removeAll { $0.time + Self.window < time }
    }

    /// 0: nothing is unread. `nil`: that is not known yet, or what is unread does not get less.
    var secondsLeft: Double? {
        guard let last, last.unread > 0 else { return 0 }
        guard let first = marks.first, last.time - first.time >= Self.shortest, first.unread > last.unread else {
            return nil
        }
        let perSecond = Double(first.unread - last.unread) / ((last.time - first.time) / .seconds(1))
        return (Double(last.unread) / perSecond).rounded()
    }
}
