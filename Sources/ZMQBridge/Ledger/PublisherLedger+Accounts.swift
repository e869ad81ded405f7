internal import Diagnosis

/// The accounts of named consumers. What one says is checked against what was published, so that no client can unbalance the books.
extension PublisherLedger {
    /// How many more envelopes of a run a consumer may have had than a publisher knows whose system went down, or which could not write its
    /// journal: a day's, of what is published while logs wait. They are in that consumer's own account only.
    private static let mostUnknown: UInt64 = 1_000_000
    /// The largest sum of counts: no publisher ever comes so far, and numbers of both sides can be added.
    private static let mostCounted = UInt64(Int64.max)

    /// What an account may consist of.
    private enum Limit {
        static let nameBytes = 256
        /// Words by which a lane's envelopes are counted, of each kind.
        static let words = 64
        static let wordBytes = 64
        /// Entries of the state.
        static let stateEntries = 32
        static let stateBytes = 2048
    }

    /// Replaces a consumer's account, or refuses it and changes nothing.
    ///
    /// What it says of a run of which the publisher does not know all is in this account only: a word of a consumer changes nothing that
    /// is said to, or of, another. Lanes that only such a run can have had are left out.
    ///
    /// - Parameters:
    ///   - epoch: the present run's.
    ///   - now: seconds since 1970.
    /// - Returns: why the account is refused; `nil` if it is not.
    mutating func recordAccount(
        _ account: ConsumerAccount, epoch: UInt64, now: Int64, places: ConsumerPlaces = ConsumerPlaces()
    ) -> String? {
        if let refusal = Self.refusal(ofName: account.consumer) ?? Self.refusal(ofState: account.state) {
            return refusal
        }
        var kept = account
        kept.lanes = []
        var seen: Set<DiagnosisDataType> = []
        for lane in account.lanes {
            guard seen.insert(lane.dataType).inserted else {
                return "the lane \(Self.shown(lane.dataType)) stands twice"
            }
            if let refusal = refusal(of: lane, epoch: epoch) { return refusal }
            if isKnown(lane.dataType.rawValue) { kept.lanes.append(lane) }
        }
        if let refusal = consumers.makeRoom(for: kept, now: now, in: places) { return refusal }
        consumers.set(ConsumerTable.Entry(account: kept, heard: now))
        return nil
    }

    /// Takes out of the saved accounts what would be refused today: a version that checked less may have taken it. A cursor that can be true
    /// is kept.
    mutating func dropFalseAccounts() {
        for entry in consumers.sorted {
            var kept = entry
            kept.account.lanes = entry.account.lanes.compactMap { lane in
                guard lane.dataType.isValid, isKnown(lane.dataType.rawValue) else { return nil }
                if refusal(of: lane, epoch: .max) == nil { return lane }
                let cursor = ConsumerAccount.Lane(dataType: lane.dataType, through: lane.through)
                return refusal(of: cursor, epoch: .max) == nil ? cursor : nil
            }
            if kept != entry { consumers.set(kept) }
        }
    }

    /// Forgets a consumer; answers whether there was one.
    mutating func forget(_ name: String) -> Bool {
        consumers.remove(name)
    }

    /// Up to where every named consumer has finished a lane; `nil` if one has not begun, or if there is none.
    func finished(_ lane: String) -> LanePosition? {
        var least: LanePosition?
        for consumer in consumers.entries {
            guard let through = consumer.account.lanes.first(where: { $0.dataType.rawValue == lane })?.through else {
                return nil
            }
            least = least.map { min($0, through) } ?? through
        }
        return least
    }

    // MARK: words

    static func refusal(ofName name: String) -> String? {
        guard 1...Limit.nameBytes ~= name.utf8.count, isPlain(name) else {
            return "a consumer's name must be 1 to \(Limit.nameBytes) bytes without control characters"
        }
        return nil
    }

    private static func refusal(ofState state: [String: String]) -> String? {
        let isFine =
            state.count <= Limit.stateEntries
            && state.allSatisfy {
                1...Limit.wordBytes ~= $0.utf8.count && isPlain($0) && $1.utf8.count <= Limit.stateBytes
            }
        return isFine
            ? nil
            : "the state may have \(Limit.stateEntries) entries, with names of 1 to \(Limit.wordBytes) bytes and texts of up to "
                + "\(Limit.stateBytes)"
    }

    private static func refusal(ofWords words: [String: UInt64]?, _ kind: String, _ lane: String) -> String? {
        guard let words else { return nil }
        guard words.count <= Limit.words, words.keys.allSatisfy({ 1...Limit.wordBytes ~= $0.utf8.count && isPlain($0) })
        else {
            return "'\(kind)' of \(lane) may have \(Limit.words) words of 1 to \(Limit.wordBytes) bytes"
        }
        return nil
    }

    /// Without control characters.
    private static func isPlain(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
    }

    /// A name of somebody else's, for an answer.
    private static func shown(_ dataType: DiagnosisDataType) -> String {
        dataType.isValid ? dataType.rawValue : "with that name"
    }

    // MARK: numbers

