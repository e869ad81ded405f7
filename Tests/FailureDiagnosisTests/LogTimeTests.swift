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
        ("INFO 12345678 2026-11-24 00:00:01", 1), ("24/Nov/2026:00:00:01 +0000] GET", 1),
        ("24 Nov 2026 00:00:01 GMT", 1),
        ("E20261124 00:00:01.5 9 x.cc:1] y", 1.5), ("Nov 24 2026 00:00:01 router x", 1),
        ("Tue Nov 24 00:00:01 UTC 2026", 1), ("Tue Nov 24 00:00:01 CST 2026 x", 1),
        ("[2026-11-24 00:00:01] n1:9:9 NCCL WARN x", 1),
        ("1795478401.25 x", 1.25), ("1795478401250 x", 1.25), ("[1795478401.250000] x", 1.25),
        (#"{"level":"error","ts":1795478401.25,"msg":"x"}"#, 1.25), (#"{"ts": 1.79547840125e+09, "msg": "x"}"#, 1.25),
        (#"{"timestamp": "2026-11-24T08:00:01+08:00"}"#, 1),
        (#"{"message": "2019-01-01 00:00:00", "time": 1795478401250}"#, 1.25),
        (#"{"log":"x\n","stream":"stderr","time":"2026-11-24T00:00:01.25Z"}"#, 1.25),
        (#"{"time": 0.35, "created": 1795478401.25}"#, 1.25),
        ("2026-11-24-00:00:01 x", 1), ("2026-11-24, 00:00:01 UTC] x", 1), ("[2026-11-24][00:00:01][INFO] x", 1),
        ("2026.11.24 00:00:01 x", 1), ("20261124 00:00:01.5 x", 1.5), ("20261124-00:00:01 x", 1),
        ("2026-11-24T00:00:01.250000000Z stderr F x", 1.25), ("<3>1 2026-11-24T00:00:01.5Z node17 kernel - - - x", 1.5),
        ("<3>Nov 24 00:00:01 node17 kernel: [12345.6] NVRM: x", 1), ("2026-11-24T00:00:01+0000 node17 kernel: x", 1),
        ("Tue 2026-11-24 00:00:01 UTC node17 kernel: x", 1), ("2026/11/24 00:00:01 [error] 9#9: *1 x", 1),
        ("ts=2026-11-24T00:00:01.25Z caller=x.go:9", 1.25), ("2026-11-24 00:00:01.250 | INFO     | x:f:9 - y", 1.25),
        ("E0000 00:00:1795478401.250000    1234 cuda_dnn.cc:8310] x", 1.25),
        ("I1124 00:00:01.250000       1 x.go:9] y", 1.25),
        ("Nov 24, 2026 12:00:01 AM org.apache.spark.X y", 1), ("Tue Nov 24 12:00:01 AM UTC 2026", 1),
        ("Tue 24 Nov 2026 12:00:01 AM UTC", 1), ("[    1.500000 <    0.000012>] x", 1.5), ("[Nov24 00:00] x", 0),
        (#":::MLLOG {"namespace": "", "time_ms": 1795478401250, "event_type": "POINT_IN_TIME"}"#, 1.25),
        (#"{"__REALTIME_TIMESTAMP" : "1795478401250000", "MESSAGE" : "x"}"#, 1.25),
        (
            #"{"text": "x", "record": {"time": {"repr": "2026-11-24 00:00:01.25+00:00", "timestamp": 1795478401.25}}}"#,
            1.25
        ),
        (#"{"time": "11/24/2026 00:00:01", "message": "x"}"#, 1),
    ]) func isRead(line: String, seconds: Double) throws {
        let time = try #require(LogTime(clock: LogClock(now: Self.midnight + 60, bootTime: Self.midnight)).read(line))
        #expect(abs(time - Self.midnight - seconds) < 0.001)
    }

    @Test(arguments: [
        "", "step 12", "2026-13-24 00:00:01", "2026-11-24 25:00:01", "2026-11-24", "12:00:01", "[rank0]: x", "[1.5",
        "Nov 24", "E99 00:00:01", "version 2026-11-24+00:00:01", "33/44/2026 00:00:01", "10.0.3.5 00:00:01 x",
        "v1.11-24 00:00:01", "11-24-5 00:00:01", "[0:05:28<2:11:09,  4.10s/it]", "[Nov24 25:00] x",
        "loss 11/24/2099 00:00:01",
        "9:00:01 x", "13:00:01 PM", "E0000 00:00:12 x", "1970-01-01 00:00:01", "2099-01-01 00:00:00 UTC",
        "99999999999999 x", "1795478401x", "1234567890 tokens", "[9999999999.5] x", #"{"ts": "soon", "time": 0.35}"#,
        "{",
        #"{"time""#, #"{"ts":"#,
    ]) func isNoTime(line: String) {
        #expect(LogTime(clock: LogClock(now: Self.midnight, bootTime: 0)).read(line) == nil)
    }

    @Test func aTimeWithoutYearIsOfThePastTwelveMonths() {
        let time = LogTime(clock: LogClock(now: Self.midnight - 320 * 86400))  // 2026-01-08
        #expect(time.read("Dec 31 00:00:00 x") == Self.midnight - 328 * 86400)
        #expect(time.read("Jan  8 00:00:00 x") == Self.midnight - 320 * 86400)
        // A zone farther east has its new year first.
        let newYear = LogTime(clock: LogClock(now: Self.midnight + 38 * 86400 - 60))
        #expect(newYear.read("Jan  1 07:59:00 x") == Self.midnight + 38 * 86400 + 28_740)
        #expect(time.read("[E321 02:07:08.4 x]").map { $0 < Self.midnight - 320 * 86400 } == true)
    }

    @Test(arguments: [
        "11/24/2026 00:00:01 - INFO - __main__ - x", "[11/24/26 00:00:01] INFO     x", "INFO 11-24 00:00:01 [x.py:9] y",
        "(EngineCore_DP0 pid=17374) ERROR 11-24 00:00:01 [core.py:708] x", "24/11/2026 00:00:01 x",
        "24.11.2026 00:00:01 x",
        "26/11/24 00:00:01 INFO SparkContext: x", "11-24-2026 00:00:01 x", "11/24/2026, 12:00:01 AM x",
        "11/24 00:00:01 x",
        "(pid=9) 11/24/2026 00:00:01 UTC x", "11/24/26 12:00:01 AM x",
    ]) func aShortDateIsTheOneNearestToNow(line: String) {
        #expect(LogTime(clock: LogClock(now: Self.midnight + 60)).read(line) == Self.midnight + 1)
    }

    @Test func ofTwoDaysTheNearerOneCounts() {
        // 2026-02-03, when 3/2 and 2/3 are both possible, and 2/4 only as 2 April, or as tomorrow.
        let time = LogTime(clock: LogClock(now: Self.midnight - 294 * 86400))
        #expect(time.read("02/03/2026 00:00:00") == Self.midnight - 294 * 86400)
        #expect(time.read("03/02/2026 00:00:00") == Self.midnight - 294 * 86400)
        #expect(time.read("02/04/2026 00:00:00") == Self.midnight - 293 * 86400)
        // Three weeks ago rather than in October.
        #expect(time.read("01/10/26 00:00:00") == Self.midnight - 318 * 86400)
        #expect(time.read("12/31 00:00:00") == Self.midnight - 328 * 86400)
    }

    @Test(arguments: [
        ("12:00:01 AM", 0.0), ("1:00:01 AM", 1), ("11:00:01 am", 11), ("12:00:01 PM", 12), ("1:00:01PM", 13),
    ])
    func halvesOfTheDay(text: String, hours: Double) {
        let time = LogTime(clock: LogClock(now: Self.midnight + 86400))
        #expect(time.read("11/24/2026 \(text) x") == Self.midnight + hours * 3600 + 1)
        #expect(time.read("Nov 24, 2026 \(text) x") == Self.midnight + hours * 3600 + 1)
    }

    @Test func theZoneIsTheClocks() {
        let time = LogTime(clock: LogClock(now: Self.midnight, utcOffset: 3600))
        #expect(time.read("2026-11-24 01:00:00") == Self.midnight)
    }

    @Test(arguments: [
        ("+0100", -1.0), (" +0100", -1), (" +01:00", -1), (" +01", -1), ("+01", -1), (" -0130 x", 1.5), ("Z", 0),
        (" Z", 0), (" UTC", 0),
        ("UTC", 0), (" GMT INFO", 0), (" UTC+1", -1), (" GMT+01:00]", -1),
        // No zone, so it is the clock's, an hour east.
        (" CST", -1), (" Zoe", -1), (" - INFO", -1), (" -1 left", -1), (" +9900", -1), (" -2026", -1), (" +01x", -1),
        (" UTCX", -1),
    ]) func aZoneMayStandBehindASpace(zone: String, hours: Double) {
        let time = LogTime(clock: LogClock(now: Self.midnight + 86400, utcOffset: 3600))
        #expect(time.read("2026-11-24 12:00:00,500\(zone)") == Self.midnight + (12 + hours) * 3600 + 0.5)
        #expect(time.read("[2026-11-24 12:00:00\(zone)") == Self.midnight + (12 + hours) * 3600)
    }

    @Test(arguments: [(2000, 2, 29, 951_782_400.0), (2100, 3, 1, 4_107_542_400), (1970, 1, 1, 0)])
    func datesAreTheCalendars(year: Int, month: Int, day: Int, seconds: Double) {
        #expect(LogClock(now: 0).time(year, month, day, 0, offset: nil) == seconds)
    }
}
