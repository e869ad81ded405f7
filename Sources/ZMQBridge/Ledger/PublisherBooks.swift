internal import Diagnosis
internal import Journal
internal import Synchronization

/// What there is to know of a publisher's envelopes: its journal, its ledger, and where its lanes stand. Used from any thread.
final class PublisherBooks: Sendable {
    let id: PublisherID
    let epoch: UInt64
    let journal: Journal
    private let ledger: Mutex<PublisherLedger>
    private let problem = Mutex<String?>(nil)

    init(id: PublisherID, epoch: UInt64, journal: Journal, ledger: PublisherLedger) {
        self.id = id
        self.epoch = epoch
        self.journal = journal
        var ledger = ledger
        ledger.note(journal)
        self.ledger = Mutex(ledger)
    }

    /// Why the journal can't be written now.
    var journalProblem: String? {
        get { problem.withLock { $0 } }
        set { problem.withLock { $0 = newValue } }
    }

    func withLedger<Result>(_ body: (inout PublisherLedger) -> Result) -> Result {
        ledger.withLock { body(&$0) }
    }

    func lane(_ dataType: DiagnosisDataType) -> Lane {
        Lane(publisher: id, dataType: dataType)
    }

    /// The oldest place that the journal has of a lane.
    func first(_ dataType: DiagnosisDataType) -> LanePosition? {
        journal.lane(dataType.rawValue)?.first.map { LanePosition($0) }
    }

    /// The newest place of each lane, as of the last `note`.
    var newest: [DiagnosisDataType: LanePosition] {
        withLedger { ledger in
            ledger.lanes.reduce(into: [:]) { newest, lane in
                newest[DiagnosisDataType(rawValue: lane.key)] = lane.value.history.newest
            }
        }
    }

    /// Takes in how far the lanes are.
    func note(_ newest: [DiagnosisDataType: LanePosition]) {
        withLedger { ledger in
            for (dataType, position) in newest { ledger.note(position, lane: dataType.rawValue) }
        }
    }
}
