@testable import FailureDiagnosis
import Testing

@Suite struct TracebackTests {
    private let matcher = RuleMatcher(.builtIn)

    private func exceptions(_ text: String) -> [RaisedException] {
        Array(text.utf8).withUnsafeBytes { bytes in
            TracebackReader(
                bytes,
                lines: LineBounds.lines(in: bytes).filter { line in
                    TracebackHead(ProgramText.plain(UnsafeRawBufferPointer(rebasing: bytes[line]))) != nil
                }
            ).exceptions
        }
    }

    private func told(_ text: String) -> [String] {
        exceptions(text).map { "\($0.standing): \(String(decoding: $0.text, as: UTF8.self))" }
    }

    private static let lines = [
        "Traceback (most recent call last):", "  File \"/t.py\", line 61, in <module>", "    main()",
        "    ~~~~^^", "  File \"/t.py\", line 3, in main", "    raise Odd(1)", "project.Odd: shard 3 is empty",
    ]

    @Test(arguments: [
        "", "worker-1: ", "[trainer0|3]:", "[80746] ", "3: ", "[1,3]<stderr>:", "trainer-1  | ",
        "(Actor pid=12, ip=10.0.0.1) ",
        "[pod/x/y] ", "2026-11-28T10:00:00.123456789Z stderr F ", "Nov 28 10:00:00 host torchrun[3738]: ",
        "Nov 28 10:00:00 torchrun[3738]: ",
        "[default3]:[rank3]: ",
        "ERROR 11-28 19:05:11 [core.py:708] ", "1\t", "[rank3]: ", "E1128 19:02:11.123456 4012 x.py:869] ",
        "\u{1B}[31m",
    ])
    func whateverStandsBeforeTheLines(_ prefix: String) {
        let text = Self.lines.map { prefix + $0 }.joined(separator: "\n") + "\n"
        #expect(told(text) == ["raised: project.Odd: shard 3 is empty"], "\(prefix)")
    }

    /// The time goes on from line to line.
    @Test func aPrefixWithATimeChanges() {
        let text = Self.lines.enumerated().map { "2026-11-28 19:02:1\($0),00\($0) ERROR train: \($1)" }
        #expect(told(text.joined(separator: "\n")) == ["raised: project.Odd: shard 3 is empty"])
        let first = ["2026-11-28 19:02:11,001 ERROR train: failed: \(Self.lines[0])"] + Self.lines.dropFirst()
        #expect(told(first.joined(separator: "\n")) == ["raised: project.Odd: shard 3 is empty"])
    }

