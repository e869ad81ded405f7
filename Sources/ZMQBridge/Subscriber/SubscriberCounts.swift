/// What a connection has seen so far; `SubscriberStatus` explains each.
struct SubscriberCounts {
    var received: UInt64 = 0
    var replayed: UInt64 = 0
    var missing: UInt64 = 0
    var malformed: UInt64 = 0
    var newerVersion: UInt64 = 0
    var repeated: UInt64 = 0
}