    private func refusal(of account: ConsumerAccount.Lane, epoch: UInt64) -> String? {
        guard account.dataType.isValid else { return "a lane's data_type must be \(TopicWord.rule)" }
        let name = account.dataType.rawValue
        for (kind, words) in [("skipped", account.skipped), ("lost", account.lost), ("changed", account.changed)] {
            if let refusal = Self.refusal(ofWords: words, kind, name) { return refusal }
        }
        for (what, position) in [("origin", account.origin), ("cursor", account.through)] {
            guard let position else { continue }
            if let refusal = refusal(of: position, what, in: name, epoch: epoch) { return refusal }
        }
        if let origin = account.origin, origin > account.through {
            return "the cursor \(account.through) in \(name) is before the origin \(origin)"
        }
        return refusal(ofCounts: account)
    }

    /// Why a position is refused: one beyond everything that was published in its run, or of a run that never was, would make the account
    /// wrong.
    private func refusal(of position: LanePosition, _ what: String, in lane: String, epoch: UInt64) -> String? {
        guard position.epoch <= epoch else {
            return "the \(what) \(position) in \(lane) is of a run that has not begun"
        }
        guard isRecorded(position.epoch, in: lane) else { return nil }
        let isUncertain = runs?.isUncertain(position.epoch) == true
        guard position.sequence > 0 else {
            return isKnown(lane) || isUncertain
                ? nil : "the \(what) \(position) in \(lane) is of a lane that published nothing"
        }
        guard let known = end(of: position.epoch, in: lane) ?? (isUncertain ? 0 : nil) else {
            return "the \(what) \(position) in \(lane) is of a run that published nothing there"
        }
        let unknown = isUncertain ? Self.mostUnknown : 0
        guard position.sequence > known, position.sequence - known > unknown else { return nil }
        return "the \(what) \(position) in \(lane) is beyond what was published there, which ended at "
            + "\(LanePosition(epoch: position.epoch, sequence: known))"
    }

    /// Why the counts are refused: they must be as many as were published from the origin to the cursor and are finished ahead of it, except
    /// for what only this consumer can know.
    private func refusal(ofCounts account: ConsumerAccount.Lane) -> String? {
        let name = account.dataType.rawValue
        let end = max(lanes[name]?.history.newest ?? account.through, account.through)
        let later = count(name, after: account.through, through: end)
        guard
            !isRecorded(account.through.epoch, in: name)
                || account.ahead <= later + unknown(in: account.through.epoch...end.epoch)
        else { return "'ahead' of \(name) is \(account.ahead), but only \(later) follow the cursor \(account.through)" }
        let changed = account.changed?.values.max() ?? 0
        guard changed <= account.delivered ?? 0 else {
            return "'changed' of \(name) says \(changed), more than were delivered"
        }
        let sum = account.counted
        guard let origin = account.origin else {
            return sum == 0 && account.delivered == nil ? nil : "the counts of \(name) need an origin"
        }
        guard sum != 0 || account.delivered != nil else { return nil }
        let known = known(of: account, from: origin)
        guard let sum, sum <= Self.mostCounted, let known else {
            return "the counts of \(name) are more than can be"
        }
        guard sum >= known else {
            return "the counts of \(name) are \(sum), fewer than the \(known) envelopes from its origin to its cursor"
        }
        let isOpen = !isRecorded(origin.epoch, in: name)
        guard isOpen || sum - known <= unknown(in: origin.epoch...end.epoch) else {
            return "the counts of \(name) are more than the \(known) envelopes from its origin to its cursor"
        }
        return nil
    }

    /// How many envelopes an account has that the publisher does not know: of a run that may have been longer, or is not recorded.
    func unknown(in account: ConsumerAccount.Lane) -> UInt64 {
        guard account.delivered != nil, let origin = account.origin, let sum = account.counted,
            let known = known(of: account, from: origin), sum > known
        else { return 0 }
        return sum - known
    }

    /// How many envelopes of an account the publisher knows: up to the cursor, and ahead of it. `nil`: more than can be counted.
    private func known(of account: ConsumerAccount.Lane, from origin: LanePosition) -> UInt64? {
        let between = count(account.dataType.rawValue, after: origin, through: account.through)
        let (sum, overflow) = between.addingReportingOverflow(account.ahead)
        return overflow ? nil : sum
    }

    /// How many more envelopes than are known there may have been in these runs.
    private func unknown(in epochs: ClosedRange<UInt64>) -> UInt64 {
        UInt64(runs?.uncertainRuns(in: epochs) ?? 0) * Self.mostUnknown
    }

    /// Whether anything was ever published in a lane, as far as is known.
    private func isKnown(_ lane: String) -> Bool {
        lanes[lane]?.history.newest != nil
    }

    /// How long a run was in a lane, as far as is known.
    private func end(of epoch: UInt64, in lane: String) -> UInt64? {
        lanes[lane]?.history.ends.first { $0.epoch == epoch }?.sequence
    }

    /// Whether it is known which runs there were from this one on.
    private func isRecorded(_ epoch: UInt64, in lane: String) -> Bool {
        guard runs?.isRecorded(epoch) ?? false else { return false }
        guard let history = lanes[lane]?.history, history.folded > 0 else { return true }
        return history.ends.first.map { epoch >= $0.epoch } ?? true
    }
}

extension ConsumerAccount.Lane {
    /// How many envelopes have a fate, all together; `nil`: more than can be counted.
    fileprivate var counted: UInt64? {
        var sum = delivered ?? 0
        for counts in [skipped, lost] {
            for count in (counts ?? [:]).values {
                let (next, overflow) = sum.addingReportingOverflow(count)
                if overflow { return nil }
                sum = next
            }
        }
        return sum
    }
}
