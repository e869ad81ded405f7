internal import Delivery
internal import Diagnosis
internal import SystemSupport
internal import ZMQBridge

/// The tables that can be shown, in their order.
package enum TopSection: String, CaseIterable, Hashable, Sendable {
    case masters, ranks, logs, lanes, messages

    var title: String { rawValue.capitalizedWord }
}

/// All that a frame could show of a look: the head, and the tables with all their rows.
package struct TopSheet: Sendable {
    let look: TopLook
    /// Lines above the tables.
    private(set) var head: [TopLine] = []
    private(set) var tables: [TopSection: TopTable] = [:]

    private let rates: TopRates

    /// - Parameter rates: has recorded this look, and earlier ones.
    init(_ look: TopLook, rates: TopRates) {
        self.look = look
        self.rates = rates
        head = headLines
        tables = [.masters: masters, .ranks: ranks, .logs: logs, .lanes: lanes, .messages: messages]
    }

    private func rate(_ owner: String, _ what: String) -> Double? {
        rates.perSecond(TopRates.Name(owner: owner, what: what))
    }

    /// The sum of those that are known; `nil` if none is.
    private static func sum(_ values: [Double?]) -> Double? {
        let known = values.compactMap(\.self)
        return known.isEmpty ? nil : known.reduce(0) { $0 + max(0, $1) }
    }

    // MARK: head

    private var headLines: [TopLine] {
        var lines = look.absences.map { TopLine("WAITING    \($0)", .alarm) }
        for report in look.reports {
            let (status, journal) = (report.status, report.status.journal)
            let share = journal.totalBytes > 0 ? Int(100 * Double(journal.bytes) / Double(journal.totalBytes)) : 0
            let health =
                report.problems.isEmpty ? "works" : HumanText.count(UInt64(report.problems.count), "problem")
            lines.append(
                TopLine(
                    "publisher  \(HumanText.line(status.publisher))  \(health)  journal \(HumanText.bytes(journal.bytes)) "
                        + "of \(HumanText.bytes(journal.totalBytes)) (\(share) %)",
                    report.problems.isEmpty ? .plain : .alarm))
        }
        guard !look.reports.isEmpty else { return lines }
        lines.append(TopLine(flow, .plain))
        for (report, reading) in look.reports.flatMap({ report in report.telemetry.logs.map { (report, $0) } }) {
            guard let sentence = reading.sentence else { continue }
            let who = look.reports.count > 1 ? " (\(HumanText.line(report.status.publisher)))" : ""
            lines.append(TopLine("reading    \(sentence)\(who)", .warning))
        }
        return lines
    }

    /// What comes in, and what goes out.
    private var flow: String {
        func both(_ count: Double?, _ unit: String, _ bytes: Double?) -> String {
            let number = count.map { HumanText.amount($0) } ?? "-"
            let size = bytes.map { HumanText.bytes(Int(min($0, 0x1p62))) } ?? "-"
            return "\(number) \(unit)/s, \(size)/s"
        }
        let files = look.reports.flatMap { report in
            report.telemetry.logs.flatMap { reading in
                reading.files.map { "\(report.status.publisher) \(reading.command) \($0.file)" }
            }
        }
        let lanes = look.reports.flatMap { report in
            report.status.lanes.map { "\(report.status.publisher) \($0.dataType)" }
        }
        let consumers = look.reports.flatMap { report in
            report.status.consumers.map { "\(report.status.publisher) \($0.account.consumer)" }
        }
        return
            "collected  \(both(Self.sum(files.map { rate($0, "lines") }), "lines", Self.sum(files.map { rate($0, "bytes") })))"
            + "   published \(both(Self.sum(lanes.map { rate($0, "produced") }), "envelopes", Self.sum(lanes.map { rate($0, "bytes") })))"
            + "   acknowledged "
            + both(
                Self.sum(consumers.map { rate($0, "delivered") }), "envelopes",
                Self.sum(consumers.map { rate($0, "bytes") }))
    }

    // MARK: tables

    private var masters: TopTable {
        var table = TopTable(
            columns: [
                .text("MASTER", width: 32), .text("BREAKER", width: 9), .number("LAG", importance: 8),
                .number("PENDING", importance: 9), .number("BEHIND", importance: 5), .number("LEFT", importance: 7),
                .number("ACK/S", importance: 6), .number("BYTES/S", importance: 4), .number("NEW/S", importance: 3),
                .number("LOST", importance: 2), .number("HEARD", importance: 1),
                .text("LAST ERROR", width: 24, importance: 0),
            ], empty: "No consumer has given its name here.")
        for report in look.reports {
            for consumer in report.status.consumers.sorted(by: { $0.account.consumer < $1.account.consumer }) {
                table.rows.append(row(of: consumer, in: report.status))
            }
        }
        return table
    }

    private func row(of consumer: PublisherStatus.Consumer, in status: PublisherStatus) -> TopRow {
        let (now, state) = (status.time, consumer.account.state)
        func age(_ time: Int64) -> Double { Double(now) - Double(time) }
        let owner = "\(status.publisher) \(consumer.account.consumer)"
        let silence = age(consumer.heard)
        let breaker = state[ConsumerStateKey.breaker.rawValue]
        let since = consumer.lanes.compactMap(\.pendingSince).min()
        let isStopped = state[ConsumerStateKey.stopped.rawValue] != nil
        let isSilent = silence > Double(StatusText.longestSilence)
        let error = state[ConsumerStateKey.lastError.rawValue] ?? ""
        let lost = consumer.laneAccounts.reduce(UInt64(0)) { $0 &+ $1.totalLost }
        let isOpen = breaker.map { $0 != "closed" } ?? false
        return TopRow(
            cells: [
                .text(consumer.account.consumer), .text(isStopped ? "stopped" : breaker ?? "-"),
                .span(since.map(age) ?? 0), .count(consumer.pending), .bytes(Double(consumer.pendingBytes)),
                consumer.pending == 0 ? .span(0) : .span(consumer.pace?.secondsLeft),
                .rate(rate(owner, "delivered")), .bytes(rate(owner, "bytes")),
                .rate(consumer.pace?.publishedPerSecond), .count(lost), .span(silence), .text(error),
            ], mark: isStopped || isSilent ? .alarm : isOpen || lost > 0 ? .warning : .plain)
    }

    private var ranks: TopTable {
        var table = TopTable(
            columns: [
                .number("RANK"), .text("STATE", width: 7), .number("STEP"), .number("AGO", importance: 6),
                .number("S/STEP", importance: 5), .number("TOKENS/S", importance: 2),
                .number("GOODPUT", importance: 3), .number("RESTARTS", importance: 1),
                .text("LOG", width: 20, importance: 0), .text("LAST LINE", width: 24, importance: 4),
            ], empty: "No training has shown a step in a followed log.")
        for report in look.reports {
            for training in report.telemetry.trainings {
                let state =
                    training.isSilent
                    ? "SILENT" : training.isSlow ? "SLOW" : training.isFinished ? "ended" : "steps"
                let seen = training.seen.map { Double(report.status.time) - Double($0) }
                table.rows.append(
                    TopRow(
                        cells: [
                            .number(training.rank.map { Double($0) }) { "\(Int($0))" }, .text(state),
                            .number(training.step) { TrainingStatus.number($0) }, .span(seen),
                            .number(training.stepSeconds) { TrainingStatus.rounded($0) },
                            .rate(training.tokensPerSecond),
                            .number(training.goodput) { "\(Int(($0 * 100).rounded(.down))) %" },
                            .count(UInt64(clamping: training.restarts)), .text(training.file),
                            .text(look.lastLines[training.file] ?? ""),
                        ], mark: training.isSilent ? .alarm : training.isSlow ? .warning : .plain))
            }
        }
        return table
    }

    private var logs: TopTable {
        var table = TopTable(
            columns: [
                .text("LOG", width: 40), .number("UNREAD", importance: 4), .number("LEFT", importance: 5),
                .number("LINES/S", importance: 3), .number("BYTES/S", importance: 2), .number("LINES", importance: 1),
                .number("BYTES", importance: 0),
            ], empty: "No log is followed.")
        for report in look.reports {
            for reading in report.telemetry.logs {
                for file in reading.files {
                    let owner = "\(report.status.publisher) \(reading.command) \(file.file)"
                    table.rows.append(
                        TopRow(
                            cells: [
                                .text(file.file), .bytes(Double(file.unreadBytes)), .span(secondsLeft(of: file, owner)),
                                .rate(rate(owner, "lines")), .bytes(rate(owner, "bytes")), .count(file.lines),
                                .bytes(Double(file.bytes)),
                            ], mark: file.unreadBytes >= LogReading.leastBacklog ? .warning : .plain))
                }
            }
        }
        return table
    }

    /// `nil`: what is unread does not get less, or that is not known.
    private func secondsLeft(of file: LogReading.File, _ owner: String) -> Double? {
        guard file.unreadBytes > 0 else { return 0 }
        guard let gain = rate(owner, "unread"), gain < 0 else { return nil }
        return Double(file.unreadBytes) / -gain
    }

    private var lanes: TopTable {
        var table = TopTable(
            columns: [
                .text("LANE", width: 24), .number("NEW/S"), .number("BYTES/S", importance: 4),
                .number("PUBLISHED", importance: 3), .number("RETAINED", importance: 1),
                .number("BYTES", importance: 0), .number("NEWEST", importance: 2),
            ], empty: "Nothing has been published here.")
        for report in look.reports {
            for lane in report.status.lanes.sorted(by: { $0.dataType.rawValue < $1.dataType.rawValue }) {
                let owner = "\(report.status.publisher) \(lane.dataType)"
                table.rows.append(
                    TopRow(cells: [
                        .text(lane.dataType.rawValue), .rate(rate(owner, "produced")), .bytes(rate(owner, "bytes")),
                        .count(lane.produced), .count(lane.retained), .bytes(Double(lane.bytes)),
                        .span(lane.newestTime.map { Double(report.status.time) - Double($0) }),
                    ]))
            }
        }
        return table
    }
}

extension String {
    fileprivate var capitalizedWord: String { prefix(1).uppercased() + dropFirst() }
}
