internal import Diagnosis
internal import Journal

/// A `replay` request that is being answered, one record at a time.
final class ReplayJob {
    /// No request gets more at once, whatever its credit.
    static let largestCredit = 16 << 20

    /// In bytes: a larger record that the peer did not take is read again.
    private static let largestHeld = 8 << 10

    let route: ReplayRoute
    let dataType: DiagnosisDataType
    private let publisher: PublisherState
    private let goal: LanePosition?
    private let newest: () -> LanePosition?
    private var credit: Int
    private var position: LanePosition
    private var reader: JournalReader
    private let recordLosses: () -> Void
    /// Steps that come before the reader's next item, last first: the peer did not take them, or gaps went before them.
    private var held: [Step] = []

    /// - Parameters:
    ///   - newest: answers how far the lane is now.
    ///   - recordLosses: records in the ledger what the journal has just lost.
    init(
        _ request: ReplayRequest, dataType: DiagnosisDataType, route: ReplayRoute, publisher: PublisherState,
        newest: @escaping () -> LanePosition?, recordLosses: @escaping () -> Void
    ) throws(JournalError) {
        self.recordLosses = recordLosses
        self.route = route
        self.dataType = dataType
        self.publisher = publisher
        self.newest = newest
        goal = request.through
        credit = min(max(1, request.credit ?? Self.largestCredit), Self.largestCredit)
        position = try Self.start(of: request, dataType: dataType, publisher: publisher, newest: newest())
        reader = publisher.journal.reader(lane: dataType.rawValue, after: position)
        route.peer.jobs += 1
    }

    deinit {
        route.peer.jobs -= 1
    }

    private static func start(
        of request: ReplayRequest, dataType: DiagnosisDataType, publisher: PublisherState, newest: LanePosition?
    ) throws(JournalError) -> LanePosition {
        if let after = request.after { return after }
        let name = dataType.rawValue
        var found: LanePosition?
        if let since = request.since {
            found = try publisher.journal.position(lane: name, since: since)
        } else if let last = request.last {
            found = try publisher.journal.position(lane: name, last: last)
        }
        if let found { return found }
        guard let end = publisher.first(dataType)?.predecessor ?? newest else {
            return LanePosition(epoch: publisher.epoch, sequence: 0)
        }
        // A lane that began while the journal could not be written has had envelopes before those that are retained, if any is.
        guard end.sequence > 0 else { return end }
        let run = SequenceRange(epoch: end.epoch, first: 1, last: end.sequence)
        let isVolatile = publisher.withLedger { ledger in
            ledger.lanes[name]?.losses.explain(run, fallback: .evicted).allSatisfy { $0.reason == .volatile } ?? false
        }
        return isVolatile ? LanePosition(epoch: end.epoch, sequence: 0) : end
    }

    /// Where the answer begins.
    var start: LanePosition { position }

    /// A part of the answer.
    enum Step {
        /// Envelopes of one record, which come after `position`.
        case record(JournalRecord, after: LanePosition)
        case gaps([StreamGap])
        case end(ReplayAnswer.End)
    }

    /// The next part. The consumer asks again for a record in which its credit ends, so that may go out in parts.
    func next() throws(JournalError) -> Step {
        if let step = held.popLast() {
            if case .record(let record, _) = step { return .record(record, after: position) }
            return step
        }
        if credit <= 0 { return .end(end(complete: false)) }
        guard let item = try reader.next() else {
            // The consumer knows that there was something up to its goal; what the journal does not have of it is gone.
            if let goal, position < goal { return gaps(through: goal) }
            return .end(end(complete: true))
        }
        switch item {
        case .record(let record): return next(record)
        case .gap(let gap): return gaps(through: gap.through)
        }
    }

    /// A record, or the gap before it: the end of the run before may have been cut off.
    private func next(_ record: JournalRecord) -> Step {
        if record.epoch > position.epoch {
            let step = gaps(through: record.first.predecessor)
            if case .gaps(let gaps) = step, !gaps.isEmpty {
                putBack(.record(record, after: position))
                return step
            }
        }
        return .record(record, after: position)
    }

    /// Counts envelopes that went out against the credit.
    func recordSent(through position: LanePosition, bytes: Int) {
        self.position = position
        credit -= bytes
    }

    /// Keeps a step that the peer did not take for the next turn.
    func putBack(_ step: Step) {
        guard case .record(let record, _) = step, record.payload.count > Self.largestHeld else {
            return held.append(step)
        }
        // A few hundred requests for large envelopes would else hold gigabytes.
        reader = publisher.journal.reader(lane: dataType.rawValue, after: position)
    }

    /// Closes the file until the next turn.
    func rest() {
        reader.rest()
    }

    /// Whether the credit is used up.
    var isSpent: Bool { credit <= 0 }

    private func gaps(through end: LanePosition) -> Step {
        let lane = publisher.lane(dataType)
        let retained = publisher.first(dataType)
        let start = position
        let newest = newest()
        recordLosses()
        let gaps = publisher.withLedger { ledger in
            if let newest { ledger.extend(lane: lane.dataType.rawValue, to: newest) }
            return ledger.gaps(in: lane, after: start, through: end, retained: retained)
        }
        position = end
        return .gaps(gaps)
    }

    private func end(complete: Bool) -> ReplayAnswer.End {
        ReplayAnswer.End(
            dataType: dataType, through: position, last: max(newest() ?? position, position), complete: complete)
    }
}