    @Test func ranksThatWriteAtOnceAreKeptApart() {
        var text: [String] = []
        for (index, line) in Self.lines.enumerated() {
            text.append("[rank0]: " + line)
            text.append("[rank1]: " + (index == 6 ? "KeyError: 'labels'" : line))
        }
        let found = exceptions(text.joined(separator: "\n"))
        #expect(found.map(\.rank) == [0, 1])
        #expect(
            found.map { String(decoding: $0.text, as: UTF8.self) } == [
                "project.Odd: shard 3 is empty", "KeyError: 'labels'",
            ])
    }

    @Test func theFirstOfAChainIsTheCause() {
        for mark in [
            "The above exception was the direct cause of the following exception:",
            "During handling of the above exception, another exception occurred:",
        ] {
            let chain = Self.lines + ["", mark, ""] + Self.lines.dropLast() + ["AttributeError: no close"]
            #expect(
                told(chain.joined(separator: "\n")) == [
                    "raised: project.Odd: shard 3 is empty", "consequence: AttributeError: no close",
                ])
            let json =
                #"{"level": "error", "exc": "\#(chain.joined(separator: "\\n").split(separator: "\"").joined(separator: #"\""#))"}"#
            #expect(told(json) == ["raised: project.Odd: shard 3 is empty", "consequence: AttributeError: no close"])
        }
    }

    @Test func aLoadersExceptionIsTheInnerOne() {
        let text =
            Self.lines.dropLast() + [
                "ValueError: Caught ValueError in DataLoader worker process 0.", "Original " + Self.lines[0],
            ]
            + Self.lines.dropFirst().dropLast() + ["ValueError: no labels", ""]
        #expect(
            told(text.joined(separator: "\n")) == [
                "consequence: ValueError: Caught ValueError in DataLoader worker process 0.",
                "raised: ValueError: no labels",
            ])
    }

    @Test func thePartsOfAGroupAreTheCauses() {
        let text = """
              + Exception Group Traceback (most recent call last):
              |   File "a.py", line 1, in <module>
              |     f()
              | ExceptionGroup: two (2 sub-exceptions)
              +-+---------------- 1 ----------------
                | Traceback (most recent call last):
                |   File "a.py", line 3, in f
                | KeyError: 'labels'
                +---------------- 2 ----------------
                | ValueError: never raised
                +------------------------------------
            """
        #expect(
            Set(told(text)) == [
                "consequence: ExceptionGroup: two (2 sub-exceptions)", "raised: KeyError: 'labels'",
                "raised: ValueError: never raised",
            ])
    }

    @Test(arguments: [
        ("Exception ignored in: <function F.__del__ at 0x7f>", "ignored"), ("--- Logging error ---", "ignored"),
        ("Error in atexit._run_exitfuncs:", "ignored"),
        ("Exception in thread Thread-4 (_pin_memory_loop):", "inThread"),
        ("WARNING:root:no triton", "quoted"), ("something else", "raised"),
    ])
    func whatStandsBeforeATracebackTells(_ line: String, _ standing: String) {
        let text = ([line] + Self.lines).joined(separator: "\n")
        #expect(told(text) == ["\(standing): project.Odd: shard 3 is empty"])
    }

    @Test func anIndentedTracebackIsQuoted() {
        #expect(
            told(Self.lines.map { "      " + $0 }.joined(separator: "\n")) == ["quoted: project.Odd: shard 3 is empty"])
    }

    @Test func aSyntaxErrorHasOnlyAFrame() {
        #expect(
            told("  File \"t.py\", line 3\n    def f(:\n          ^\nSyntaxError: invalid syntax\n") == [
                "raised: SyntaxError: invalid syntax"
            ])
    }

    /// Frames of faulthandler, or of a stack that somebody printed, end with no exception.
    @Test func framesAloneAreNothing() {
        #expect(told("Call stack:\n  File \"t.py\", line 3, in f\n    f()\nMessage: 'x'\n") == [])
        #expect(told("  File \"t.py\", line 3, in f\n [2026-11-28 19:02:11] iteration 3/ 10 |\n") == [])
    }

    @Test func nothingInAFrameIsALine() {
        let text =
            "Traceback (most recent call last):\n  File \"t.py\", line 3, in f\n    raise E(\"CUDA out of memory. Tried\")\nKeyError: 'x'\n"
        #expect(matcher.hits(in: Array(text.utf8)[...]).map { matcher.table.rules[$0.rule].id } == ["python.exception"])
    }

    @Test(arguments: [
        "MeanSquaredError: 0.998", "    ValueError: If the learning rate is negative.",
        "INFO: ValueError: x is fine here",
    ])
    func whatOnlyLooksLikeAnExceptionIsNone(_ line: String) {
        let bytes = Array("step 1\n\(line)\n".utf8)
        #expect(bytes.withUnsafeBytes { matcher.hits(in: $0, kind: .logEnd) } == [])
    }

    /// What is read of such texts has a bound; the last line is found all the same.
    @Test(arguments: [
        "Traceback (most recent call last):\nx y\n", "  File \"a\", line 1\nx y\n",
        #"{"a": "Traceback (most recent call last):\n"}"# + "\n",
    ])
    func manyBeginningsTakeNoTime(_ text: String) {
        let bytes = Array((String(repeating: text, count: 4000) + "CUDA out of memory. Tried to allocate 2 GiB\n").utf8)
        let hits = matcher.hits(in: bytes[...])
        #expect(hits.map { matcher.table.rules[$0.rule].id } == ["cuda.out-of-memory"])
        let nested =
            #"{"a": ""# + String(repeating: #"Traceback (most recent call last):\n  File \"a\", line 1\n"#, count: 400)
            + #""}"# + "\n"
        let lines = Array(String(repeating: nested, count: 8).utf8)
        #expect(matcher.hits(in: lines[...]) == [])
    }
}
