internal import Diagnosis
internal import Journal

/// A `replay` request that is being answered, a record at a time.
final class ReplayJob {
    /// No request gets more at once, whatever its credit.
    static let largestCredit = 16 << 20

    let returnPath: [[UInt8]]
    let dataType: DiagnosisDataType
    private let books: PublisherBooks
    private let goal: LanePosition?
    private let newest: () -> LanePosition?
    private var credit: Int
    private var position: LanePosition
    private let reader: JournalReader
    private let enterLosses: () -> Void
    /// What comes before the reader's next: because gaps were stated first, or the peer did not take it.
    private var held: [Step] = []

    /// - Parameters:
    ///   - newest: how far the lane is now.
    ///   - enterLosses: enters into the books what the journal has just lost.
    init(
        _ request: ReplayRequest, dataType: DiagnosisDataType, returnPath: [[UInt8]], books: PublisherBooks,
        newest: @escaping () -> LanePosition?, enterLosses: @escaping () -> Void
    ) throws(JournalError) {
        self.enterLosses = enterLosses
        self.returnPath = returnPath
        self.dataType = dataType
        self.books = books
        self.newest = newest
        goal = request.through
        credit = min(max(1, request.credit ?? Self.largestCredit), Self.largestCredit)
        position = try Self.start(of: request, dataType: dataType, books: books, newest: newest())
        reader = books.journal.reader(lane: dataType.rawValue, after: position.point)
    }

    private static func start(
        of request: ReplayRequest, dataType: DiagnosisDataType, books: PublisherBooks, newest: LanePosition?
    ) throws(JournalError) -> LanePosition {
        if let after = request.after { return after }
        let name = dataType.rawValue
        var point: LanePoint?
        if let since = request.since {
            point = try books.journal.point(lane: name, since: since)
        } else if let last = request.last {
            point = try books.journal.point(lane: name, last: last)
        }
        if let point { return LanePosition(point) }
        if let first = books.first(dataType) { return LanePosition(epoch: first.epoch, sequence: first.sequence - 1) }
        guard let newest else { return LanePosition(epoch: books.epoch, sequence: 0) }
        // A lane that began while the journal could not be written has had envelopes, though none was ever retained.
        let run = EpochRange(epoch: newest.epoch, first: 1, last: newest.sequence)
        let isVolatile = books.withLedger { ledger in
            ledger.lanes[name]?.losses.explain(run, fallback: .evicted).allSatisfy { $0.reason == .volatile } ?? false
        }
        return isVolatile ? LanePosition(epoch: newest.epoch, sequence: 0) : newest
    }

    /// Where the answer begins.
    var start: LanePosition { position }

    /// What comes next.
    enum Step {
        /// Envelopes of one record, which come after `position`.
        case record(JournalRecord, after: LanePosition)
        case gaps([StreamGap])
        case end(ReplayAnswer.End)
    }

    /// Reads on. A record that the credit ends in is asked for again, so it may go out in parts.
    func next() throws(JournalError) -> Step {
        if let step = held.popLast() {
            if case .record(let record, _) = step { return .record(record, after: position) }
            return step
        }
        if credit <= 0 { return .end(end(complete: false)) }
        guard let item = try reader.next() else {
            // Up to its goal the consumer knows that something was; what the journal does not have is gone.
            if let goal, position < goal { return gaps(through: goal) }
            return .end(end(complete: true))
        }
        switch item {
        case .record(let record): return next(record)
        case .gap(let gap): return gaps(through: LanePosition(gap.through))
        }
    }

    /// A record of another run may come after an end that was cut off.
    private func next(_ record: JournalRecord) -> Step {
        if record.epoch > position.epoch {
            let step = gaps(through: LanePosition(epoch: record.epoch, sequence: record.firstSequence - 1))
            if case .gaps(let gaps) = step, !gaps.isEmpty {
                held.append(.record(record, after: position))
                return step
            }
        }
        return .record(record, after: position)
    }

    /// Notes that envelopes went out, with so many bytes.
    func sent(through position: LanePosition, bytes: Int) {
        self.position = position
        credit -= bytes
    }

    /// Keeps what the peer did not take, for the next turn.
    func takeBack(_ step: Step) {
        held.append(step)
    }

    /// Closes the file until the next turn.
    func rest() {
        reader.rest()
    }

    /// Whether the credit is used up.
    var isSpent: Bool { credit <= 0 }

    private func gaps(through end: LanePosition) -> Step {
        let lane = books.lane(dataType)
        let retained = books.first(dataType)
        let (start, books) = (position, self.books)
        let newest = newest()
        enterLosses()
        let gaps = books.withLedger { ledger in
            if let newest { ledger.note(newest, lane: lane.dataType.rawValue) }
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

/// Bounds work to so much a second, with a tenth of a second's worth at once: a token bucket.
struct Pace {
    private let perSecond: Double
    private var balance: Double
    private var last: ContinuousClock.Instant

    init(perSecond: Int, now: ContinuousClock.Instant) {
        self.perSecond = Double(max(1, perSecond))
        balance = self.perSecond / 10
        last = now
    }

    /// How many milliseconds to wait before more may be done.
    mutating func pause(now: ContinuousClock.Instant) -> Int {
        balance = min(perSecond / 10, balance + (now - last) / .seconds(1) * perSecond)
        last = now
        return balance > 0 ? 0 : Int((-balance / perSecond * 1000).rounded(.up)) + 1
    }

    mutating func spend(_ amount: Int) {
        balance -= Double(amount)
    }
}
