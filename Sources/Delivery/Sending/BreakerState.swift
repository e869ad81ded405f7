/// Whether a breaker lets calls through, as accounts and people name it.
enum BreakerState: String, Sendable {
    case closed
    /// Nothing is sent until the pause is over.
    case open
    /// One call tries whether it works again.
    case halfOpen = "half-open"
}
