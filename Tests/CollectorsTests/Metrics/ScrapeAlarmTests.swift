@testable import Collectors
import Testing

@Suite struct ScrapeAlarmTests {
    private let start = ContinuousClock.now

    /// What is reported in a round, and accepted.
    private func report(_ alarm: inout ScrapeAlarm, after seconds: Int) -> ScrapeAlarm.Change? {
        let now = start + .seconds(seconds)
        guard let change = alarm.beginReport(now: now) else { return nil }
        alarm.finishReport(change, isAccepted: true, now: now)
        return change
    }

    @Test func reportsTheBeginningAndTheEndOnce() {
        var alarm = ScrapeAlarm(interval: .seconds(60))
        alarm.update(nil, at: 100)
        let report1 = report(&alarm, after: 0)
        #expect(report1 == nil)
        alarm.update("refused", at: 101)
        #expect(alarm.since == 101)
        let report2 = report(&alarm, after: 1)
        #expect(report2 == .init(problem: "refused", timestamp: 101))
        alarm.update("status 500", at: 200)
        #expect(alarm.since == 101)
        let report3 = report(&alarm, after: 100)
        #expect(report3 == nil)
        alarm.update(nil, at: 300)
        #expect(alarm.since == nil)
        let report4 = report(&alarm, after: 200)
        #expect(report4 == .init(problem: nil, timestamp: 300))
        alarm.update(nil, at: 400)
        let report5 = report(&alarm, after: 300)
        #expect(report5 == nil)
    }

    @Test func reportsASourceThatComesAndGoesOnceInAnInterval() {
        var alarm = ScrapeAlarm(interval: .seconds(60))
        var changes: [ScrapeAlarm.Change] = []
        for second in 0..<180 {
            alarm.update(second % 2 == 0 ? "refused" : nil, at: Int64(1000 + second))
            if let change = report(&alarm, after: second) { changes.append(change) }
        }
        #expect(
            changes == [
                .init(problem: "refused", timestamp: 1000), .init(problem: nil, timestamp: 1061),
                .init(problem: "refused", timestamp: 1122),
            ])
    }

    @Test func anAlarmThatIsOverBeforeItsReportIsNotReported() {
        var alarm = ScrapeAlarm(interval: .seconds(60))
        alarm.update("refused", at: 1)
        let report6 = report(&alarm, after: 0)
        #expect(report6 != nil)
        alarm.update(nil, at: 2)
        let report7 = report(&alarm, after: 30)
        #expect(report7 == nil)
        alarm.update("refused", at: 3)
        let report8 = report(&alarm, after: 90)
        #expect(report8 == nil)
    }

    @Test func aFailedReportIsDueAtOnceAndOneUnderWayIsNotGivenTwice() throws {
        var alarm = ScrapeAlarm(interval: .seconds(60))
        alarm.update("refused", at: 1)
        let due = alarm.beginReport(now: start)
        let change = try #require(due)
        let second = alarm.beginReport(now: start)
        #expect(second == nil)
        alarm.finishReport(change, isAccepted: false, now: start)
        let again = alarm.beginReport(now: start)
        #expect(again == change)
    }
}
