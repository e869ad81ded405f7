private import Diagnosis

/// Now, by both clocks: one for pauses, and the time of day for the age of envelopes.
struct DeliveryTime: Sendable {
    var instant: ContinuousClock.Instant
    /// Since 1970.
    var nanoseconds: UInt64

    static var now: DeliveryTime {
        DeliveryTime(instant: .now, nanoseconds: WallClock.nanoseconds())
    }

    /// Since 1970, rounded down.
    var seconds: Int64 { Int64(nanoseconds / 1_000_000_000) }
}
