internal import Diagnosis

/// How many bytes all accounts of a ledger take together in `ledger.json`, which is written whole. Says nothing about the ledger's contents.
struct AccountTotal: Hashable {
    /// A thousand consumers with 4 KiB each.
    static let limit = 4 << 20

    /// `nil` until it was counted.
    private var bytes: Int?

    static func == (one: Self, other: Self) -> Bool { true }
    func hash(into hasher: inout Hasher) {}

    /// Counts an account in place of the consumer's last one; answers whether there is room. One that does not grow always has.
    ///
    /// - Parameter accounts: all that there are, should they not have been counted yet.
    mutating func replace(
        _ old: ConsumerAccount?, with new: ConsumerAccount, of accounts: some Sequence<ConsumerAccount>
    ) -> Bool {
        let before = bytes ?? accounts.reduce(0) { $0 + Self.bytes(of: $1) }
        let (last, next) = (old.map(Self.bytes) ?? 0, Self.bytes(of: new))
        let after = before - last + next
        let isTaken = after <= Self.limit || next <= last
        bytes = isTaken ? after : before
        return isTaken
    }

    mutating func remove(_ account: ConsumerAccount) {
        bytes = bytes.map { $0 - Self.bytes(of: account) }
    }

    /// About what the file has: texts as JSON writes them, and what stands around them.
    static func bytes(of account: ConsumerAccount) -> Int {
        let lanes = account.lanes.reduce(0) { sum, lane in
            let words = [lane.skipped, lane.lost, lane.changed].compactMap(\.self).reduce(0) { sum, words in
                sum + words.keys.reduce(0) { $0 + written($1) + 24 }
            }
            return sum + written(lane.dataType.rawValue) + 160 + words
        }
        let state = account.state.reduce(0) { $0 + written($1.key) + written($1.value) + 2 }
        return 64 + 2 * written(account.consumer) + lanes + state
    }

    private static func written(_ text: String) -> Int {
        text.utf8.reduce(2) { $0 + ($1 < 0x20 ? 6 : $1 == UInt8(ascii: "\"") || $1 == UInt8(ascii: "\\") ? 2 : 1) }
    }
}
