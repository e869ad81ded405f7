public import Diagnosis
internal import Journal
internal import ZMQBridge

extension StoredJournal {
    /// The envelopes of that sequence, one a lane that has it.
    ///
    /// - Parameters:
    ///   - dataType: only this lane.
    ///   - epoch: without it, each lane's newest that has the sequence.
    /// - Throws: `InspectionError` with what there is, if no lane has it.
    public func envelopes(
        sequence: UInt64, dataType: DiagnosisDataType? = nil, epoch: UInt64? = nil
    ) throws -> [StoredEnvelope] {
        let lanes = try lanes(of: dataType.map { [$0] } ?? [])
        var found: [StoredEnvelope] = []
        if sequence > 0 {
            for lane in lanes {
                let record = try record(in: lane, having: sequence, epoch: epoch)
                if let record { found += try envelope(sequence, of: record).map { [$0] } ?? [] }
            }
        }
        guard found.isEmpty else { return found }
        let wanted = epoch.map { "\(LanePosition(epoch: $0, sequence: sequence))" } ?? "sequence \(sequence)"
        let ranges = lanes.map { lane in
            guard let first = lane.first, let last = lane.last else { return "\(lane.name) has nothing" }
            return "\(lane.name) has \(first) to \(last)"
        }
        let damaged = damagedFiles().count
        let hint = damaged > 0 ? "; \(HumanText.count(UInt64(damaged), "damaged file")) could not be looked at" : ""
        throw InspectionError(
            .notThere,
            "\(wanted) is not in the journal: \(ranges.isEmpty ? "nothing is in it" : ranges.joined(separator: ", "))\(hint)"
        )
    }

    /// The record with the sequence: in the given epoch or in the newest that has it.
    ///
    /// It goes from epoch to epoch: there are few, but their numbers lie far apart.
    private func record(in lane: JournalLane, having sequence: UInt64, epoch: UInt64?) throws -> JournalRecord? {
        var found: JournalRecord?
        guard var current = epoch ?? lane.first?.epoch else { return nil }
        while let record = try firstRecord(in: lane, after: LanePoint(epoch: current, sequence: sequence - 1)) {
            if let epoch, record.epoch != epoch { break }
            let hasIt = record.first.sequence <= sequence && sequence <= record.last.sequence
            if hasIt { found = record }
            // The first record of a later epoch: there, the sequence may come after it.
            if record.epoch > current, !hasIt {
                current = record.epoch
                continue
            }
            guard record.epoch < .max else { break }
            current = record.epoch + 1
        }
        return found
    }

    private func firstRecord(in lane: JournalLane, after point: LanePoint) throws -> JournalRecord? {
        let reader = journal.reader(lane: lane.name, after: point)
        while let item = try reader.next() {
            if case .record(let record) = item { return record }
        }
        return nil
    }

    private func envelope(_ sequence: UInt64, of record: JournalRecord) throws -> StoredEnvelope? {
        var found: StoredEnvelope?
        do {
            try EnvelopeRecord.read(
                record.payload, first: LanePosition(record.first), count: Int(record.count)
            ) { envelope in
                guard envelope.position.sequence == sequence else { return true }
                found = StoredEnvelope(
                    publisher: publisher, dataType: DiagnosisDataType(rawValue: record.lane),
                    position: envelope.position, topic: String(decoding: envelope.topic, as: UTF8.self),
                    collectionTime: envelope.collectionTime, publishTime: envelope.publishTime,
                    body: Array(envelope.body))
                return false
            }
        } catch let error as EnvelopeRecord.MalformedError {
            throw InspectionError(
                .unreadable,
                "the record \(record.first) of \(record.lane) holds no envelopes, as byte \(error.offset) of it shows")
        }
        return found
    }
}
