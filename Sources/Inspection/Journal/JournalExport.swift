package import Diagnosis
internal import Journal
internal import ZMQBridge

extension StoredJournal {
    /// Gives each selected metric as one line of JSON, lane by lane in order: a record's lines at a time, so that memory stays small.
    ///
    /// - Parameters:
    ///   - write: gets whole lines; returns `false` to stop.
    ///   - remark: gets sentences for an operator about what is missing.
    /// - Returns: whether nothing damaged was, or might have been, in the selection.
    /// - Throws: `InspectionError` if there is no publisher id, or no such lane; `JournalError` if a file can't be read.
    package func export(
        _ selection: ExportSelection, write: ([UInt8]) throws -> Bool, remark: (String) -> Void
    ) throws -> Bool {
        guard let publisher else {
            throw InspectionError(
                .notThere, "\(stateDirectory)/publisher.json is not there, so that nobody knows whose metrics these are"
            )
        }
        var isWhole = true
        for lane in try lanes(of: selection.dataTypes) {
            for file in damagedFiles(of: lane) {
                isWhole = false
                remark("\(file.path) is left out: \(file.reason)")
            }
            let reader = journal.reader(lane: lane.name, after: try start(of: lane, selection))
            reading: while let item = try reader.next() {
                switch item {
                case .gap(let gap):
                    // What is missing after the selection's end does not matter.
                    if let to = selection.to, gap.after >= to { break reading }
                    if gap.reason == .corrupt { isWhole = false }
                    remark(
                        "\(lane.name): what comes after \(gap.after) up to \(gap.through) is not there: \(gap.reason)")
                case .record(let record):
                    if let to = selection.to, record.first > to { break reading }
                    var lines: [UInt8] = []
                    let isGood = try append(record, selection, publisher: publisher, to: &lines, remark: remark)
                    isWhole = isWhole && isGood
                    guard try lines.isEmpty || write(lines) else { return isWhole }
                }
            }
        }
        return isWhole
    }

    /// The position after which to read.
    private func start(of lane: JournalLane, _ selection: ExportSelection) throws -> LanePosition? {
        let from = selection.from?.predecessor
        let since = try selection.since.flatMap { try journal.position(lane: lane.name, since: $0) }
        return [from, since].compactMap { $0 }.max()
    }

    /// Appends a record's selected lines; answers whether all of it could be read.
    private func append(
        _ record: JournalRecord, _ selection: ExportSelection, publisher: PublisherID, to lines: inout [UInt8],
        remark: (String) -> Void
    ) throws -> Bool {
        var isGood = true
        do {
            try EnvelopeRecord.read(
                record.payload, first: record.first, count: Int(record.count)
            ) { envelope in
                if let to = selection.to, envelope.position > to { return false }
                if let from = selection.from, envelope.position < from { return true }
                if let since = selection.since, envelope.collectionTime < since { return true }
                do {
                    let body = try MetricBody(checking: envelope.body)
                    NDJSONLine.append(
                        body, origin: MetricOrigin.rewritten(envelope.origin), publisher: publisher,
                        epoch: envelope.position.epoch,
                        sequence: envelope.position.sequence, to: &lines)
                } catch {
                    isGood = false
                    remark("\(record.lane) \(envelope.position) is left out: not a metric's JSON, \(error)")
                }
                return true
            }
        } catch let error as EnvelopeRecord.MalformedError {
            isGood = false
            remark("\(record.lane) \(record.first) to \(record.last): no envelopes, as byte \(error.offset) shows")
        }
        return isGood
    }
}

/// What of a journal is exported.
package struct ExportSelection: Hashable, Sendable {
    /// Empty: all.
    package var dataTypes: Set<DiagnosisDataType> = []
    /// The first.
    package var from: LanePosition?
    /// The last.
    package var to: LanePosition?
    /// The earliest collection time, seconds since 1970.
    package var since: Int64?

    package init() {}
}
