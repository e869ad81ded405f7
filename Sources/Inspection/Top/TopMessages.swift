internal import Delivery
internal import Diagnosis
internal import SystemSupport
internal import ZMQBridge

extension TopSheet {
    /// What is wrong and what went wrong, as far as the processes say: what still lasts first, then the latest.
    var messages: TopTable {
        var table = TopTable(
            columns: [
                .number("AGO"), .text("KIND", width: 10), .text("WHOSE", width: 28, importance: 0),
                .text("MESSAGE", width: 40),
            ], empty: "Nothing is wrong.")
        for report in look.reports {
            table.rows += report.problems.map { Self.row(nil, "PROBLEM", "", $0, .alarm) }
            table.rows += report.telemetry.alarms.map { alarm in
                Self.row(alarm.since.map { Self.age($0, report) }, "ALARM", alarm.source, alarm.sentence, .alarm)
            }
        }
        let past = look.reports.flatMap { Self.errors(in: $0) + Self.findings(in: $0) }
        table.rows += past.sorted { $0.age < $1.age }.map(\.row)
        return table
    }

    private static func age(_ time: Int64, _ report: StatusReport) -> Double {
        Double(report.status.time) - Double(time)
    }

    private static func row(
        _ age: Double?, _ kind: String, _ source: String, _ text: String, _ mark: TopRow.Mark
    ) -> TopRow {
        TopRow(cells: [.span(age), .text(kind), .text(source), .text(text)], mark: mark)
    }

    /// The last error of each master.
    private static func errors(in report: StatusReport) -> [(age: Double, row: TopRow)] {
        report.status.consumers.compactMap { consumer in
            let state = consumer.account.state
            guard let error = state[ConsumerStateKey.lastError.rawValue], !error.isEmpty else { return nil }
            let time = state[ConsumerStateKey.lastErrorTime.rawValue].flatMap {
                TimeText.read($0, now: report.status.time)
            }
            let age = time.map { Self.age($0, report) }
            let isOpen = state[ConsumerStateKey.breaker.rawValue].map { $0 != "closed" } ?? false
            return (
                age ?? .infinity,
                row(age, "error", consumer.account.consumer, error, isOpen ? .warning : .plain)
            )
        }
    }

    /// The root causes in followed logs.
    private static func findings(in report: StatusReport) -> [(age: Double, row: TopRow)] {
        report.telemetry.findings.filter(\.isRootCause).map { finding in
            let age = Self.age(finding.seen, report)
            let isFresh = age < Double(FindingText.freshTime)
            return (
                age,
                row(age, "root cause", finding.file, "\(finding.title) (\(finding.rule))", isFresh ? .alarm : .plain)
            )
        }
    }
}
