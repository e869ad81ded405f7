/// What a caller may use of a server. The defaults are for people's browsers; tests take less.
package struct WebLimits: Sendable {
    package var targetBytes = 8 * 1024
    package var headerBytes = 16 * 1024
    package var connections = 512
    package var connectionsOfAClient = 64
    /// Whether a new connection beyond the limit takes the place of the one that has waited longest without asking, instead of being refused:
    /// for a server whose callers all have the same address.
    package var replacesWaiting = false
    /// How long a new connection may take until its first request is whole.
    package var firstRequest = Duration.seconds(10)
    /// How long a connection may wait for its next request.
    package var nextRequest = Duration.seconds(75)
    /// How long a caller may leave unread what it was sent.
    package var stalled = Duration.seconds(30)

    /// How long callers may take to read the last answers when the server stops.
    package var end = Duration.seconds(2)

    package init() {}
}
