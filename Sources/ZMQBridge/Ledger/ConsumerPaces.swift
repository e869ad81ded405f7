internal import Diagnosis

/// How far each named consumer was at some moments of the last half minute: how fast it gets on, and so how long the rest takes.
struct ConsumerPaces {
    /// How far a consumer is: envelopes of all its lanes.
    struct Mark: Hashable {
        var finished: UInt64
        var published: UInt64
    }

    private struct Sample {
        var time: Int64
        var mark: Mark
    }

    /// In seconds: over how long a pace is told, how far apart its marks are, and how long one must be known for.
    static let (window, distance, shortest): (Int64, Int64, Int64) = (30, 2, 4)
    /// More consumers than may have an account.
    private static let mostNames = 12_000

    private var samples: [String: [Sample]] = [:]

    /// Whether it is time for another mark of this consumer.
    func wantsMark(of name: String, now: Int64) -> Bool {
        guard let last = samples[name]?.last else { return samples.count < Self.mostNames }
        return now >= last.time + Self.distance || now < last.time
    }

    /// - Parameter now: seconds since 1970. After a step back of the clock, or of the consumer, its pace is found anew.
    mutating func record(_ mark: Mark, of name: String, now: Int64) {
        guard wantsMark(of: name, now: now) else { return }
        var known = samples[name] ?? []
        if let last = known.last,
            now < last.time || mark.finished < last.mark.finished
                || mark.published < last.mark.published
        {
            known = []
        }
        known.append(Sample(time: now, mark: mark))
        known.removeAll { $0.time < now - Self.window }
        samples[name] = known
    }

    mutating func forget(_ name: String) { samples[name] = nil }

    /// Forgets all consumers but these.
    mutating func keep(_ names: Set<String>) {
        samples = samples.filter { names.contains($0.key) }
    }

    /// - Parameters:
    ///   - mark: how far it is now.
    ///   - pending: how many envelopes wait for it.
    func pace(of name: String, now mark: Mark, at now: Int64, pending: UInt64) -> PublisherStatus.Pace? {
        guard let first = samples[name]?.first(where: { $0.time >= now - Self.window }),
            now - first.time >= Self.shortest, mark.finished >= first.mark.finished,
            mark.published >= first.mark.published
        else { return nil }
        let seconds = Double(now - first.time)
        let finished = Double(mark.finished - first.mark.finished) / seconds
        let published = Double(mark.published - first.mark.published) / seconds
        let gain = finished - published
        var left: Double?
        if pending == 0 { left = 0 } else if gain > 0 { left = Double(pending) / gain }
        return PublisherStatus.Pace(
            finishedPerSecond: Self.rounded(finished), publishedPerSecond: Self.rounded(published),
            secondsLeft: left.map(Self.rounded))
    }

    private static func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }
}

extension PublisherLedger {
    /// How far a consumer is, by its own account and what was published since that began.
    func mark(of account: ConsumerAccount) -> ConsumerPaces.Mark {
        var mark = ConsumerPaces.Mark(finished: 0, published: 0)
        for lane in account.lanes {
            let name = lane.dataType.rawValue
            guard let last = lanes[name]?.history.newest else { continue }
            let origin = lane.origin ?? LanePosition(epoch: 0, sequence: 0)
            mark.finished &+= count(name, after: origin, through: min(lane.through, last)) &+ lane.ahead
            mark.published &+= count(name, after: origin, through: last)
        }
        return mark
    }
}
