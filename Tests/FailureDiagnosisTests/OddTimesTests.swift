import Diagnosis
import FailureDiagnosis
import Foundation
import TestSupport
import Testing

/// Dates in the text, clocks that were set, and other odd times hide no cause.
@Suite struct OddTimesTests {
    private static let midnight = 1_795_478_400.0  // 2026-11-24 00:00:00 UTC
    private let scratch = ScratchFolder()

    private static func time(_ seconds: Double) -> String {
        let moment = Date(timeIntervalSince1970: midnight + seconds)
        return moment.formatted(.iso8601.dateTimeSeparator(.space).timeZoneSeparator(.omitted)).replacing("Z", with: "")
    }

    private static func steps(_ count: Int = 5, from start: Double = 0) -> [String] {
        (0..<count).map { "\(time(start + Double($0) * 10)) INFO step \($0) loss 0.5" }
    }

    /// - Parameters:
    ///   - now: when the diagnosis is made, in seconds after the midnight.
    ///   - modified: when the file was written, likewise; `nil`: right now, as after a copy.
    private func verdict(
        _ logs: [[String]], now: Double = 600, modified: Double? = nil, failures: String? = nil
    ) throws -> FailureVerdict {
        var failure = TrainingFailure()
        for (rank, lines) in logs.enumerated() {
            let path = try scratch.write(lines.joined(separator: "\n") + "\n", to: "rank\(rank).log")
            let written = Date(timeIntervalSince1970: Self.midnight + (modified ?? now))
            try FileManager.default.setAttributes([.modificationDate: written], ofItemAtPath: path)
            failure.logs.append(LogSource(path: path, rank: rank))
        }
        failure.clock = LogClock(now: Self.midnight + now)
        failure.failures = failures
        return FailureDiagnostician(.builtIn).diagnose(failure)
    }

    private static let oom = "\(time(50)) ERROR CUDA out of memory. Tried to allocate 2 GiB"

    static let oneLog: [(String, [String])] = [
        ("a date to come ends the log", steps() + [oom, "2099-01-01 00:00:00 the certificate ends"]),
        ("a date to come in the middle", steps() + ["2099-01-01 00:00:00 x"] + [oom] + steps(1, from: 55)),
        ("a date to come comes first", ["2099-01-01 00:00:00 UTC x"] + steps() + [oom]),
        ("the year 1970 ends the log", steps() + [oom, "1970-01-01 00:00:00 x"]),
        ("the year 1970 in the cause's line", steps() + ["1970-01-01 00:00:00 CUDA out of memory. Tried to allocate"]),
        ("a date to come in the cause's line", steps() + ["2031-05-01 00:00:00 CUDA out of memory. Tried to allocate"]),
        (
            "an earlier date in the cause's line",
            steps() + ["2019-05-01 00:00:00 CUDA out of memory. Tried to"] + steps(1, from: 55)
        ),
        ("a date of last year ends the log", steps() + [oom, "2025-01-01 00:00:00 the certificate begins"]),
        ("dates of files after the cause", steps() + [oom] + (1...9).map { "2025-01-0\($0) 00:00:00 part \($0)" }),
        ("dates of files before the cause", (1...9).map { "2025-01-0\($0) 00:00:00 part \($0)" } + steps() + [oom]),
        (
            "dates of files around the cause's line",
            steps() + ["2025-01-01 00:00:00 part 1", oom, "2025-01-02 00:00:00 part 2"]
        ),
        (
            "the clock is set back by a day",
            steps(40, from: 86_400) + ["\(time(86_800)) CUDA out of memory. Tried"] + steps(2, from: 450)
        ),
        (
            "the clock is set forward by a day",
            steps(5, from: -86_400) + ["\(time(-86_340)) CUDA out of memory. Tried"] + steps(2, from: 450)
        ),
        ("the summer ends", steps(5, from: 3500) + ["\(time(3560)) CUDA out of memory. Tried"] + steps(2, from: 0)),
        ("another zone, ahead of now", steps(5, from: 28_800) + ["\(time(28_850)) CUDA out of memory. Tried"]),
        (
            "no times but one of another day",
            (0..<60).map { "step \($0)" } + ["2025-01-01 00:00:00 x", "CUDA out of memory. Tried"]
        ),
    ]

