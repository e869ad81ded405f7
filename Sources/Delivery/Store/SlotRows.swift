internal import Diagnosis
internal import GRDB

/// Reads and writes the marks of slots in a consumer's database.
enum SlotRows {
    static func marks(in database: Database) throws -> [SlotMark] {
        try Row.fetchAll(
            database,
            sql: "SELECT data_type, node_type, node_rank, start, publisher, epoch, sequence FROM slot"
        ).map { row in
            guard let publisher = PublisherID(try LedgerRows.text(row, 4)) else {
                throw LedgerDatabaseError.damaged("a slot has no publisher's id")
            }
            let type = DiagnosisDataType(rawValue: try LedgerRows.text(row, 0))
            return SlotMark(
                slot: SampleSlot(
                    dataType: type, nodeType: try LedgerRows.text(row, 1),
                    nodeRank: Int(Int64(bitPattern: try LedgerRows.number(row, 2))),
                    start: Int64(bitPattern: try LedgerRows.number(row, 3))),
                lane: Lane(publisher: publisher, dataType: type),
                position: LanePosition(
                    epoch: try LedgerRows.number(row, 5), sequence: try LedgerRows.number(row, 6)))
        }
    }

    static func write(_ change: SlotChange, in database: Database) throws {
        switch change {
        case .mark(let mark):
            try LedgerRows.run(
                "INSERT OR REPLACE INTO slot VALUES (?, ?, ?, ?, ?, ?, ?)", in: database,
                [
                    mark.slot.dataType.rawValue, mark.slot.nodeType, mark.slot.nodeRank, mark.slot.start,
                    mark.lane.publisher.description, LedgerRows.signed(mark.position.epoch),
                    LedgerRows.signed(mark.position.sequence),
                ])
            try LedgerRows.run(
                "DELETE FROM slot WHERE data_type = ? AND node_type = ? AND node_rank = ? AND start < ?", in: database,
                [mark.slot.dataType.rawValue, mark.slot.nodeType, mark.slot.nodeRank, SlotBook.oldest(before: mark)])
        case .withdraw(let mark):
            try LedgerRows.run(
                "DELETE FROM slot WHERE data_type = ? AND node_type = ? AND node_rank = ? AND start = ?", in: database,
                [mark.slot.dataType.rawValue, mark.slot.nodeType, mark.slot.nodeRank, mark.slot.start])
        }
    }
}
