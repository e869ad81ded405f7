internal import Diagnosis

extension DeliveryState {
    private static let announcementPause: Duration = .milliseconds(100)

    /// What the store has, for each publisher; and how the master fares.
    func accounts(consumer: String, now: DeliveryTime) -> [PublisherID: ConsumerAccount] {
        ledgers.compactMapValues(\.stored).accounts(consumer: consumer, state: states(now: now))
    }

    /// The accounts if they have changed and were not told just now.
    ///
    /// - Parameter isLast: tells them in any case.
    mutating func takeAnnouncement(
        consumer: String, isLast: Bool = false, now: DeliveryTime
    ) -> [PublisherID: ConsumerAccount]? {
        guard isLast || announcementTime.map({ $0 <= now.instant }) ?? false else { return nil }
        needsAnnouncement = false
        nextAnnouncement = now.instant + Self.announcementPause
        return accounts(consumer: consumer, now: now)
    }

    /// When changed accounts are to be told.
    var announcementTime: ContinuousClock.Instant? {
        needsAnnouncement ? nextAnnouncement : nil
    }

    /// How many envelopes each lane holds in memory: waiting or under way. More may wait in the journal.
    var held: [Lane: Int] {
        var held: [Lane: Int] = [:]
        for (key, queue) in queues { held[key.lane, default: 0] += queue.count }
        return held
    }

    private func states(now: DeliveryTime) -> [String: String] {
        var states = [
            "breaker": breaker.state(now: now.instant).rawValue, "started_at": TimeText.write(startedAt),
        ]
        if let deliveredAt { states["delivered_at"] = TimeText.write(deliveredAt) }
        if let lastError {
            states["last_error"] = lastError.message
            states["last_error_time"] = TimeText.write(lastError.time)
        }
        let heldTypes = typeBreakers.filter { $0.value.heldUntil != nil }.keys.map(\.rawValue).sorted()
        if !heldTypes.isEmpty { states["held_types"] = heldTypes.joined(separator: ",") }
        if !unstorable.isEmpty { states["storage"] = "failing" }
        if let stopped { states["stopped"] = stopped.message }
        return states
    }
}
