extension MetricCollector {
    /// The limits of a scrape, and how its failures are told.
    public struct Configuration: Sendable, Hashable {
        /// The whole scrape, from connecting to the last byte of the body: 5 s.
        public var deadline: Duration
        /// The largest page that is taken, in bytes before the filter: 4 MiB.
        public var maxBytes: Int
        /// How long `isEnabled()` waits for a connection: 1 s.
        public var connectLimit: Duration
        /// After how many rounds a lasting failure is logged again: 10.
        public var problemInterval: Int
        /// Whether a `GENERIC` metric says when the alarm begins and when it is over: no.
        public var reportsAlarm: Bool
        /// The least time between two such metrics: 60 s.
        public var alarmInterval: Duration

        public init(
            deadline: Duration = .seconds(5),
            maxBytes: Int = 4 * 1024 * 1024,
            connectLimit: Duration = .seconds(1),
            problemInterval: Int = 10,
            reportsAlarm: Bool = false,
            alarmInterval: Duration = .seconds(60)
        ) {
            self.deadline = deadline
            self.maxBytes = maxBytes
            self.connectLimit = connectLimit
            self.problemInterval = problemInterval
            self.reportsAlarm = reportsAlarm
            self.alarmInterval = alarmInterval
        }
    }
}
