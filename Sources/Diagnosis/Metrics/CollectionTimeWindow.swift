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

    /// Whether any time of this type can be outside.
    package func isBounded(for type: DiagnosisDataType) -> Bool {
        ahead != nil || oldestSeconds(of: type) != nil
    }

    /// - Parameters:
    ///   - time: seconds since 1970; any number.
    ///   - now: seconds since 1970.
    /// - Returns: `nil` for a time inside; both ends are inside.
    package func violation(of time: Int64, type: DiagnosisDataType, now: Int64) -> Violation? {
        if let limit = oldestSeconds(of: type), time < now - limit { return .tooOld(limit: limit) }
        if let limit = ahead?.components.seconds, time > now + limit { return .tooFarAhead(limit: limit) }
        return nil
    }

    private func oldestSeconds(of type: DiagnosisDataType) -> Int64? {
        (oldestByType[type] ?? oldest).flatMap { $0 > .zero ? $0.components.seconds : nil }
    }
}
