import Testing

@testable import FailureDiagnosis

@Suite struct LogTimeTests {
    private static let midnight = 1_795_478_400.0  // 2026-11-24 00:00:00 UTC

    @Test(arguments: [
        ("2026-11-24 00:00:01 x", 1.0), ("[2026-11-24 00:00:01,250] [INFO]", 1.25), ("2026-11-24T00:00:01.5Z x", 1.5),
        ("2026-11-24T01:00:01+01:00 x", 1), ("2026-11-23T23:00:01-0100", 1), ("2026-11-24_00:00:01", 1),
        ("2026/11/24 00:00:01 x", 1), ("W1124 00:00:01.626000 9 torch/x.py:9] y", 1.626),
        ("[rank0]:[E1124 00:00:01.5 ProcessGroupNCCL.cpp:607]", 1.5), ("Nov 24 00:00:01 node17 kernel: x", 1),
        ("[Tue Nov 24 00:00:01 2026] x", 1), ("[    1.500000] x", 1.5), ("<6>[    1.500000] x", 1.5),
        ("INFO 12345678 2026-11-24 00:00:01", 1),
    ]) func isRead(line: String, seconds: Double) throws {
        let time = try #require(LogTime(clock: LogClock(now: Self.midnight + 60, bootTime: Self.midnight)).read(line))
        #expect(abs(time - Self.midnight - seconds) < 0.001)
    }

    @Test(arguments: [
        "", "step 12", "2026-13-24 00:00:01", "2026-11-24 25:00:01", "2026-11-24", "12:00:01", "[rank0]: x", "[1.5",
        "Nov 24", "E99 00:00:01", "version 2026-11-24-00:00:01",
    ]) func isNoTime(line: String) {
        #expect(LogTime(clock: LogClock(now: Self.midnight, bootTime: 0)).read(line) == nil)
    }

    @Test func aTimeWithoutYearIsOfThePastTwelveMonths() {
        let time = LogTime(clock: LogClock(now: Self.midnight - 320 * 86400))  // 2026-01-08
        #expect(time.read("Dec 31 00:00:00 x") == Self.midnight - 328 * 86400)
        #expect(time.read("[E321 02:07:08.4 x]").map { $0 < Self.midnight - 320 * 86400 } == true)
    }

    @Test func theZoneIsTheClocks() {
        let time = LogTime(clock: LogClock(now: Self.midnight, utcOffset: 3600))
        #expect(time.read("2026-11-24 01:00:00") == Self.midnight)
    }

    @Test(arguments: [
        ("1970-01-01 00:00:00", 0.0), ("2000-02-29 00:00:00", 951_782_400), ("2100-03-01 00:00:00", 4_107_542_400),
    ]) func datesAreTheCalendars(text: String, seconds: Double) {
        #expect(LogTime(clock: LogClock(now: 0)).read(text) == seconds)
    }
}
