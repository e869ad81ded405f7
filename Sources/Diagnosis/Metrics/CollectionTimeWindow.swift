/// Which times of collection a master is sent: not too long ago, which may differ from type to type, and not too far ahead of the clock.
package struct CollectionTimeWindow: Hashable, Sendable {
    /// How long ago at most, in whole seconds; `nil` or zero: however long.
    package var oldest: Duration?
    /// The same for single types, instead of `oldest`.
    package var oldestByType: [DiagnosisDataType: Duration]
    /// How far ahead at most, in whole seconds; `nil`: however far.
    package var ahead: Duration?

    package init(
        oldest: Duration? = nil, oldestByType: [DiagnosisDataType: Duration] = [:], ahead: Duration? = nil
    ) {
        self.oldest = oldest
        self.oldestByType = oldestByType
        self.ahead = ahead
    }

    /// Why a time is outside.
    package enum Violation: Hashable, Sendable {
        /// - Parameter limit: how old it might be, in seconds.
        case tooOld(limit: Int64)
        /// - Parameter limit: how far ahead it might be, in seconds.
        case tooFarAhead(limit: Int64)
    }

    /// The window of one type at a moment, so that a batch looks its type up once.
    ///
    /// - Parameter now: seconds since 1970.
    package func bounds(for type: DiagnosisDataType, now: Int64) -> Bounds {
        Bounds(
            now: now, oldest: (oldestByType[type] ?? oldest).flatMap { $0 > .zero ? $0.components.seconds : nil },
            ahead: ahead?.components.seconds)
    }

    /// Which times are inside at a moment.
    package struct Bounds: Hashable, Sendable {
        fileprivate let now: Int64
        fileprivate let oldest: Int64?
        fileprivate let ahead: Int64?

        /// Whether any time can be outside.
        package var canExclude: Bool { oldest != nil || ahead != nil }

        /// - Parameter time: seconds since 1970; any number.
        /// - Returns: `nil` for a time inside; both ends are inside.
        package func violation(of time: Int64) -> Violation? {
            if let oldest, time < now - oldest { return .tooOld(limit: oldest) }
            if let ahead, time > now + ahead { return .tooFarAhead(limit: ahead) }
            return nil
        }
    }
}
