internal import Diagnosis

/// What the log should say, gathered under the lock and said outside of it.
struct DeliveryNews {
    /// What was skipped of a data type, by a rule.
    struct Rule: Hashable {
        var type: DiagnosisDataType
        var name: String
    }

    struct Skipped {
        var count: UInt64 = 0
        /// Why the last one was, where that says more than the rule.
        var reason: String?
    }

    /// By lane and reason.
    var lost: [Lane: [String: UInt64]] = [:]
    var skipped: [Rule: Skipped] = [:]

    var isEmpty: Bool { lost.isEmpty && skipped.isEmpty }

    mutating func skip(_ count: Int, of type: DiagnosisDataType, rule: String, reason: String? = nil) {
        skipped[Rule(type: type, name: rule), default: Skipped()].count += UInt64(count)
        if let reason { skipped[Rule(type: type, name: rule)]?.reason = reason }
    }
}
