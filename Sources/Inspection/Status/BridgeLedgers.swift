internal import Delivery
internal import Diagnosis
internal import SystemSupport
package import ZMQBridge

/// What the ledgers of a bridge say whose publishers are elsewhere: it reads a stream, or buses over the network. Its state directory then has
/// the masters' cursors and ledgers alone.
package struct BridgeLedgers: Sendable {
    /// A master, as far as its files tell.
    package struct Master: Sendable, Encodable {
        package var name: String
        /// The process that reports to it, `pid 71`; `nil` if none does.
        package var process: String?
        /// Why its ledger can't be read.
        package var problem: String?
        package var lanes: [Lane] = []
    }

    /// What became of the envelopes of a data type, from all publishers together.
    package struct Lane: Sendable, Encodable {
        package var dataType: String
        package var publishers = 0
        package var delivered: UInt64 = 0
        package var skipped: [String: UInt64] = [:]
        package var lost: [String: UInt64] = [:]

        enum CodingKeys: String, CodingKey {
            case dataType = "data_type"
            case publishers, delivered, skipped, lost
        }

        fileprivate mutating func add(_ lane: ConsumerAccount.Lane) {
            publishers += 1
            delivered = ["before": delivered, "of this one": lane.delivered ?? 0].total
            skipped.merge(lane.skipped ?? [:]) { ["before": $0, "of this one": $1].total }
            lost.merge(lane.lost ?? [:]) { ["before": $0, "of this one": $1].total }
        }
    }

    package let directory: String
    /// Seconds since 1970.
    package let time: Int64
    /// By name.
    package let masters: [Master]
    /// What keeps the bridge from its work (`Health`).
    package var problems: [String] = []

    /// Reads the ledgers, also those that a running bridge has open.
    ///
    /// - Parameter consumers: the directory of the masters' cursors and ledgers.
    /// - Returns: `nil` where a publisher has used the state directory, or no bridge has that heard of publishers elsewhere or reads a stream.
    /// - Throws: if a directory can't be read, or others could put something there.
    package init?(of directory: StateDirectory, consumers: String) throws {
        let owner = try directory.checkForClients()
        guard try PublisherInspection(directory).publisher() == nil else { return nil }
        let readings = try ConsumerStore.readings(inDirectory: consumers, alsoOf: owner)
        guard !readings.isEmpty else { return nil }
        self.directory = directory.path
        time = WallClock.seconds()
        masters = readings.map { Self.master($0, alsoOf: owner) }.sorted { $0.name < $1.name }
        // One that waits for the first publisher of this directory has heard of nobody yet.
        let hasHeard = masters.contains { !$0.lanes.isEmpty }
        guard try hasHeard || Directory(path: consumers).names().contains(ConsumerStore.streamReaderFile) else {
            return nil
        }
    }

    private static func master(_ reading: ConsumerReading, alsoOf owner: UInt32?) -> Master {
        var master = Master(name: reading.consumer)
        let accounts: [PublisherID: ConsumerAccount]
        do {
            switch reading.content {
            case .accounts(let closed): accounts = closed
            case .unreadable(let reason):
                master.problem = reason
                return master
            case .inUse(let process):
                master.process = process
                accounts = try reading.accountsInUse(alsoOf: owner)
            }
        } catch {
            master.problem = "\(error)"
            return master
        }
        var lanes: [DiagnosisDataType: Lane] = [:]
        for lane in accounts.values.flatMap(\.lanes) {
            lanes[lane.dataType, default: Lane(dataType: lane.dataType.rawValue)].add(lane)
        }
        master.lanes = lanes.values.sorted { $0.dataType < $1.dataType }
        return master
    }

    package var hasLosses: Bool { masters.contains { $0.lanes.contains { $0.lost.total > 0 } } }
    /// Whether there is a ledger that can't be read.
    package var isIncomplete: Bool { masters.contains { $0.problem != nil } }
}

extension BridgeLedgers: Encodable {
    private enum CodingKeys: String, CodingKey {
        case directory, time, masters, problems
        case hasLosses = "has_losses"
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(directory, forKey: .directory)
        try container.encode(time, forKey: .time)
        try container.encode(masters, forKey: .masters)
        try container.encode(problems, forKey: .problems)
        try container.encode(hasLosses, forKey: .hasLosses)
    }
}

/// The ledgers for a terminal: a table, what was skipped and lost, and what there is not to be seen here.
package struct BridgeLedgersText {
    private let ledgers: BridgeLedgers

    package init(_ ledgers: BridgeLedgers) {
        self.ledgers = ledgers
    }

    package var lines: [String] {
        var table = TextTable([
            .text("MASTER"), .text("LANE"), .number("PUBLISHERS"), .number("DELIVERED"), .number("SKIPPED"),
            .number("LOST"),
        ])
        var notes: [String] = []
        for master in ledgers.masters {
            let name = HumanText.line(master.name)
            for lane in master.lanes {
                let type = HumanText.line(lane.dataType)
                table.add([
                    name, type, "\(lane.publishers)", "\(lane.delivered)", "\(lane.skipped.total)",
                    "\(lane.lost.total)",
                ])
                for (what, counts) in [("skipped", lane.skipped), ("lost", lane.lost)] where counts.total > 0 {
                    notes.append("\(name) \(type): \(what): \(HumanText.counts(counts))")
                }
            }
            if let problem = master.problem {
                notes.append("PROBLEM    the ledger of \(name) can't be read: \(HumanText.line(problem))")
            }
            if master.process == nil { notes.append("not running: no process reports to \(name)") }
        }
        return [
            "bridge     \(HumanText.line(ledgers.directory))  at \(TimeText.write(ledgers.time))",
            "           Its publishers are elsewhere: what they have produced, and what waits, is seen there.", "",
        ] + table.lines + notes
    }

    /// The last line of an audit.
    package func verdict(isStrict: Bool) -> String {
        let masters = HumanText.count(UInt64(ledgers.masters.count), "master")
        if ledgers.isIncomplete { return "NOT COMPLETE" }
        if ledgers.hasLosses { return isStrict ? "LOSSES: \(masters)" : "with losses: \(masters)" }
        return "nothing is lost: \(masters)"
    }
}
