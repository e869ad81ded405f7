private import Foundation

/// A time of day as accounts, dead letters and tables write it: RFC 3339, UTC, whole seconds.
enum TimeText {
    /// - Parameter seconds: since 1970.
    static func write(_ seconds: Int64) -> String {
        Date(timeIntervalSince1970: TimeInterval(seconds)).formatted(.iso8601)
    }
}
