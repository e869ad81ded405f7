package import Diagnosis
private import FoundationEssentials
internal import Journal
private import SystemPackage
internal import SystemSupport
internal import ZMQBridge

/// The journal of a state directory, opened read-only, whether a publisher runs or not.
///
/// It shows what was there when it was opened; a running publisher may have deleted parts of it since.
package struct StoredJournal: Sendable {
    /// The state directory.
    package let stateDirectory: String
    /// Whose it is; `nil` if there is no `publisher.json`.
    package let publisher: PublisherID?
    let journal: Journal

    /// Far more bytes than `publisher.json` ever has.
    private static let longestIdentity = 64 << 10

    private struct Identity: Decodable {
        var publisher: String
    }

    /// - Throws: `InspectionError` if there is no journal, or a bad `publisher.json`; `JournalError` if it can't be read.
    package init(stateDirectory: String) throws {
        self.stateDirectory = stateDirectory
        let directory = stateDirectory + "/journal"
        do {
            _ = try Directory(path: directory).names()
        } catch {
            guard error.code == .noSuchFileOrDirectory || error.code == .notDirectory else { throw error }
            throw InspectionError(
                .notThere, "there is no journal in \(stateDirectory): no publisher has kept one there")
        }
        publisher = try Self.publisher(in: stateDirectory)
        journal = try Journal.open(directory: directory, configuration: .readOnly)
    }

    private static func publisher(in stateDirectory: String) throws -> PublisherID? {
        let path = stateDirectory + "/publisher.json"
        let bytes: [UInt8]
        do {
            bytes = try WholeFile(path: path).read(limit: longestIdentity)
        } catch {
            if error.code == .noSuchFileOrDirectory { return nil }
            throw InspectionError(.unreadable, "\(error)")
        }
        do {
            let identity = try JSONDecoder().decode(Identity.self, from: Data(bytes))
            if let id = PublisherID(identity.publisher) { return id }
        } catch {
            throw InspectionError(.unreadable, "\(path) can't be read: \(error)")
        }
        throw InspectionError(.unreadable, "\(path) has no publisher id")
    }

    /// The lanes to look at: all, or those of the types.
    ///
    /// - Throws: `InspectionError` if the journal has nothing of one.
    func lanes(of dataTypes: Set<DiagnosisDataType>) throws -> [JournalLane] {
        let all = journal.lanes
        for dataType in dataTypes.sorted(by: { $0.rawValue < $1.rawValue })
        where !all.contains(where: { $0.name == dataType.rawValue }) {
            let names = all.map(\.name).joined(separator: ", ")
            throw InspectionError(
                .notThere,
                "the journal has nothing of \(HumanText.line(dataType.rawValue)); it has \(names.isEmpty ? "nothing" : names)"
            )
        }
        return dataTypes.isEmpty ? all : all.filter { dataTypes.contains(DiagnosisDataType(rawValue: $0.name)) }
    }

    /// The files that opening found damaged, so that nothing of them can be read.
    func damagedFiles(of lane: JournalLane? = nil) -> [JournalRecovery.SetAside] {
        let directory = journal.directory + "/" + (lane.map { $0.name + "/" } ?? "")
        // A read-only journal names a new path for a file that doesn't count, and keeps the path of a damaged one.
        return journal.recovery.setAside.filter { $0.newPath == $0.path && $0.path.hasPrefix(directory) }
    }
}

/// One envelope as the journal has it.
package struct StoredEnvelope: Hashable, Sendable {
    package var publisher: PublisherID?
    package var dataType: DiagnosisDataType
    package var position: LanePosition
    package var topic: String
    /// Seconds since 1970.
    package var collectionTime: Int64
    /// Nanoseconds since 1970.
    package var publishTime: UInt64
    /// Where its content came from.
    package var origin: MetricOrigin?
    /// The metric's JSON.
    package var body: [UInt8]
}

extension StoredEnvelope {
    /// The header's fields, then the metric's content, for a terminal.
    package var lines: [String] {
        let nanoseconds = String(publishTime % 1_000_000_000)
        let milliseconds = (String(repeating: "0", count: 9 - nanoseconds.count) + nanoseconds).prefix(3)
        let published = TimeText.write(Int64(clamping: publishTime / 1_000_000_000)).dropLast()
        var lines = [
            "\(dataType.rawValue) \(position)", "publisher   \(publisher.map { "\($0)" } ?? "unknown")",
            "topic       \(HumanText.line(topic))", "collected   \(TimeText.write(collectionTime))",
            "published   \(published).\(milliseconds)Z", "body        \(HumanText.bytes(body.count))",
        ]
        do {
            let metric = try MetricBody(checking: body[...])
            let node = metric.node
            lines.append("node        \(HumanText.line(node.type))/\(node.rank), id \(node.id)")
            if metric.isFinalResult { lines.append("final       yes") }
            if metric.needReport { lines.append("need report yes") }
            if let origin { lines += Self.lines(of: origin) }
            lines += [""] + HumanText.indented(metric.content)
        } catch {
            lines += ["", "The body is not a metric's JSON, \(error):"]
            lines += HumanText.indented(String(decoding: body, as: UTF8.self))
        }
        return lines
    }

