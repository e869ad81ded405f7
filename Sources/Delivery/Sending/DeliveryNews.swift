internal import Diagnosis

/// What the log should say, gathered under the lock and said outside of it.
struct DeliveryNews {
    /// By lane and reason.
    var lost: [Lane: [String: UInt64]] = [:]
    /// By type.
    var stale: [DiagnosisDataType: UInt64] = [:]

    var isEmpty: Bool { lost.isEmpty && stale.isEmpty }
}
