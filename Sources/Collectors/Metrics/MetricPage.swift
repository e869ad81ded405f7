public import Diagnosis

/// A filtered page of metrics, or a text of the user's own to report as one.
public struct MetricPage: Sendable, Hashable {
    public let content: String
    /// When the scrape began, in whole seconds since 1970.
    public let timestamp: Int64

    public init(content: String, timestamp: Int64 = WallClock.seconds()) {
        self.content = content
        self.timestamp = timestamp
    }
}

extension MetricPage: ExpressibleByStringLiteral {
    public init(stringLiteral content: String) {
        self.init(content: content)
    }
}
