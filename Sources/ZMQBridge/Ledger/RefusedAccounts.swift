internal import Diagnosis

/// Whose accounts a publisher refuses at present: such a consumer is missing in its books, or stands there as it was before, and an operator
/// should learn of it.
///
/// Remembered are masters' reporters, which say their accounts every few seconds, and names that have an account: not whatever anybody sends.
struct RefusedAccounts {
    private static let most = 64
    /// In seconds: longer than the time between two accounts of a reporter.
    private static let lifetime: Int64 = 15

    private var refusals: [ConsumerName: PublisherStatus.Refusal] = [:]

    mutating func record(_ refusal: PublisherStatus.Refusal) {
        let name = ConsumerName(refusal.consumer)
        if refusals[name] == nil, refusals.count >= Self.most {
            refusals = refusals.filter { Self.isPresent($0.value, now: refusal.time) }
        }
        if refusals[name] == nil, refusals.count >= Self.most {
            guard refusal.isMaster, let other = refusals.first(where: { !$0.value.isMaster }) else { return }
            refusals[other.key] = nil
        }
        refusals[name] = refusal
    }

    mutating func remove(_ name: String) {
        guard !refusals.isEmpty else { return }
        refusals[ConsumerName(name)] = nil
    }

    /// Those of the last seconds, in the order of the names.
    func current(now: Int64) -> [PublisherStatus.Refusal] {
        refusals.filter { Self.isPresent($0.value, now: now) }.sorted { $0.key < $1.key }.map(\.value)
    }

    private static func isPresent(_ refusal: PublisherStatus.Refusal, now: Int64) -> Bool {
        refusal.time >= now - lifetime
    }
}