    @Test(arguments: oneLog) func theCauseIsFound(what: String, lines: [String]) throws {
        #expect(try verdict([lines]).cause?.rule == "cuda.out-of-memory", "\(what)")
        // The same log, copied and looked at ten days later.
        #expect(try verdict([lines], now: 864_000).cause?.rule == "cuda.out-of-memory", "\(what), later")
        #expect(
            try verdict([lines], now: 864_000, modified: 600).cause?.rule == "cuda.out-of-memory",
            "\(what), later, same time")
    }

    @Test(arguments: oneLog) func theFirstOfTwoRanksIsBlamed(what: String, lines: [String]) throws {
        guard !what.contains("clock"), !what.contains("zone"), !what.contains("summer") else { return }
        let later = Self.steps() + ["\(Self.time(140)) Traceback", "ValueError: too late", "\(Self.time(150)) end"]
        let cause = try #require(try verdict([later, lines]).cause)
        #expect(cause.rank == 1, "\(what): \(cause)")
        #expect(cause.time.map { abs($0 - Self.midnight - 50) <= 10 } ?? true, "\(what): \(cause)")
    }

    @Test func anEarlierFailureIsNotBlamed() throws {
        let earlier = Self.steps(5, from: -86_400) + ["\(Self.time(-86_340)) CUDA out of memory. Tried"]
        let now = Self.steps(30) + ["ValueError: now"]
        #expect(try verdict([earlier + now]).cause?.rule == "python.exception")
        // Nothing explains this one, and the training went on after the earlier one.
        #expect(try verdict([earlier + Self.steps(30)]).cause == nil)
    }

    @Test func whatCountsAfterAJumpIsSaid() throws {
        let verdict = try verdict([
            Self.steps(5, from: -86_400) + ["\(Self.time(-86_340)) CUDA out of memory. Tried"] + Self.steps(2)
        ])
        #expect(verdict.notes.count == 1)
        #expect(verdict.notes.first?.contains("the times jump forward after the cause") == true)
    }

    @Test(arguments: ["2099-01-01 00:00:00", "1970-01-01 00:00:00"]) func theLaunchersTimeMayBeWrong(time: String)
        throws
    {
        let failures = #"{"0": {"exitcode": -9, "message": "x", "datetime": "\#(time)"}}"#
        #expect(try verdict([Self.steps() + [Self.oom]], failures: failures).cause?.rule == "cuda.out-of-memory")
    }

    /// The launcher writes UTC; the log has the times of a zone eight hours west.
    @Test func aLogThatWasWrittenThenCounts() throws {
        let failures = #"{"0": {"exitcode": -9, "message": "x", "datetime": "2026-11-24 00:01:00"}}"#
        let lines = Self.steps(5, from: -28_800) + ["\(Self.time(-28_750)) CUDA out of memory. Tried"]
        #expect(try verdict([lines], failures: failures).cause?.rule == "cuda.out-of-memory")
    }

    /// The launcher's clock, or its zone, is ahead of all logs: whatever it is, the logs are of this failure.
    @Test(arguments: [600.0, 40_000]) func aTimeAfterAllLogsIsNotUsed(now: Double) throws {
        let failures = #"{"0": {"exitcode": -9, "message": "x", "datetime": "2026-11-24 08:01:00"}}"#
        let verdict = try verdict(
            [Self.steps() + [Self.oom], Self.steps()], now: now, modified: 60, failures: failures)
        #expect(verdict.cause?.rule == "cuda.out-of-memory")
        #expect(verdict.notes.count == (now > 28_860 ? 1 : 0))
    }

    /// One log is of this failure, so another that ended long before is not.
    @Test func aLogOfAnEarlierFailureIsNotBlamed() throws {
        let failures = #"{"1": {"exitcode": 1, "message": "x", "datetime": "2026-11-24 08:01:00"}}"#
        let logs = [Self.steps() + [Self.oom], Self.steps(5, from: 28_800) + ["ValueError: now"]]
        #expect(try verdict(logs, now: 40_000, modified: 60, failures: failures).cause?.rule == "python.exception")
    }

    /// Lines behind a date to come are no proof that the training went on.
    @Test func aDateToComeIsNoProgress() throws {
        let lines = Self.steps() + [Self.oom, "2026-11-24 23:00:00 x"] + Self.steps(2, from: 51)
        #expect(try verdict([lines]).cause?.rule == "cuda.out-of-memory")
    }
}
