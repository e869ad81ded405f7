import OTLPMessages
import SwiftProtobuf
private import SystemSupport

/// How long a receiver wants not to be called.
enum RetryAfter {
    /// Seconds since 1970.
    static func now() -> Int64 { WallClock.seconds() }

    /// Reads HTTP's `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3).
    ///
    /// - Returns: `nil` for a text that is neither; zero for a date that has passed.
    static func read(_ text: String, now: Int64) -> Duration? {
        let text = text.trimmingPrefix { $0 == " " }
        if !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            return .seconds(text.utf8.count > 9 ? Int64(999_999_999) : Int64(text) ?? 0)
        }
        // The only form that senders may use: Wed, 21 Oct 2015 07:28:00 GMT
        let words = text.split(separator: " ")
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        guard words.count == 6, words[5] == "GMT", let month = months.firstIndex(of: String(words[2])) else {
            return nil
        }
        let number = String(month + 101).dropFirst()
        return TimeText.read("\(words[3])-\(number)-\(words[1])T\(words[4])Z", now: now)
            .map { .seconds(max(0, $0 - now)) }
    }

    /// Reads the `RetryInfo` in a `google.rpc.Status`.
    ///
    /// - Returns: `nil` if there is none.
    static func read(_ details: [UInt8]) -> Duration? {
        guard !details.isEmpty, let status = try? Google_Rpc_Status(serializedBytes: details) else { return nil }
        for detail in status.details where detail.isA(Google_Rpc_RetryInfo.self) {
            guard let info = try? Google_Rpc_RetryInfo(unpackingAny: detail) else { continue }
            let delay = info.retryDelay
            return .seconds(max(0, min(delay.seconds, 999_999_999))) + .nanoseconds(max(0, Int64(delay.nanos)))
        }
        return nil
    }
}
