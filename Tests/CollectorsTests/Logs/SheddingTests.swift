import Collectors
import Diagnosis
import TestSupport
import Testing

/// Events stay whole, and what is shed is told.
@Suite struct SheddingTests {
    static let stacks = [
        "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    g()\nValueError: x\n",
        "[rank3]: Traceback (most recent call last):\n[rank3]:   File \"a.py\", line 1\n[rank3]: RuntimeError: CUDA error\n[rank3]: CUDA kernel errors might\n",
        "Traceback (most recent call last):\n  x\nKeyError: 1\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  y\nE: 2\n",
        "  + Exception Group Traceback (most recent call last):\n  |   File \"x\"\n  | ExceptionGroup: eg (1 sub-exception)\n  +-+---------------- 1 ----------------\n",
        "terminate called after throwing an instance of 'c10::Error'\n  what():  bad\nException raised from f at a.cpp:1\nframe #0: c10::Error + 0x1\nframe #1: x\n",
        "*** Aborted at 1700000000 (unix time) ***\nPC: @ 0x0 (unknown)\n    @ 0x7f f\n",
        "#0  0x00007f in raise () from /lib/libc.so\n#1  0x00007f in abort ()\n",
        "Fatal Python error: Segmentation fault\n\nCurrent thread 0x7f (most recent call first):\n  File \"a.py\", line 1 in f\n",
        "Exception in thread \"main\" java.lang.Error: x\n\tat a.B.c(B.java:1)\nCaused by: java.io.IOException: y\n\t... 3 more\n",
        "panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/a/b.go:5 +0x1d\nexit status 2\n",
        "thread 'main' panicked at src/main.rs:2:5:\nboom\nnote: run with `RUST_BACKTRACE=1`\n",
        "h:1:2 [0] a.cc:1 NCCL WARN closed\nh:1:2 [0] NCCL INFO a.cc:2 -> 6\n",
        "[    1.5] ------------[ cut here ]------------\n[    1.6] WARNING: CPU: 0\n[    1.7] ---[ end trace 0 ]---\n",
        "[default1]:Traceback (most recent call last):\n[default2]:Traceback (most recent call last):\n[default1]:  a\n[default2]:  b\n[default1]:E: 1\n[default2]:E: 2\n",
    ]

    @Test(arguments: stacks) func anEventIsNotCut(stack: String) {
        let plain = "2026-11-29 10:00:00 INFO step 1\n"
        let text = Array((plain + stack + plain).utf8)
        // Whatever the limit, cuts fall before or after the event.
        for limit in 1...text.count {
            var blocks = EventBlocks()
            var (position, cuts) = (0, Set<Int>())
            while position < text.count {
                let decision = text[position...].withUnsafeBytes { blocks.cutPoint(in: $0, limit: limit, isEnd: true) }
                guard case .cut(let count) = decision, count > 0 else {
                    Issue.record("no progress")
                    return
                }
                blocks.advance()
                position += count
                cuts.insert(position)
            }
            let inside = (plain.utf8.count + 1)..<(plain + stack).utf8.count
            #expect(cuts.allSatisfy { !inside.contains($0) }, "limit \(limit): \(cuts)")
        }
    }

    @Test func groupsInterleavedEvents() {
        let grouped = Array(Self.stacks[13].utf8).withUnsafeBytes { EventBlocks.grouped($0) }
        let lines = String(decoding: grouped ?? [], as: UTF8.self).split(separator: "\n").map { $0.prefix(9) }
        #expect(lines == Array(repeating: "[default1", count: 3) + Array(repeating: "[default2", count: 3))
    }

    @Test(arguments: 1...40) func keptAndShedAreWhatWasRead(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var shedder = LineShedder(.init(bytesPerSecond: 1000, burst: 2000))
        let start = ContinuousClock.now
        var sent = 0
        for second in 0..<20 {
            let lines = (0..<Int.random(in: 1...200, using: &random)).map { _ in
                "\(["ERROR", "step", "loss"].randomElement(using: &random) ?? "") \(Int.random(in: 0..<999, using: &random))\n"
            }
            let text = Array(lines.joined().utf8)
            text.withUnsafeBytes { bytes in
                let block = shedder.shed(
                    bytes, judged: Self.errors(in: bytes), now: start + .seconds(second), wallClock: 0)
                var end = 0
                for piece in block.pieces {
                    let range =
                        switch piece {
                        case .kept(let range): range
                        case .repeated(let gap), .leftOut(let gap): gap.bytes
                        }
                    #expect(range.lowerBound == end && !range.isEmpty)
                    end = range.upperBound
                }
                #expect(end == bytes.count)
                sent += block.text(of: bytes).count
            }
        }
        #expect(sent <= 2 * (2000 + 19 * 1000) + 20 * 200)
    }

    @Test func aBlackBoxTellsACauseOnceWithItsEvent() {
        var box = BlackBox(capacity: 4096)
        let now = ContinuousClock.now
        let text = Array("step 1\nERROR bad\nstep 2\n".utf8)
        let cause = JudgedLine(line: 7..<16, rule: "r", weight: .rootCause)
        let first = text.withUnsafeBytes { box.record($0, judged: [cause], now: now) }
        #expect(first.map { String(decoding: $0.lines, as: UTF8.self) } == ["step 1\nERROR bad\n"])
        #expect(text.withUnsafeBytes { box.record($0, judged: [cause], now: now + .seconds(1)) }.isEmpty)
        #expect(
            text.withUnsafeBytes { box.record($0, judged: [cause], now: now + .seconds(61)) }.map(\.suppressed) == [1])
    }

    /// The lines that begin with an E.
    private static func errors(in lines: UnsafeRawBufferPointer) -> [JudgedLine] {
        var (start, found) = (0, [JudgedLine]())
        for line in lines.split(separator: 0x0A) {
            if line.first == UInt8(ascii: "E") {
                found.append(JudgedLine(line: start..<(start + line.count), rule: "e", weight: .rootCause))
            }
            start += line.count + 1
        }
        return found
    }
}
