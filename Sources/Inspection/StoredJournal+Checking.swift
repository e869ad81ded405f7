internal import Diagnosis
internal import Journal
internal import ZMQBridge

extension StoredJournal {
    /// Reads everything: checksums, that each record holds envelopes, and that their bodies are metrics.
    ///
    /// - Throws: `JournalError` if a file can't be read.
    public func check() throws -> JournalCheck {
        var check = JournalCheck(directory: journal.directory)
        try checkEnds(&check)
        check.problems += try journal.verify().map(\.description)
        for lane in journal.lanes { check.lanes.append(try checkContents(lane, &check)) }
        for lane in journal.lanes {
            for file in JournalFile.all(in: journal.directory + "/" + lane.name) where file.kind == .corrupt {
                check.notes.append("\(lane.name)/\(file.name) was set aside as damaged before")
            }
        }
        return check
    }

    /// What opening found.
    private func checkEnds(_ check: inout JournalCheck) throws {
        let damaged = damagedFiles()
        check.problems += damaged.map { "\($0.path): \($0.reason)" }
        check.notes += journal.recovery.setAside.filter { !damaged.contains($0) }.map { "\($0.path): \($0.reason)" }
        for cut in journal.recovery.cuts {
            let end = "\(cut.path): \(HumanText.bytes(Int(clamping: cut.bytes))) from byte \(cut.offset) on"
            if try TornEnd(cut).isDamaged {
                check.problems.append("\(end) are not what was written")
            } else {
                check.notes.append("\(end) are of a write that is under way, or that a crash has cut short")
            }
        }
    }

    private func checkContents(_ lane: JournalLane, _ check: inout JournalCheck) throws -> JournalCheck.Lane {
        var counts = JournalCheck.Lane(dataType: DiagnosisDataType(rawValue: lane.name), bytes: lane.bytes)
        let reader = journal.reader(lane: lane.name)
        while let item = try reader.next() {
            switch item {
            case .gap(let gap):
                // Damage has been told by now, by the checksums.
                check.notes.append(
                    "\(lane.name): what comes after \(gap.after) up to \(gap.through) is not there: \(gap.reason)")
            case .record(let record):
                counts.records += 1
                try checkContents(record, &counts, &check)
            }
        }
        return counts
    }

    private func checkContents(
        _ record: JournalRecord, _ counts: inout JournalCheck.Lane, _ check: inout JournalCheck
    ) throws {
        do {
            try EnvelopeRecord.read(
                record.payload, first: LanePosition(record.first), count: Int(record.count)
            ) { envelope in
                counts.count += 1
                do {
                    _ = try MetricBody(checking: envelope.body)
                } catch {
                    check.problems.append("\(record.lane) \(envelope.position): not a metric's JSON, \(error)")
                }
                return true
            }
        } catch let error as EnvelopeRecord.MalformedError {
            check.problems.append(
                "\(record.lane) \(record.first) to \(record.last): no envelopes, as byte \(error.offset) shows")
        }
    }
}
