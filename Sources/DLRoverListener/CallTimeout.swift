/// The header `grpc-timeout` (gRPC over HTTP2, "Requests").
enum CallTimeout {
    /// - Returns: `nil` for what is none.
    static func read(_ text: String) -> Duration? {
        let digits = text.dropLast()
        guard (1...8).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let amount = Int64(digits)
        else { return nil }
        switch text.last {
        case "H": return .seconds(amount * 3600)
        case "M": return .seconds(amount * 60)
        case "S": return .seconds(amount)
        case "m": return .milliseconds(amount)
        case "u": return .microseconds(amount)
        case "n": return .nanoseconds(amount)
        default: return nil
        }
    }
}