    private static func lines(of origin: MetricOrigin) -> [String] {
        var lines = [
            "file        \(HumanText.line(origin.path)) (device \(origin.device), inode \(origin.inode))",
            "bytes       \(origin.firstOffset) to \(origin.endOffset), \(origin.lines) lines",
        ]
        if let first = origin.firstTime, let last = origin.lastTime, abs(first) < 1e12, abs(last) < 1e12 {
            lines.append("times       \(TimeText.write(Int64(first))) to \(TimeText.write(Int64(last)))")
        }
        let rank = [
            origin.run.map { "run \(HumanText.line($0))" }, origin.attempt.map { "attempt \($0)" },
            origin.localRank.map { "local rank \($0)" }, origin.stream.map { HumanText.line($0) },
        ].compactMap(\.self)
        if !rank.isEmpty { lines.append("rank        \(rank.joined(separator: ", "))") }
        if origin.isShed { lines.append("left out    yes, by the rate limit; no master gets it") }
        return lines
    }

    /// One object on one line: the header's fields, and the metric under `metric`, as it stands in the journal; a body that is no
    /// metric is text under `body`.
    package func json() throws -> String {
        struct Header: Encodable {
            var publisher: String?
            var data_type: String
            var epoch: UInt64
            var sequence: UInt64
            var topic: String
            var collection_time: Int64
            var publish_time: UInt64
            var body: String?
        }
        let isMetric = (try? MetricBody(checking: body[...])) != nil
        let header = Header(
            publisher: publisher.map { "\($0)" }, data_type: dataType.rawValue, epoch: position.epoch,
            sequence: position.sequence, topic: topic, collection_time: collectionTime, publish_time: publishTime,
            body: isMetric ? nil : String(decoding: body, as: UTF8.self))
        var text = try InspectionJSON.line(header)
        if let origin { text = text.dropLast() + #","origin":"# + String(decoding: origin.json, as: UTF8.self) + "}" }
        guard isMetric else { return text }
        var line: [UInt8] = []
        NDJSONLine.appendOneLine(body[...], to: &line)
        return text.dropLast() + #","metric":"# + String(decoding: line, as: UTF8.self) + "}"
    }
}

extension StoredJournal {
    /// The envelopes of that sequence, one a lane that has it.
    ///
    /// - Parameters:
    ///   - dataType: only this lane.
    ///   - epoch: without it, each lane's newest that has the sequence.
    /// - Throws: `InspectionError` with what there is, if no lane has it.
    package func envelopes(
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
    /// Searches epoch by epoch: there are few, but their numbers are far apart.
    private func record(in lane: JournalLane, having sequence: UInt64, epoch: UInt64?) throws -> JournalRecord? {
        var found: JournalRecord?
        guard var current = epoch ?? lane.first?.epoch else { return nil }
        while let record = try firstRecord(in: lane, after: LanePosition(epoch: current, sequence: sequence - 1)) {
            if let epoch, record.epoch != epoch { break }
            let hasIt = record.first.sequence <= sequence && sequence <= record.last.sequence
            if hasIt { found = record }
            // The first record of a later epoch, where the sequence may follow.
            if record.epoch > current, !hasIt {
                current = record.epoch
                continue
            }
            guard record.epoch < .max else { break }
            current = record.epoch + 1
        }
        return found
    }

    private func firstRecord(in lane: JournalLane, after position: LanePosition) throws -> JournalRecord? {
        let reader = journal.reader(lane: lane.name, after: position)
        while let item = try reader.next() {
            if case .record(let record) = item { return record }
        }
        return nil
    }

    private func envelope(_ sequence: UInt64, of record: JournalRecord) throws -> StoredEnvelope? {
        var found: StoredEnvelope?
        do {
            try EnvelopeRecord.read(
                record.payload, first: record.first, count: Int(record.count)
            ) { envelope in
                guard envelope.position.sequence == sequence else { return true }
                found = StoredEnvelope(
                    publisher: publisher, dataType: DiagnosisDataType(rawValue: record.lane),
                    position: envelope.position, topic: String(decoding: envelope.topic, as: UTF8.self),
                    collectionTime: envelope.collectionTime, publishTime: envelope.publishTime,
                    origin: MetricOrigin(json: envelope.origin), body: Array(envelope.body))
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
