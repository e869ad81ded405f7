/// Bounds on what reading a pickle may cost.
struct PickleLimits: Sendable {
    /// The longest pickle that is looked at.
    var bytes = 16 * 1024 * 1024
    /// The most values a pickle may make, and the most entries of its memo.
    var values = 65536
    /// How deep values may be nested, and marks too.
    var depth = 32
}
