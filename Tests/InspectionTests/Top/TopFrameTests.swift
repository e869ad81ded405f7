import Testing
import ZMQBridge

@testable import Inspection

@Suite struct TopFrameTests {
    private let samples = TopSamples()

    private func texts(
        _ frame: TopFrame, _ view: TopView = TopView(), rows: Int = 50, columns: Int = 140
    ) -> [String] {
        var view = view
        return frame.lines(&view, rows: rows, columns: columns).map(\.text)
    }

    @Test func aFrameShowsTheWholeNode() throws {
        let lines = texts(try samples.frame(unread: 4 << 20))
        #expect(
            lines == [
                "arobust top  2026-11-23T18:00:10Z  every 2s",
                "publisher  01234567-89ab-cdef-0123-456789abcdef  1 problem  journal 512.0 MiB of 2.0 GiB (25 %)",
                "collected  50 lines/s, 4.0 KiB/s   published 10 envelopes/s, 2.0 KiB/s   "
                    + "acknowledged 5.0 envelopes/s, 2.0 KiB/s",
                "reading    4.0 MiB of the logs are unread, about 90 s left",
                "[0 All] 1 Masters  2 Ranks  3 Logs  4 Lanes  5 Messages ",
                "Masters (2)",
                "MASTER                         BREAKER   LAG  PENDING   BEHIND  LEFT  ACK/S  BYTES/S  NEW/S  LOST  "
                    + "HEARD  LAST ERROR",
                "dlrover+grpc://10.0.0.1:50001  open     45 s      190  2.0 KiB  19 s    5.0  2.0 KiB     10     2    "
                    + "1 s  connection\\x1brefused",
                "file:///copy.ndjson            closed    0 s        0      0 B   0 s    0.0      0 B      -     0    1 s",
                "",
                "Ranks (2)",
                "RANK  STATE   STEP   AGO  S/STEP  TOKENS/S  GOODPUT  RESTARTS  LOG          LAST LINE",
                "   1  SILENT     7     -       -         -        -         0  /logs/b.log",
                "   0  steps    120  13 s    0.25         -     97 %         0  /logs/a.log  "
                    + "step 120 \\x1b[31mloss 2.5 token=[redacted]",
                "",
                "Logs (1)",
                "LOG           UNREAD  LEFT  LINES/S  BYTES/S  LINES     BYTES",
                "/logs/a.log  4.0 MiB   5 s       50  4.0 KiB    600  44.0 KiB",
                "",
                "Lanes (2)",
                "LANE          NEW/S  BYTES/S  PUBLISHED  RETAINED    BYTES  NEWEST",
                "GENERIC         0.0        -          5         0      0 B       -",
                "TRAINING_LOG     10  2.0 KiB       1300       120  1.5 MiB    14 s",
                "",
                "Messages (3)",
                "  AGO  KIND        WHOSE                          MESSAGE",
                "    -  PROBLEM                                    the ledger of x can't be written",
                " 40 s  root cause  /logs/b.log                    CUDA memory (cuda-oom)",
                "3 min  error       dlrover+grpc://10.0.0.1:50001  connection\\x1brefused",
            ] + Array(repeating: "", count: 20) + ["q quit  ? help  Tab table  < > r sort  / filter  Space pause"])
    }

    @Test func whatIsWrongIsMarked() throws {
        var view = TopView()
        let lines = try samples.frame().lines(&view, rows: 50, columns: 140)
        func style(_ part: String) -> TopLine.Style? { lines.first { $0.text.contains(part) }?.style }
        #expect(style("publisher") == .alarm)
        #expect(style("open     ") == .warning)
        #expect(style("closed   ") == .plain)
        #expect(style("SILENT") == .alarm)
        #expect(style("MASTER  ") == .columns)
    }

    /// Whatever the window, a frame fits in it, and says at least what it is.
    @Test(arguments: [1, 2, 3, 4, 5, 8, 24, 60], [1, 5, 12, 20, 40, 80, 120, 300])
    func aFrameFitsIntoAnyWindow(rows: Int, columns: Int) throws {
        let frame = try samples.frame(unread: 1 << 20)
        for section in [nil] + TopSection.allCases.map(Optional.some) {
            var view = TopView()
            view.section = section
            let lines = frame.lines(&view, rows: rows, columns: columns)
            #expect(lines.count <= rows)
            #expect(lines.allSatisfy { $0.text.count <= columns })
            #expect("arobust top".hasPrefix(lines[0].text.prefix(min(11, columns - 1))))
        }
    }

    @Test func aNarrowWindowKeepsWhatMattersMost() throws {
        var view = TopView()
        view.section = .masters
        #expect(
            texts(try samples.frame(), view, rows: 12, columns: 72)[3...6] == [
                " 0 All [1 Masters] 2 Ranks  3 Logs  4 Lanes  5 Messages ",
                "MASTER                         BREAKER   LAG  PENDING  LEFT  ACK/S",
                "dlrover+grpc://10.0.0.1:50001  open     45 s      190  19 s    5.0",
                "file:///copy.ndjson            closed    0 s        0   0 s    0.0",
            ])
        let narrow = texts(try samples.frame(), view, rows: 12, columns: 30)
        #expect(narrow[4].split(separator: " ") == ["MASTER", "BREAKER"])
        #expect(narrow[5].hasPrefix("dlrover+grpc://") && narrow[5].contains("…") && narrow[5].hasSuffix("  open"))
    }

    @Test func aTableIsSortedAndFiltered() throws {
        let frame = try samples.frame()
        var view = TopView()
        view.section = .ranks
        view.sorts[.ranks] = TopSort(column: 2)
        #expect(
            texts(frame, view)[4...6].map { $0.split(separator: " ").prefix(3).joined(separator: " ") } == [
                "RANK STATE STEP", "0 steps 120", "1 SILENT 7",
            ])
        #expect(texts(frame, view)[4].contains("STEP v"))
        view.sorts[.ranks]?.isReversed = true
        #expect(texts(frame, view)[5].contains("SILENT"))
        view.filter = "LOSS 2.5"
        #expect(texts(frame, view)[49].hasSuffix("filter: LOSS 2.5"))
        #expect(texts(frame, view)[5].contains("steps") && texts(frame, view)[6] == "")
        view.filter = "nothing"
        #expect(texts(frame, view)[4] == "No row has 'nothing'.")
    }

    @Test func oneScrollsNoFurtherThanTheEnd() throws {
        let frame = try samples.frame()
        var view = TopView()
        _ = frame.lines(&view, rows: 12, columns: 140)
        _ = view.handle(.end, columns: frame.columns)
        let lines = frame.lines(&view, rows: 12, columns: 140)
        #expect(lines[lines.count - 2].text.contains("connection\\x1brefused"))
        #expect(lines[11].text.hasSuffix("  lines 18-24 of 24"))
        _ = view.handle(.up, columns: frame.columns)
        #expect(frame.lines(&view, rows: 12, columns: 140)[11].text.hasSuffix("  lines 17-23 of 24"))
    }

    @Test func whoIsGoneIsNamedAndWhatWasSeenStays() throws {
        var look = TopLook(at: 20, time: Samples.now + 20)
        look.absences = ["no publisher runs on /state"]
        var rates = TopRates()
        let before = try samples.look()
        _ = TopFrame(before, rates: &rates)
        let lines = texts(TopFrame(look.keeping(before), rates: &rates))
        #expect(lines[1] == "WAITING    no publisher runs on /state: below is how it was at 2026-11-23T18:00:00Z")
        #expect(lines.contains { $0.hasPrefix(TopSamples.master) })
        #expect(texts(TopFrame(look, rates: &rates))[1] == "WAITING    no publisher runs on /state")
    }

    @Test func aFileGetsAllOfIt() throws {
        var view = TopView()
        view.section = .lanes
        #expect(
            try samples.frame().plainLines(view, width: nil).suffix(3) == [
                "LANE          NEW/S  BYTES/S  PUBLISHED  RETAINED    BYTES  NEWEST",
                "GENERIC         0.0        -          5         0      0 B       -",
                "TRAINING_LOG     10  2.0 KiB       1300       120  1.5 MiB    14 s",
            ])
    }
}
