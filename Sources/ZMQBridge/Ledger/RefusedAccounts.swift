internal import Diagnosis

/// Whose accounts a publisher refuses at present: such a consumer is missing in its books, or stands there as it was before, and an operator
/// should learn of it.
///
/// Few are remembered, and for seconds. Masters' reporters, which repeat their accounts, and names that have an account push out others.
struct RefusedAccounts {
    private struct Entry {
        var refusal: PublisherStatus.Refusal
        var isExpected: Bool
    }

    private static let most = 64
    /// In seconds: longer than the time between two accounts of a reporter.
    private static let lifetime: Int64 = 15

    private var entries: [ConsumerName: Entry] = [:]

    /// - Parameter isExpected: whether this is a name that should have an account.
    mutating func record(_ refusal: PublisherStatus.Refusal, isExpected: Bool) {
        let name = ConsumerName(refusal.consumer)
        if entries[name] == nil, entries.count >= Self.most {
            entries = entries.filter { Self.isPresent($0.value, now: refusal.time) }
        }
        if entries[name] == nil, entries.count >= Self.most {
            let other = isExpected ? entries.first { !$0.value.isExpected } : nil
            guard let other = other ?? (refusal.isMaster ? entries.first { !$0.value.refusal.isMaster } : nil)
            else { return }
            entries[other.key] = nil
        }
        entries[name] = Entry(refusal: refusal, isExpected: isExpected)
    }

    mutating func remove(_ name: String) {
        guard !entries.isEmpty else { return }
        entries[ConsumerName(name)] = nil
    }

    /// Those of the last seconds, in the order of the names.
    func current(now: Int64) -> [PublisherStatus.Refusal] {
        entries.filter { Self.isPresent($0.value, now: now) }.sorted { $0.key < $1.key }.map(\.value.refusal)
    }

    private static func isPresent(_ entry: Entry, now: Int64) -> Bool {
        entry.refusal.time >= now - lifetime
    }
}
