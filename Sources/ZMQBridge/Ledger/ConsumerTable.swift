internal import Diagnosis

/// A named consumer's name. Two names are the same only if their bytes are, however alike they look.
struct ConsumerName: Hashable, Comparable {
    let bytes: [UInt8]

    init(_ text: String) {
        bytes = Array(text.utf8)
    }

    static func < (left: ConsumerName, right: ConsumerName) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}

/// How many named consumers a publisher takes, and how much their accounts may weigh.
struct ConsumerPlaces: Sendable {
    /// Of all together.
    var most = Int.max
    /// In bytes, as `ConsumerAccount.weight` counts them; of all but the masters'.
    var mostWeight = 4 << 20
    /// The masters that this process reports to: places are kept for them, and nobody else's accounts take their room. A request has less
    /// than half a megabyte, so theirs are bounded by their number.
    var masters: Set<ConsumerName> = []
}

/// The accounts of named consumers.
struct ConsumerTable: Hashable {
    struct Entry: Hashable, Codable {
        var account: ConsumerAccount
        /// Seconds since 1970.
        var heard: Int64
    }

    private struct Slot: Hashable {
        var entry: Entry
        var weight: Int

        init(_ entry: Entry) {
            self.entry = entry
            weight = entry.account.weight
        }
    }

    /// A consumer that was silent for so many seconds gives its place to a master's reporter.
    private static let longestSilence: Int64 = 60

    private var slots: [ConsumerName: Slot] = [:]
    /// Of all accounts.
    private(set) var weight = 0

    var count: Int { slots.count }

    /// In no order.
    var entries: some Sequence<Entry> { slots.values.lazy.map(\.entry) }

    /// In the order of the names' bytes.
    var sorted: [Entry] { slots.sorted { $0.key < $1.key }.map(\.value.entry) }

    subscript(name: String) -> Entry? { slots[ConsumerName(name)]?.entry }

    mutating func set(_ entry: Entry) {
        let slot = Slot(entry)
        let old = slots.updateValue(slot, forKey: ConsumerName(entry.account.consumer))
        weight += slot.weight - (old?.weight ?? 0)
    }

    /// Answers whether there was one.
    mutating func remove(_ name: String) -> Bool {
        remove(ConsumerName(name))
    }

    @discardableResult private mutating func remove(_ name: ConsumerName) -> Bool {
        guard let old = slots.removeValue(forKey: name) else { return false }
        weight -= old.weight
        return true
    }

    // MARK: room

    /// Makes room for an account.
    ///
    /// A master always finds some: where others have all of it, the one that has been silent for longest gives way. So it does for the
    /// reporter of another process, if it was silent for a minute. What gives way comes back with its next commit, if there is room.
    ///
    /// - Parameter now: seconds since 1970.
    /// - Returns: why there is no room; then nothing has changed.
    mutating func makeRoom(for account: ConsumerAccount, now: Int64, in places: ConsumerPlaces) -> String? {
        let name = ConsumerName(account.consumer)
        let present = places.masters.compactMap { slots[$0] }
        // So many are neither too many nor too heavy beside the masters.
        var excess = slots.count - present.count - max(0, places.most - places.masters.count)
        if places.masters.contains(name) {
            for other in silent(but: places.masters).prefix(max(0, excess)) { remove(other) }
            return nil
        }
        let old = slots[name]
        let weight = account.weight
        if old == nil { excess += 1 } else { excess = 0 }
        var overweight = self.weight - present.reduce(0) { $0 + $1.weight } - (old?.weight ?? 0) + weight
        overweight = weight > old?.weight ?? 0 ? overweight - places.mostWeight : 0
        guard excess > 0 || overweight > 0 else { return nil }
        var leaving: [ConsumerName] = []
        if account.isOfReporter {
            for other in silent(but: places.masters.union([name])) where excess > 0 || overweight > 0 {
                guard let slot = slots[other], !slot.entry.account.isOfReporter,
                    slot.entry.heard <= now - Self.longestSilence
                else { continue }
                leaving.append(other)
                excess -= 1
                overweight -= slot.weight
            }
        }
        if excess > 0 {
            let all = slots.count - present.count + places.masters.count
            let kept = places.masters.isEmpty ? "" : " (\(places.masters.count) of them are this agent's masters)"
            return "there are \(all) named consumers already\(kept), as many as publisher.consumers allows; "
                + "'arobust forget NAME' those that no longer exist"
        }
        if overweight > 0 {
            return
                "the accounts of all named consumers may take \(places.mostWeight >> 20) MiB together, and this one needs "
                + "\(overweight) bytes more; 'arobust forget NAME' those that no longer exist"
        }
        for other in leaving { remove(other) }
        return nil
    }

    /// Drops accounts that a version without these bounds has taken, those first that no reporter of ours gave, and that are silent for
    /// longest. Who still exists comes back with its next commit.
    mutating func fit(_ places: ConsumerPlaces) {
        guard weight > places.mostWeight else { return }
        var over = weight - places.masters.reduce(0) { $0 + (slots[$1]?.weight ?? 0) } - places.mostWeight
        let others = silent(but: places.masters)
        for isOfReporter in [false, true] {
            for other in others where over > 0 && slots[other]?.entry.account.isOfReporter == isOfReporter {
                over -= slots[other]?.weight ?? 0
                remove(other)
            }
        }
    }

    /// All but some, those first that are silent for longest.
    private func silent(but names: Set<ConsumerName>) -> [ConsumerName] {
        slots.filter { !names.contains($0.key) }
            .sorted { ($0.value.entry.heard, $0.key) < ($1.value.entry.heard, $1.key) }.map(\.key)
    }
}

/// In JSON an object with an entry for each name.
extension ConsumerTable: Codable {
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }

        /// JSON's reader and writer take two names for the same that differ in their bytes only, so one that is not ASCII is written in
        /// digits, behind a character that no name has. The account has the name itself.
        init(of name: ConsumerName, _ text: String) {
            let isPlain = name.bytes.allSatisfy { $0 < 0x80 }
            stringValue = isPlain ? text : "\u{1}" + name.bytes.map { String($0, radix: 16) }.joined(separator: "-")
        }
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        for key in values.allKeys { set(try values.decode(Entry.self, forKey: key)) }
    }

    func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        for (name, slot) in slots {
            try values.encode(slot.entry, forKey: Key(of: name, slot.entry.account.consumer))
        }
    }
}

extension ConsumerAccount {
    /// Whether it comes from a master's reporter, which says when it began (`ConsumerStateKey` in Delivery).
    var isOfReporter: Bool { state["started_at"] != nil }

    /// About how many bytes it takes, in memory or as JSON, whichever is more.
    var weight: Int {
        func length(_ text: String) -> Int {
            text.utf8.reduce(0) { $0 + ($1 < 0x20 ? 6 : "\"\\/".utf8.contains($1) ? 2 : 1) }
        }
        func length(_ words: [String: UInt64]?) -> Int {
            words?.keys.reduce(0) { $0 + length($1) + 32 } ?? 0
        }
        let lanes = lanes.reduce(0) { $0 + 256 + length($1.skipped) + length($1.lost) + length($1.changed) }
        return 256 + 2 * length(consumer) + lanes + state.reduce(0) { $0 + length($1.key) + length($1.value) + 32 }
    }
}
