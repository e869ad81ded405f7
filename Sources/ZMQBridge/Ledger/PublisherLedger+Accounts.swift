internal import Diagnosis

/// The accounts of named consumers. What one says is checked against what was published, so that no client can unbalance the books.
extension PublisherLedger {
    /// How many more envelopes of a run a consumer may know of than a publisher whose system went down.
    private static let mostUnknown: UInt64 = 10_000

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
    /// - Parameters:
    ///   - epoch: the present run's.
    ///   - now: seconds since 1970.
    ///   - mostConsumers: how many may have an account.
    /// - Returns: why the account is refused; `nil` if it is not.
    mutating func recordAccount(
        _ account: ConsumerAccount, epoch: UInt64, now: Int64, mostConsumers: Int = .max
    ) -> String? {
        let name = account.consumer
        if let refusal = Self.refusal(ofName: name) ?? Self.refusal(ofState: account.state) { return refusal }
        guard consumers[name] != nil || consumers.count < mostConsumers else {
            return "there are \(consumers.count) named consumers already, as many as publisher.consumers allows; "
                + "'arobust forget NAME' those that no longer exist"
        }
        var seen: Set<DiagnosisDataType> = []
        for lane in account.lanes {
            guard seen.insert(lane.dataType).inserted else {
                return "the lane \(Self.shown(lane.dataType)) stands twice"
            }
            if let refusal = refusal(of: lane, epoch: epoch) { return refusal }
        }
        guard accountTotal.replace(consumers[name]?.account, with: account, of: consumers.values.lazy.map(\.account)) else {
            return "the accounts of all \(consumers.count) named consumers would take more than \(AccountTotal.limit >> 20) MiB; "
                + "'arobust forget NAME' those that no longer exist, or give them less state"
        }
        for lane in account.lanes where isOfUncertainRun(lane, epoch: epoch) {
            extend(lane: lane.dataType.rawValue, to: lane.through)
        }
        consumers[name] = Consumer(account: account, heard: now)
        return nil
    }

    /// Forgets a consumer; answers whether there was one.
    mutating func forget(_ name: String) -> Bool {
        guard let consumer = consumers.removeValue(forKey: name) else { return false }
        accountTotal.remove(consumer.account)
        return true
    }

    /// Up to where every named consumer has finished a lane; `nil` if one has not begun, or if there is none.
    func finished(_ lane: String) -> LanePosition? {
        var least: LanePosition?
        for consumer in consumers.values {
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

    /// Why a position is refused: one beyond everything that was published in its run, or of a run that never was, would make every account
    /// wrong.
    private func refusal(of position: LanePosition, _ what: String, in lane: String, epoch: UInt64) -> String? {
        guard position.epoch <= epoch else {
            return "the \(what) \(position) in \(lane) is of a run that has not begun"
        }
        guard position.sequence > 0 else { return nil }
        let isUncertain = runs?.isUncertain(position.epoch) == true
        guard let known = end(of: position.epoch, in: lane) ?? (isUncertain ? 0 : nil) else {
            guard isRecorded(position.epoch, in: lane) else { return nil }
            return "the \(what) \(position) in \(lane) is of a run that published nothing there"
        }
        let unknown = isUncertain ? Self.mostUnknown : 0
        guard position.sequence > known, position.sequence - known > unknown else { return nil }
        return "the \(what) \(position) in \(lane) is beyond what was published there, which ended at "
            + "\(LanePosition(epoch: position.epoch, sequence: known))"
    }

    /// Why the counts are refused: there can't be more than was published.
    private func refusal(ofCounts account: ConsumerAccount.Lane) -> String? {
        let name = account.dataType.rawValue
        let newest = lanes[name]?.history.newest ?? account.through
        let later = count(name, after: account.through, through: max(newest, account.through))
        guard account.ahead <= later else {
            return "'ahead' of \(name) is \(account.ahead), but only \(later) follow the cursor \(account.through)"
        }
        // Of runs that are not recorded the number isn't known.
        guard let origin = account.origin, isRecorded(origin.epoch, in: name) else { return nil }
        let uncertain = UInt64(runs?.uncertainRuns(in: origin.epoch...account.through.epoch) ?? 0)
        let most = count(name, after: origin, through: account.through) + account.ahead + uncertain * Self.mostUnknown
        let counts =
            [account.delivered ?? 0] + Array((account.skipped ?? [:]).values) + Array((account.lost ?? [:]).values)
        let (sum, overflow) = counts.reduce((UInt64(0), false)) { total, count in
            let (sum, overflow) = total.0.addingReportingOverflow(count)
            return (sum, total.1 || overflow)
        }
        guard !overflow, sum <= most else {
            return "the counts of \(name) are more than the \(most) envelopes from its origin to its cursor"
        }
        return nil
    }

    /// Whether the cursor is beyond the known end of a run that may have been longer.
    private func isOfUncertainRun(_ account: ConsumerAccount.Lane, epoch: UInt64) -> Bool {
        let through = account.through
        return through.epoch < epoch && through.sequence > end(of: through.epoch, in: account.dataType.rawValue) ?? 0
            && runs?.isUncertain(through.epoch) == true
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
