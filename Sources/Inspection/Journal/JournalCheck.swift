package import Diagnosis
internal import SystemSupport
internal import Journal
internal import ZMQBridge

/// What the check of a whole journal has found.
package struct JournalCheck: Hashable, Sendable, Encodable {
    package struct Lane: Hashable, Sendable, Encodable {
        package var dataType: DiagnosisDataType
        package var records = 0
        /// Envelopes that could be read.
        package var count: UInt64 = 0
        package var bytes = 0

        enum CodingKeys: String, CodingKey {
            case dataType = "data_type"
            case records, count, bytes
        }
    }

    package var directory: String
    package var lanes: [Lane] = []
    /// Damage.
    package var problems: [String] = []
    /// What is worth knowing but no damage.
    package var notes: [String] = []

    package var isWhole: Bool { problems.isEmpty }

    package var lines: [String] {
        var lines: [String] = []
        if !lanes.isEmpty {
            var table = TextTable([.text("LANE"), .number("RECORDS"), .number("COUNT"), .number("BYTES")])
            for lane in lanes {
                table.add([
                    HumanText.line(lane.dataType.rawValue), "\(lane.records)", "\(lane.count)",
                    HumanText.bytes(lane.bytes),
                ])
            }
            lines = table.lines
        }
        lines += notes.map { "note: \(HumanText.line($0))" }
        lines += problems.map { "DAMAGED: \(HumanText.line($0))" }
        lines.append(
            isWhole
                ? "\(HumanText.line(directory)) is whole"
                : "\(HumanText.line(directory)) is DAMAGED: \(HumanText.count(UInt64(problems.count), "problem"))")
        return lines
    }
}

extension StoredJournal {
    /// Reads everything: checksums, that each record holds envelopes, and that their bodies are metrics.
    ///
    /// - Throws: `JournalError` if a file can't be read.
    package func check() throws -> JournalCheck {
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
            if try journal.isDamaged(cut) {
                check.problems.append("\(end) are not what was written")
            } else {
                check.notes.append("\(end) belong to a write that is under way, or that a crash cut short")
            }
        }
    }

    private func checkContents(_ lane: JournalLane, _ check: inout JournalCheck) throws -> JournalCheck.Lane {
        var counts = JournalCheck.Lane(dataType: DiagnosisDataType(rawValue: lane.name), bytes: lane.bytes)
        let reader = journal.reader(lane: lane.name)
        while let item = try reader.next() {
            switch item {
            case .gap(let gap):
                // Damage was reported by the checksums already.
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
                record.payload, first: record.first, count: Int(record.count)
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
